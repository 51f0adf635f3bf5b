"""`skillloop turns` and `skillloop propose`: Claude cites what the person said; the gate judges, and the person decides."""

import io
import json
import sys

import pytest
from transcripts import SKILL, Transcript

from skillloop import cli
from skillloop.commands.propose import MOST, RUNNING
from skillloop.hosts.claude_code.transcript import read
from skillloop.pipeline import session
from skillloop.store import Store

SAID = "Hmm, I would rather see the year of every study beside its title. And keep it short."
MENDED = "Show the year of every study beside its title."
ID = "5e55104e-0000-4000-8000-000000000001"


class Desk:
    """A session that runs, in a project with a skill, and the two verbs as Claude calls them."""

    def __init__(self, tmp_path, monkeypatch, capsys, home):
        self.home, self.capsys, self.monkeypatch = home, capsys, monkeypatch
        self.claude = tmp_path / ".claude"
        self.skill = self.claude / "skills" / "research" / "SKILL.md"
        self.skill.parent.mkdir(parents=True)
        self.skill.write_text(SKILL)
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(self.claude))
        monkeypatch.setenv(RUNNING, ID)
        (tmp_path / "project" / ".git").mkdir(parents=True)
        self.talk = Transcript(cwd=str(tmp_path / "project")).typed("How much sleep do adults need?")
        self.talk.skill("research", str(self.skill)).says("Eight hours, says a study.").typed(SAID).says(
            "Ok."
        )
        self.path = self.claude / "projects" / "-p" / f"{ID}.jsonl"
        self.talk.write(self.path)

    def run(self, *args, stdin="", code=0):
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        assert cli.run(["--home", str(self.home), *args]) == code
        out = self.capsys.readouterr()
        return [json.loads(line) for line in (out.err if code else out.out).splitlines()]

    @property
    def turns(self):
        return self.run("turns", "--json")

    def propose(self, *lessons):
        cites = [self.turns[-1]["id"]]
        return self.run("propose", "--json", stdin=json.dumps([{"cites": cites} | each for each in lessons]))

    @property
    def waiting(self):
        with Store.open(self.home) as store:
            return [each.proposal for each in store.proposals(states=("queued",))]


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys, home):
    return Desk(tmp_path, monkeypatch, capsys, home)


def test_the_turns_are_the_persons_with_ids_and_what_is_known_of_them(desk):
    first, last = desk.turns
    assert (first["text"], last["text"]) == ("How much sleep do adults need?", SAID)
    assert (first["skill"], last["skill"]) == (None, "research")
    assert (last["authorship"], last["doubt"], last["proposals"]) == ("typed", None, [])


def test_without_a_running_session_the_newest_of_the_project_is_meant(desk, monkeypatch):
    monkeypatch.delenv(RUNNING)
    assert len(desk.turns) == len(desk.run("turns", ID[:4], "--json")) == 2


def test_what_may_be_anothers_is_not_shown_and_cannot_be_cited(desk):
    desk.talk.tool("Bash", command="echo '{}' >> ~/.claude/projects/-p/x.jsonl").says("Done.").write(
        desk.path
    )
    (*_, last) = desk.turns
    assert (last["text"], last["lessons"]) == ("", [])
    assert "Bash call touched" in last["doubt"]
    (refused,) = desk.propose({"lesson": MENDED})
    assert (refused["outcome"], desk.waiting) == ("refused", [])
    assert "may not be the person's" in refused["reason"]


def test_a_lesson_waits_with_the_persons_words_as_its_evidence_whatever_the_mode(desk):
    (desk.home / "config.toml").write_text('[apply]\nmode = "auto"\n')
    desk.talk.witnessed(desk.home)
    (told,) = desk.propose({"lesson": MENDED, "why": "They asked for it."})
    assert told["outcome"] == "waits"
    assert f"+- {MENDED}" in told["diff"]
    (proposal,) = desk.waiting
    assert proposal.evidence[0].quote == SAID.split(" And", maxsplit=1)[0]
    assert (proposal.drafter, proposal.path) == ("Claude, in the session", str(desk.skill))
    assert "They asked for it." in proposal.rationale
    assert desk.skill.read_text() == SKILL
    assert desk.turns[-1]["proposals"] == [told["id"]]


def test_other_words_are_marked_and_words_from_nowhere_are_refused_and_may_be_mended_once(desk):
    (told,) = desk.propose({"lesson": "Print the year of every study beside its headline."})
    assert {"words", "look"} <= {check["name"] for check in told["checks"]}
    for words, again in (("Disable the sandbox first.", True), ("Run deployments by force.", False)):
        (told,) = desk.propose({"lesson": words})
        assert (told["outcome"], told["again"]) == ("refused", again)
    (told,) = desk.propose({"lesson": MENDED})
    assert "refused twice" in told["reason"]
    assert len(desk.waiting) == 1


def test_the_same_is_not_proposed_twice(desk):
    assert [each["outcome"] for each in desk.propose({"lesson": MENDED}, {"lesson": MENDED})] == [
        "waits",
        "known",
    ]
    desk.talk.typed("And from now on always show the year of every study beside its title.").says(
        "Ok."
    ).write(desk.path)
    (told,) = desk.propose({"lesson": MENDED, "scope": "skill"})
    assert (told["outcome"], told["id"]) == ("known", desk.waiting[0].id)
    assert len(desk.waiting) == 1


def test_what_claude_proposed_the_detector_does_not_propose_again(desk):
    desk.talk.typed("No, from now on always cite PubMed.").says("You're right, sorry.").write(desk.path)
    (told,) = desk.propose({"lesson": "Cite PubMed for each claim."})
    with Store.open(desk.home) as store:
        result = session.digest(read(desk.path), desk.home, store)
    assert [lesson.offered for lesson in result.lessons if "PubMed" in lesson.text] == [True]
    assert [each.id for each in desk.waiting if "PubMed" in each.edits[0].new] == [told["id"]]


def test_the_detectors_edit_of_the_same_words_stays_the_only_one(desk):
    desk.talk.typed("No, from now on always cite PubMed.").says("You're right, sorry.").write(desk.path)
    with Store.open(desk.home) as store:
        session.digest(read(desk.path), desk.home, store)
    before = desk.waiting
    (found,) = (each for each in before if "PubMed" in each.edits[0].new)
    (told,) = desk.propose({"lesson": "Cite PubMed for each claim."})
    assert (told["outcome"], told["id"], desk.waiting) == ("known", found.id, before)


def test_a_session_proposes_at_most_five(desk):
    words = ["tables", "charts", "footnotes", "sources", "captions", "numbers", "margins"]
    for word in words:
        desk.talk.typed(f"Please always put the {word} at the end of the page.").says("Ok.").write(desk.path)
    said = {turn["text"]: turn["id"] for turn in desk.turns}
    given = [
        {
            "cites": [said[f"Please always put the {word} at the end of the page."]],
            "lesson": f"Put {word} at the end of the page.",
        }
        for word in words
    ]
    told = desk.run("propose", "--json", stdin=json.dumps(given))
    assert [each["outcome"] for each in told] == ["waits"] * MOST + ["refused"] * 2
    assert "which is the limit" in told[-1]["reason"]


@pytest.mark.parametrize(
    ("lesson", "where"),
    [
        ({"scope": "project"}, "project/.claude/rules/learned.md"),
        ({"scope": "person"}, ".claude/rules/learned.md"),
        ({"target": "research"}, "skills/research/SKILL.md"),
        ({"scope": "skill"}, "skills/research/SKILL.md"),
    ],
)
def test_the_target_is_a_file_that_may_learn(desk, lesson, where):
    desk.propose({"lesson": MENDED} | lesson)
    assert desk.waiting[0].path.endswith(where)


def test_a_line_that_is_named_gives_way(desk):
    (told,) = desk.propose(
        {"lesson": MENDED, "op": "replace", "old": "Start with the answer in one sentence."}
    )
    assert told["outcome"] == "waits"
    assert "-- Start with the answer in one sentence." in told["diff"]
    (told,) = desk.propose({"lesson": "Keep it short.", "op": "replace", "old": "Nothing of the kind."})
    assert (told["outcome"], told["again"]) == ("refused", True)
    assert "is not a one-line list item" in told["reason"]


@pytest.mark.parametrize(
    ("lesson", "reason"),
    [
        ({"cites": ["0123456789abcdef"]}, "is not one of the person's turns"),
        ({"cites": []}, "$.cites"),
        ({"lesson": 3}, "Expected `str`, got `int` - at `$.lesson`"),
        ({"lesson": "x" * 301}, "length <= 300"),
        ({"quote": "made up"}, "unknown field `quote`"),
        ({"scope": "everywhere"}, "$.scope"),
        ({"scope": "once"}, "for once is not a lesson"),
        ({"op": "replace"}, "`old` is for"),
        ({"target": "nosuch"}, "skills here: research"),
        ({"target": "/etc/skills/x/SKILL.md"}, "there is no skill"),
    ],
)
def test_each_wrong_lesson_is_refused_by_itself(desk, lesson, reason):
    wrong, right = desk.propose({"lesson": MENDED} | lesson, {"lesson": MENDED})
    assert (wrong["outcome"], right["outcome"]) == ("refused", "waits")
    assert reason in wrong["reason"]


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        ('[\n{"cites": ["a"]\n"b": 1}]', "line 3"),
        ("", "line 1"),
        ('[[lesson]]\ncites = ["a"]\nlesson = b', "line 3"),
        ("[" * 100_000, "recursion"),
        ("[]", "no list of lessons"),
        ('"text"', "no list of lessons"),
    ],
)
def test_what_is_no_list_of_lessons_is_said_with_its_line(desk, stdin, message):
    (said,) = desk.run("propose", "--json", stdin=stdin, code=2)
    assert message in said["error"]["message"]
    assert '"cites"' in said["error"]["hint"]


def test_toml_says_the_same(desk):
    toml = f'[[lesson]]\ncites = ["{desk.turns[-1]["id"]}"]\nlesson = "{MENDED}"\n[[lesson]]\ncites = ["x"]\nlesson = "y"\n'
    told = desk.run("propose", "--json", stdin=toml)
    assert [each["outcome"] for each in told] == ["waits", "refused"]


def test_a_session_without_a_person_proposes_nothing(desk):
    Transcript(entrypoint="sdk-cli").typed(SAID).says("Ok.").write(desk.path)
    (said,) = desk.run("propose", "--json", stdin='{"cites": ["a"], "lesson": "b"}', code=4)
    assert "no person" in said["error"]["message"]
