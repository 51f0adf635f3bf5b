"""`skillloop evolve` without a model: what it keeps, that it waits, that it goes on as if it had not been stopped."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import command_line

from evolve.conftest import SKILL
from skillloop.commands.evolve import BY_TEXT
from skillloop.config.sections import Config
from skillloop.evaluate.cases import Case, Expected
from skillloop.evolve import run
from skillloop.pipeline import apply
from skillloop.store import Store

SHORTER = SKILL.replace("- Keep the subject under 72 characters.\n", "").replace(
    "Remember to write the subject in the imperative mood, please.",
    "Write the subject in the imperative mood.",
)


@pytest.fixture
def evolved(desk):
    home = desk.home()
    done = desk.run(home, "--json")
    assert done.returncode == 0, done.stderr
    return desk, home, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_the_winner_waits_with_its_evidence_and_changes_nothing(evolved):
    desk, home, told, said = evolved
    assert desk.skill.read_text() == SKILL
    assert "no model follows the skill here" in said
    with Store.open(home) as store:
        (item,) = store.proposals(states=("queued",))
        assert apply.prepare(item.proposal, home, store).new == SHORTER
    assert told[-1]["proposal"] == item.proposal.id
    checks = {check.name: check for check in item.verdict.checks}
    assert BY_TEXT in checks["cases"].detail
    assert "2 cases, look 1: 100% → 100% pass" in checks["held-out cases"].detail
    assert not checks["unasked"].passed


def test_a_person_applies_it_and_takes_it_back(evolved):
    desk, home, _, _ = evolved
    with Store.open(home) as store:
        (item,) = store.proposals()
        apply.publish(apply.prepare(item.proposal, home, store), store, by="person", note="approved")
    assert desk.skill.read_text() == SHORTER
    assert not desk.run(home).returncode, "what is there now is another run"
    assert len(list((home / "evolve").iterdir())) == 2


def test_asking_again_finds_the_same_and_reads_the_sealed_cases_no_more(evolved):
    desk, home, told, _ = evolved
    rows = desk.ledger(home)
    again = [json.loads(line) for line in desk.run(home, "--json").stdout.splitlines()]
    assert again == [told[-1]]
    assert desk.ledger(home) == rows


def test_every_text_is_in_the_ledger_the_discarded_ones_too(evolved):
    desk, home, told, _ = evolved
    trials = [row for row in desk.ledger(home) if row["event"] == "trial"]
    assert len(trials) == len(told) - 1
    assert {row["candidate"] for row in trials if row["text"]} == {row["candidate"] for row in trials}


def test_a_sealed_case_that_falls_discards_the_winner(desk):
    home = desk.home()
    with Store.open(home) as store:
        sealed = replace(
            store.evaluations.cases(desk.skill, Case)[-1], id="c9", expected=Expected(contains=("Remember",))
        )
        store.evaluations.save_case(sealed.id, sealed.skill, sealed.session_id, sealed)
    assert "discarded: held-out cases: 3 cases" in desk.run(home).stdout
    with Store.open(home) as store:
        (item,) = store.proposals()
    assert item.state == "discarded"
    assert "case c9 gets worse" in item.reason


def looked(cases, sealed, play):
    """What the last look says of a longer text, whose runs pass as `play(case, sample)` says; the old one's pass by turns."""
    made = [[Case(name, "s", name, (), "", Expected()) for name in names] for names in (cases, sealed)]
    about = run.Subject("", "old", Config(), *made, {})

    def marked(case, text, sample):
        passes = sample % 2 if text == "old" else play(case.id, sample)
        return "meets" if passes else "fails"

    return run.look_again(about, "new text", marked, 100)[2:]


def test_a_winner_has_to_be_better_again_in_runs_that_no_choice_saw():
    assert looked("abcd", "ef", lambda _case, _sample: True) == ("", "")
    assert looked("abcd", "ef", lambda _case, sample: sample % 2) == (
        "no better beyond noise in new runs",
        "",
    )
    assert looked("abcd", "ef", lambda _case, sample: sample < 100)[1] == "case e gets worse"


def test_a_sealed_case_that_looks_worse_by_a_bad_draw_is_run_again_before_it_counts():
    def unlucky(case, sample):
        return case != "e" or sample >= 100 + run.LOOK

    assert looked("abcd", "efg", unlucky) == ("", "")
    assert looked("abcd", "efg", lambda case, _: case != "e") == ("", "case e gets worse")


def test_a_rule_of_the_person_refuses_a_text_before_it_is_tried(desk):
    home = desk.home()
    (home / "config.toml").write_text("[edit]\nmax_added_lines = 0\n")
    assert desk.run(home).returncode == 0
    refused = [row for row in desk.ledger(home) if row.get("operator") == "shorten"]
    assert refused
    for row in refused:
        assert row["outcome"] == "discard"
        assert row["reason"].startswith("edit size")
        assert row["passed"] == {}


def test_without_cases_it_says_what_makes_them(desk):
    home = desk.home()
    with Store.open(home) as store:
        store._database.run("DELETE FROM cases")
    done = desk.run(home)
    assert done.returncode == 2
    assert "each correction that `skillloop digest` finds" in done.stderr


def test_cases_of_an_evals_file_are_at_most_as_many_as_the_persons(desk):
    home, folder = desk.home(), desk.skill.parent / "evals"
    folder.mkdir()
    evals = [{"id": n, "prompt": f"Commit {n}.", "expectations": [f"It says {n}."]} for n in range(40)]
    (folder / "evals.json").write_text(json.dumps(evals))
    desk.run(home)
    (first, *_) = desk.ledger(home)
    with Store.open(home) as store:
        (item,) = store.proposals()
    assert len(first["passed"]) <= 10
    assert "50% of the cases are not your words" in str(item.verdict.checks)


@pytest.mark.parametrize("rows", [1, 3, 6])
def test_a_killed_run_goes_on_as_if_it_had_not_been(desk, rows):
    whole, killed = desk.home("whole"), desk.home("killed")
    assert desk.run(whole).returncode == 0
    with Path(os.devnull).open("r+") as null:
        warm = command_line.warm()
        pid = warm.start(["--home", str(killed), "evolve", "commit"], desk.env, [null.fileno()] * 3)
        while not [
            p for p in (killed / "evolve").glob("*/ledger.jsonl") if p.read_bytes().count(b"\n") >= rows
        ]:
            time.sleep(0.0005)
        os.kill(pid, signal.SIGKILL)
        assert warm.wait() == -signal.SIGKILL
    assert desk.run(killed).returncode == 0
    assert desk.ledger(killed) == desk.ledger(whole)
