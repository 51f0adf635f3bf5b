"""Questions to a model, and what a local server answers in its place."""

import json
from contextlib import contextmanager
from dataclasses import replace

from helpers.messages_server import MessagesServer, data_of

from skillloop.evaluate import cases
from skillloop.evaluate.cases import Case, Expected, Message
from skillloop.hosts.claude_code import transcript
from skillloop.llm import Prompt, Request, prices
from skillloop.model import Edit, Evidence, Lesson, Proposal, SkillRef
from skillloop.pipeline import session
from skillloop.propose import llm_drafter

SCHEMA = {
    "type": "object",
    "properties": {"words": {"type": "array", "items": {"type": "string"}}},
    "required": ["words"],
    "additionalProperties": False,
}


def question(text="hello", **fields):
    return Request("test", prices.CHEAP, Prompt("p@0", "Do it."), {"text": text}, SCHEMA, **fields)


GOOD = "Never cite a magazine when there is a study."


def edit(**fields):
    return {"op": "insert", "heading": "Sources", "old": None, "new": GOOD, "evidence": ["{id}"]} | fields


def answer(*edits):
    """Edits as the model gives them, with the id of the evidence that it was sent."""

    def reply(request):
        data = data_of(request)
        if "scene" not in data:
            return {}  # a replay or the judge: no usable answer
        told = json.dumps({"edits": list(edits), "why": "that is what was asked for"})
        return json.loads(told.replace("{id}", data["scene"]["evidence"]))

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


def proposal(line="- Greet.", drafter="anthropic:m:draft.v1@0"):
    edit = Edit("insert", "Rules", new=line, evidence=("c0",))
    return Proposal("p1", "greeter", "/nowhere/skills/x/SKILL.md", "0" * 64, (edit,), (), "", drafter, "s")


ENDING = "Always end the answer with `Sources:`"


SAID = f"No, that's wrong. {ENDING}."


def held_out(store, skill):
    """A case of another session that is kept for the last look: an answer must hold no gossip."""
    kept = replace(HIDDEN[0], id="h1", skill=str(skill), expected=Expected(absent=("gossip",)))
    store.evaluations.save_case(kept.id, kept.skill, kept.session_id, kept)


class Person:
    """What the server plays: a drafter, an assistant that follows its skill, and a judge."""

    def __init__(self, *, follows=True, prefers_new=True, gossips=False):
        self.follows, self.prefers_new, self.gossips = follows, prefers_new, gossips
        self.draft = answer(edit(heading="Answers", new=ENDING))

    def __call__(self, request):
        data = data_of(request)
        if "scene" in data:
            return self.draft(request)
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
def drafting_server(monkeypatch, home):
    """A server that answers with a good draft; the person's rules ask it."""
    (home / "config.toml").write_text('[model]\nbackend = "anthropic"\n')
    with MessagesServer(answer(edit())) as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-stub-not-a-key")
        monkeypatch.setattr("time.sleep", lambda _seconds: None)
        yield running


def drafted(requests):
    return [
        request
        for request in requests
        if request["system"][0]["text"].startswith("A person corrected an assistant that")
    ]


def brief(read, text, lesson):
    """A draft's start, whatever the detector thinks of the session."""
    turn = read.human_turns[-1]
    evidence = Evidence("e1", read.session_id, read.path, turn.line, turn.uuid, turn.text, turn.origin)
    skill = SkillRef("research", "/nowhere/skills/x/SKILL.md")
    found = Lesson(evidence, lesson, 0.9, True, 0.9, turn.index, skill, target=skill.path)
    return llm_drafter.Brief(read, found, text, "/nowhere/skills/x/SKILL.md")
