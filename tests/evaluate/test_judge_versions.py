"""Versions of the judge: chosen by some decisions, promoted by others, pinned and taken back by a person alone."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from evaluate.test_defects import RULES, TEXT
from helpers.messages_server import MessagesServer, data_of
from helpers.models import proposal

from skillloop import cli
from skillloop.errors import Refused, UsageError
from skillloop.evaluate import judge, judge_versions
from skillloop.evaluate.judge import Version
from skillloop.llm.request import Reply
from skillloop.model import Edit, Evidence, Origin, Outcome, Verdict

MODEL = "m"
SKILL = "/nowhere/skills/x/SKILL.md"
CAREFUL, CARELESS = "Nothing is lost that was there.", "Longer is better."


def decided(store, count, start=0):
    """Decisions: edits that add a rule are taken, those that also drop one and add another are not."""
    with store.transaction():
        base = store.versions.keep(TEXT.encode())
    for number in range(start, start + count):
        rule, good = f"Sort table {number} by date.", number % 2 == 0
        edits = [Edit("insert", "Rules", new=f"- {rule}")]
        if not good:
            edits.append(Edit("delete", "Rules", old=f"- {RULES[number % len(RULES)]}"))
            edits.append(
                Edit("insert", "Rules", new="- Explain at length why each of these things was done.")
            )
        quote = Evidence(f"e{number}", "s", "/t", 1, None, rule, Origin.TYPED)
        made = replace(proposal(), id=f"p{number}", session_id=f"s{number}", path=SKILL, base=base)
        made = replace(made, edits=tuple(edits), evidence=(quote,))
        store.save_proposal(made, Verdict(Outcome.DEFER, ()), "queued", "waits")
        store.set_state(made.id, "applied" if good else "rejected", "so decided", by="person")


class Played:
    """A model: as a judge it takes what does as was said; only with the careful rubric it also minds what is lost."""

    def __init__(self, *rubrics):
        self.rubrics, self.requests = list(rubrics), []

    def __call__(self, told, data):
        if "decisions" in data:
            return {"rubrics": self.rubrics}
        names = ("first", "second") if data["words"][0] in data["first"] else ("second", "first")
        new, old = (data[name] for name in names)
        if CARELESS in told:
            return {"better": max(("first", "second"), key=lambda name: len(data[name])), "why": ""}
        lost = CAREFUL in told and any(line not in new for line in old.splitlines() if line.startswith("- "))
        return {"better": names[lost], "why": "so it is"}

    def complete(self, request):
        self.requests.append(request)
        return Reply(self(request.prompt.text, request.data))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for name, size in {"CHOOSING": 40, "TELLING": 40, "LEAST": 10, "EXAMPLES": 6}.items():
        monkeypatch.setattr(judge_versions, name, size)


def improve(store, *rubrics):
    return judge_versions.improve(Played(*rubrics), store, MODEL, [TEXT])


def test_a_better_version_is_put_into_force_and_is_measured_from_the_start(store):
    decided(store, 48)
    trial = improve(store, CARELESS, CAREFUL)
    assert trial.better
    assert trial.rise.low > 0
    assert trial.new.rubric == CAREFUL
    assert judge.in_force(store) == trial.new
    told = judge_versions.split(store)[1]
    assert not told, "what told once only chooses"
    heard, why = judge.status(store, MODEL)
    assert heard
    assert "judge on: kappa 1.00" in why
    assert "kappa" in judge_versions.known(store)[trial.new.id][1]


def test_the_choice_sees_no_decision_that_tells(store):
    decided(store, 48)
    _, tell = judge_versions.split(store)
    client = Played(CAREFUL)
    judge_versions.improve(client, store, MODEL, [TEXT])
    (asked,) = (each.data for each in client.requests if "decisions" in each.data)
    assert not {each.said[0] for each in tell} & {
        words for each in asked["decisions"] for words in each["words"]
    }


def test_a_worse_version_is_tried_and_recorded_and_not_promoted(store):
    decided(store, 48)
    trial = improve(store, CARELESS)
    assert not trial.better
    assert judge.in_force(store) == Version()
    assert [entry.detail["put"] for entry in store.audit.entries(judge.CHANGED)] == [False]
    with pytest.raises(UsageError, match="0 to test it"):
        improve(store, CAREFUL)
    decided(store, 40, start=48)
    assert improve(store, CAREFUL).better, "newer decisions tell"


def test_too_few_decisions_tell_nothing_and_cost_nothing(store):
    decided(store, 12)
    client = Played(CAREFUL)
    with pytest.raises(UsageError, match="10 of each are needed"):
        judge_versions.improve(client, store, MODEL, [TEXT])
    assert not client.requests


def test_what_is_pinned_stays(store):
    decided(store, 48)
    judge_versions.record(store, Version(), "pinned", put=True, pinned=True)
    with pytest.raises(Refused, match="pinned"):
        improve(store, CAREFUL)
    judge_versions.record(store, Version(), "unpinned", put=True, pinned=False)
    new = improve(store, CAREFUL).new
    judge_versions.record(store, Version(), "taken back", put=True, pinned=True)
    assert judge.in_force(store) == Version()
    assert judge_versions.known(store).keys() == {Version().id, new.id}


def test_another_rubric_is_another_judge():
    one, other = Version("judge.v2", "A."), Version("judge.v2", "B.")
    assert one.of(MODEL) != other.of(MODEL)
    assert "A." in judge.instructions(one).text
    assert judge.instructions(Version("judge.v3", "{{ 7 * 7 }}")).text.count("{{ 7 * 7 }}") == 1


def test_the_rise_of_kappa_is_that_of_a_known_table():
    people = [True, False] * 20
    good, bad = [(each, each) for each in people], [(True, each) for each in people]
    rise = judge.rise(bad, good)
    assert (rise.value, rise.low, rise.high, rise.n) == (1.0, 1.0, 1.0, 40)
    same = judge.rise(good, good)
    assert (same.low, same.high) == (0.0, 0.0)
    one = judge.rise([*bad[:2], *good[2:]], good)
    assert one.value > 0 >= one.low, "one decision more is no more than luck"
    assert judge.rise([], []) is None


def test_the_two_texts_are_shown_where_they_differ_with_lines_around():
    lines = [f"line {n}" for n in range(20)]
    old, new = "\n".join(lines), "\n".join([*lines[:5], "more", *lines[5:15], *lines[16:]])
    before, after = judge.differing(old, new)
    assert "line 15" in before
    assert "line 15" not in after
    assert after.splitlines()[:5] == ["line 3", "line 4", "more", "line 5", "line 6"]
    assert before.splitlines()[:4] == ["line 3", "line 4", "line 5", "line 6"]


def test_a_person_sees_tries_and_pins_versions_on_the_command_line(home, store, monkeypatch):
    decided(store, 48)
    played = Played(CAREFUL)
    (home / "config.toml").write_text('[model]\nbackend = "anthropic"\n[budget]\nmoney_per_day = 50\n')
    monkeypatch.setattr("skillloop.commands.options.App.require_person", lambda *_args, **_more: "a terminal")

    def run(*args):
        done = CliRunner().invoke(cli.app, ["--home", str(home), "judge", "--json", *args])
        assert done.exit_code == 0, done.output
        return {each["id"]: each for each in json.loads(done.stdout)["versions"]}

    with MessagesServer(lambda request: played(request["system"][0]["text"], data_of(request))) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-stub-not-a-key")
        found = run("--try", "--budget", "40")
    (new,) = (each for each in found.values() if each["in_force"])
    assert new["rubric"] == CAREFUL
    assert "kappa" in new["why"]
    assert "judge on: kappa 1.00" in new["agreement"]
    first = Version().id
    assert not found[first]["in_force"]
    back = run("--pin", first)
    assert back[first]["in_force"]
    assert back[first]["pinned"]
    assert not run("--unpin")[first]["pinned"]


def test_choosing_a_version_needs_a_person(home, store):
    done = CliRunner().invoke(cli.app, ["--home", str(home), "judge", "--pin", Version().id])
    assert isinstance(done.exception, Refused)
    assert not store.audit.entries(judge.CHANGED)
