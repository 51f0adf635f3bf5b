"""The whole way with a model: drafted, through the gate, replayed, judged, and only then applied or queued."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import command_line
from helpers.messages_server import MessagesServer, data_of, silent
from helpers.models import (
    ENDING,
    HIDDEN,
    SAID,
    Person,
    answer,
    asked,
    digest,
    held_out,
    outcome,
    proposal,
    taught,
)
from helpers.sessions import corrected
from transcripts import SKILL

from skillloop import cli, config
from skillloop.evaluate import judge
from skillloop.evaluate.cases import Expected
from skillloop.model import Outcome, Verdict
from skillloop.store import Store
from skillloop.worker.notice import leave_notice


@pytest.fixture
def store(home, skill):
    (home / "config.toml").write_text(
        '[model]\nbackend = "anthropic"\nruns = 6\n[apply]\nmode = "auto"\nmin_confidence = 0.1\n'
    )
    with Store.open(home) as opened:
        held_out(opened, skill)
        yield opened


@pytest.fixture
def server(monkeypatch):
    with MessagesServer() as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-stub-not-a-key")
        yield running


def test_an_edit_that_helps_and_harms_nothing_is_proved_and_its_cost_booked(
    tmp_path, home, store, skill, server
):
    server.answer = Person()
    checks, trial = outcome(digest(tmp_path, home, store, corrected(skill, SAID)))
    for name in ("own case", "held-out cases", "judge"):
        assert checks[name].passed, checks[name]
    assert "0 → 6 of 6" in checks["own case"].detail
    assert trial.decision.outcome is Outcome.KEEP, trial.decision.reason
    assert ENDING in skill.read_text()
    assert store.calls.today().nano == server.billed


def test_what_a_judge_that_is_off_would_judge_waits_and_it_is_asked_on(tmp_path, home, store, skill, server):
    model = config.load(home).model.careful
    for number in range(judge.ENOUGH):
        item = replace(proposal(), id=f"p{number}")
        store.save_proposal(item, Verdict(Outcome.DEFER, ()), "queued", "waits")
        store.evaluations.save_opinion(
            item.id, judge.Version().of(model), approves=True, consistent=True, said=""
        )
        store.set_state(item.id, "rejected" if number % 2 else "applied", "decided", by="person")
    server.answer = Person()
    checks, trial = outcome(digest(tmp_path, home, store, corrected(skill, SAID)))
    assert checks["own case"].passed
    assert checks["judge off"].detail.startswith("judge off: kappa 0.00")
    assert trial.decision.outcome is Outcome.DEFER
    assert skill.read_text() == SKILL
    assert len(store.evaluations.opinions()) == judge.ENOUGH + 1, "so it can come back"
    told = json.loads(command_line.run(["--home", home, "status", "--json"], {**os.environ}).stdout)
    assert any("judge off" in each and "waits for you" in each for each in told["troubles"])
    leave_notice(home)
    assert "judge off: kappa 0.00" in (home / "notice.json").read_text()


@pytest.mark.parametrize(
    ("person", "name", "outcomes"),
    [
        (Person(follows=False), "own case", {Outcome.DEFER}),
        (Person(gossips=True), "held-out cases", {Outcome.DISCARD}),
        (Person(prefers_new=False), "judge", {Outcome.DEFER}),
    ],
    ids=["does not help", "harms another", "judge against it"],
)
def test_an_edit_that_is_not_proved_is_never_applied(
    tmp_path, home, store, skill, server, person, name, outcomes
):
    server.answer = person
    checks, trial = outcome(digest(tmp_path, home, store, corrected(skill, SAID)))
    assert not checks[name].passed
    assert trial.decision.outcome in outcomes
    assert skill.read_text() == SKILL


def test_a_later_look_at_the_proposal_still_shows_what_the_replay_showed(
    tmp_path, home, store, skill, server, capsys
):
    server.answer = Person(follows=False)
    _, trial = outcome(digest(tmp_path, home, store, corrected(skill, SAID)))
    assert cli.run(["--home", str(home), "show", trial.proposal.id]) == 0
    assert "0 → 0 of 2 runs pass" in " ".join(capsys.readouterr().out.split())


def test_no_request_of_the_drafter_or_a_replay_holds_what_is_checked(tmp_path, home, store, skill, server):
    server.answer = Person()
    digest(tmp_path, home, store, corrected(skill, SAID))
    for request in server.requests:
        data = data_of(request)
        assert "gossip" not in json.dumps(data)


def test_a_lesson_that_carries_over_what_is_checked_is_discarded_and_no_other_words_are_asked_for(
    tmp_path, home, store, skill, server
):
    secret = Expected(rubric="eight hours says a health magazine")  # which the person never said
    store.evaluations.save_case(
        "h2", str(skill), "s2", replace(HIDDEN[0], id="h2", skill=str(skill), expected=secret)
    )
    server.answer = Person()
    server.answer.reads = answer(taught(f"For sleep go by the AASM tables, when {secret.rubric}."))
    record = corrected(skill, "hm, for sleep I go by the AASM tables")
    (trial,) = digest(tmp_path, home, store, record).trials
    assert trial.decision.outcome is Outcome.DISCARD
    assert trial.decision.reason.startswith("transcription: ")
    assert asked(server.requests, "reword.v1") == []


def test_a_budget_that_ends_in_the_middle_of_a_proof_leaves_it_unscored(tmp_path, home, store, skill, server):
    config = home / "config.toml"
    config.write_text(config.read_text() + "[budget]\ncalls_per_session = 5\n")
    server.answer = Person()
    checks, trial = outcome(digest(tmp_path, home, store, corrected(skill, SAID)))
    assert "unscored: budget.calls_per_session" in checks["cases"].detail
    assert trial.decision.outcome is Outcome.DEFER
    assert len(server.requests) == 5


def test_digesting_again_replays_nothing(tmp_path, home, store, skill, server):
    server.answer = Person(follows=False)
    digest(tmp_path, home, store, corrected(skill, SAID))
    asked = len(server.requests)
    digest(tmp_path, home, store, corrected(skill, SAID))
    assert len(server.requests) == asked


def test_the_bench_with_a_key_runs_the_whole_on_copies(tmp_path, skill, server):
    server.answer = Person()
    path = corrected(skill, SAID).write(tmp_path / "t" / "session.jsonl")
    bench = Path(__file__).parents[1] / "bench" / "llm.py"
    command = [
        sys.executable,
        bench,
        path,
        "--backend",
        "anthropic",
        "--money",
        "0.5",
        "--runs",
        "6",
        "--yes",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(run.stdout)
    assert told["flips"] == "1 of 1"
    assert told["drafted by"] == {"offline": 1}
    assert told["dollars"] == pytest.approx(server.billed / 1e9)
    assert "1 requests, about $" in run.stderr
    assert skill.read_text() == SKILL


@pytest.mark.parametrize("after", [4, *(pytest.param(after, marks=pytest.mark.slow) for after in (1, 9))])
def test_a_digest_that_is_killed_goes_on_where_it_was_and_pays_for_nothing_twice(
    tmp_path, home, store, skill, server, after
):
    server.answer = Person()
    path = corrected(skill, SAID).witnessed(home).write(tmp_path / "t" / "session.jsonl")
    server.next(
        *[lambda handler, request: handler.reply(request, server.answer(request), "end_turn", None)] * after
    )
    server.next(silent(30))
    command, environment = ["--home", home, "digest", path], dict(os.environ)
    with Path(os.devnull).open("r+") as nothing:
        killed = command_line.warm().start(command, environment, [nothing.fileno()] * 3)
        deadline = time.monotonic() + 60
        while len(server.requests) <= after and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(killed, signal.SIGKILL)
        assert command_line.warm().wait() == -signal.SIGKILL
    held = store.calls.today().nano - server.billed
    assert command_line.run(command, environment).returncode == 0
    spent = store.calls.today()
    assert spent.nano == server.billed + held
    assert spent.unanswered == 1
    asked = [json.dumps(data_of(request), sort_keys=True) for request in server.requests]
    assert len(asked) == spent.calls == 1 + 12 + 12 + 2 + 1, (
        "draft, own case, held-out case, judge; and the killed one"
    )
    assert [item.state for item in store.proposals()] == ["applied"]
    assert store.verify() == []
