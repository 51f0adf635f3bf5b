"""Questions to a model, and what a local server answers in its place."""

from contextlib import contextmanager
from dataclasses import replace

from helpers.messages_server import MessagesServer, data_of

from skillloop.evaluate import cases
from skillloop.evaluate.cases import Case, Expected, Message
from skillloop.hosts.claude_code import transcript
from skillloop.llm import Prompt, Request
from skillloop.llm.request import PROMPTS
from skillloop.model import Edit, Proposal, SkillRef
from skillloop.pipeline import session
from skillloop.propose.model_drafter import Brief
from skillloop.propose.targets import KnownSkill

SCHEMA = {
    "type": "object",
    "properties": {"words": {"type": "array", "items": {"type": "string"}}},
    "required": ["words"],
    "additionalProperties": False,
}


def question(text="hello", **fields):
    return Request("test", "claude-haiku-5-5", Prompt("p@0", "Do it."), {"text": text}, SCHEMA, **fields)


GOOD = "Never cite a magazine when there is a study."


def taught(lesson=GOOD, **fields):
    """An entry of the model's answer; the turn that it cites is the last one."""
    told = {"cites": ["last"], "lasting": "yes", "lesson": lesson, "scope": "skill", "skill": "research"}
    return told | {"op": "add", "old": "", "why": "it was said before"} | fields


def answer(*lessons, reworded=None):
    """What the model answers about a session; and with which words when it is asked for others."""

    def reply(request):
        data = data_of(request)
        if "lessons" in data:
            return {
                "lessons": [{"id": item["id"], "lesson": reworded} for item in data["lessons"] if reworded]
            }
        if "turns" not in data:
            return {}  # a replay or the judge: no usable answer
        last = data["turns"][-1]["id"]
        return {
            "lessons": [
                item | {"cites": [last if id_ == "last" else id_ for id_ in item["cites"]]}
                for item in lessons
            ]
        }

    return reply


def written(tmp_path, record):
    return record.write(tmp_path / "t" / "session.jsonl")


def digest(tmp_path, home, store, record):
    return session.digest(transcript.read(written(tmp_path, record.witnessed(home))), home, store)


def case(session_id, number=1):
    return Case(
        f"c{number}",
        "/nowhere/skills/x/SKILL.md",
        session_id,
        (Message("human", "hi"),),
        "",
        Expected(rubric="must greet"),
    )


def sessions(wanted, *, hidden):
    """Session ids that the lot puts on one side."""
    found = (f"session-{n}" for n in range(10_000) if cases.held_out(case(f"session-{n}")) is hidden)
    return [next(found) for _ in range(wanted)]


OWN, *SEEN = [case(name, number) for number, name in enumerate(sessions(6, hidden=False))]


HIDDEN = [case(name, 100 + number) for number, name in enumerate(sessions(4, hidden=True))]


def proposal(line="- Greet.", drafter="anthropic:m:lessons.v1@0"):
    edit = Edit("insert", "Rules", new=line, evidence=("c0",))
    return Proposal("p1", "greeter", "/nowhere/skills/x/SKILL.md", "0" * 64, (edit,), (), "", drafter, "s")


ENDING = "Always end the answer with `Sources:`"


SAID = f"No, that's wrong. {ENDING}."


def held_out(store, skill):
    """A case of another session that is kept for the last look: an answer must hold no gossip."""
    kept = replace(HIDDEN[0], id="h1", skill=str(skill), expected=Expected(absent=("gossip",)))
    store.evaluations.save_case(kept.id, kept.skill, kept.session_id, kept)


class Person:
    """What the server plays: a reader of sessions, an assistant that follows its skill, and a judge."""

    def __init__(self, *, follows=True, prefers_new=True, gossips=False):
        self.follows, self.prefers_new, self.gossips = follows, prefers_new, gossips
        self.reads = answer(taught(ENDING))

    def __call__(self, request):
        data = data_of(request)
        if "turns" in data:
            return self.reads(request)
        if "conversation" in data:
            new = ENDING in data["skill"]
            said = "Eight hours. Sources: a study." if new and self.follows else "Eight hours."
            return {"answer": said + " Some gossip." * (new and self.gossips), "commands": []}
        new = next(name for name in ("first", "second") if (ENDING in data[name]) is self.prefers_new)
        return {"better": new, "why": "the words ask for it"}


def outcome(result):
    trial = result.trials[0]
    return {check.name: check for check in trial.verdict.checks}, trial


@contextmanager
def reading_server(monkeypatch, home):
    """A server that names a good lesson; the person's rules ask it."""
    (home / "config.toml").write_text('[model]\nbackend = "anthropic"\n')
    with MessagesServer(answer(taught())) as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-stub-not-a-key")
        monkeypatch.setattr("time.sleep", lambda _seconds: None)
        yield running


def asked(requests, prompt="lessons.v1"):
    """The requests with these instructions."""
    first = (PROMPTS / f"{prompt}.j2").read_text().splitlines()[0]
    return [request for request in requests if request["system"][0]["text"].startswith(first)]


def brief(read, text="", found=()):
    """All of a session, for a model, with a skill that was in force."""
    skill = KnownSkill(SkillRef("research", "/nowhere/skills/research/SKILL.md"), text)
    return Brief(read, read.human_turns, tuple(found), (skill,), {})
