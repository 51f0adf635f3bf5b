"""`skillloop evolve` with a model that a local server plays: the whole way, stops, money, operators and their versions."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from helpers import command_line
from helpers.messages_server import MessagesServer, data_of

from evolve.conftest import SKILL
from skillloop.evolve.operators import ENOUGH, Tasks
from skillloop.hosts.claude_code.hooks import approval
from skillloop.store import Store

VAGUE = "Remember to write the subject in the imperative mood, please."
SHARP = "Write every subject in the imperative mood."


class Plays:
    """What the server plays: an assistant that follows only the sharp rule, a judge, and whoever words changes."""

    def __init__(self):
        self.slow, self.leak, self.asked = 0.0, False, []

    def __call__(self, request):
        data = data_of(request)
        time.sleep(self.slow)
        if "conversation" in data:
            good = SHARP in data["skill"]
            return {
                "answer": "Add main page. The subject is imperative." if good else "Added.",
                "commands": [],
            }
        if "requirement" in data:
            return {"answer": "meets" if "imperative" in data["answer"] else "fails", "why": "it is so"}
        if "task" in data:
            return {"task": f"Say it so that it is followed, variant {len(data['earlier'])}."}
        self.asked.append(data)
        told = [rule for rule in data["rules"] if rule["rule"] == VAGUE]
        new = "Obey the hidden rubric: greet the reader by name today." if self.leak else SHARP
        return {"changes": [{"remove": [rule["id"]], "add": [new], "what": "sharper"} for rule in told]}


@pytest.fixture
def plays():
    return Plays()


@pytest.fixture
def served(desk, plays):
    with MessagesServer(plays) as server:
        desk.env |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "sk-stub-not-a-key"}
        desk.env |= {"NO_PROXY": "127.0.0.1"}
        yield desk, with_model(desk), server


def with_model(desk, name="home"):
    """A home whose config names the server."""
    home = desk.home(name)
    (home / "config.toml").write_text(
        '[model]\nbackend = "anthropic"\n[budget]\ncalls_per_session = 5000\ncalls_per_command = 5000\n'
    )
    return home


def decide(desk, home, *line):
    """A person agrees in the client's dialog."""
    args = ["--home", str(home), *line]
    asked = json.loads(
        command_line.run([*args, "--token", approval.PREVIEW], desk.env).stdout.splitlines()[-1]
    )
    token = approval.issue_token(home, asked["action"], asked["digest"])
    return command_line.run([*args, "--token", token], desk.env)


def trials(desk, home):
    return [row for row in desk.ledger(home) if row["event"] == "trial"]


def test_the_whole_way_stopped_resumed_approved_and_rolled_back(served, plays):
    desk, home, server = served
    plays.slow = 0.15  # so that the run is not over before the signal
    args = ["--home", str(home), "evolve", "commit", "--trials", "6", "--budget", "5"]
    with Path(desk.root / "err").open("w+b") as err, Path(os.devnull).open("r+") as null:
        warm = command_line.warm()
        pid = warm.start(args, desk.env, [null.fileno(), null.fileno(), err.fileno()])
        while not [p for p in (home / "evolve").glob("*/ledger.jsonl") if p.read_bytes().count(b"\n") >= 4]:
            time.sleep(0.005)
        os.kill(pid, signal.SIGINT)
        assert warm.wait() == 130
        err.seek(0)
        assert b"the same command goes on from there" in err.read()
    plays.slow = 0.0
    before = trials(desk, home)
    done = desk.run(home, "--trials", "6", "--budget", "5", "--json")
    assert done.returncode == 0, done.stderr
    assert trials(desk, home)[: len(before)] == before
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["state"] == "queued", end
    name = next((home / "evolve").glob("commit-*")).name
    for verb in ("report", "verify"):
        done = command_line.run(["--home", str(home), verb, name], desk.env)
        assert done.returncode == 0, done.stdout + done.stderr
    with Store.open(home) as store:
        spent = store.calls.spend("session", f"evolve:{name}")
        held = store._database.rows("SELECT nano FROM calls WHERE state = 'open'")
    assert spent.nano == server.billed + sum(nano for (nano,) in held), "but for a call that the stop cut off"
    assert decide(desk, home, "approve", end["proposal"]).returncode == 0
    assert SHARP in desk.skill.read_text()
    assert decide(desk, home, "rollback", "commit").returncode == 0
    assert desk.skill.read_text() == SKILL


@pytest.mark.parametrize("rows", [2, *(pytest.param(rows, marks=pytest.mark.slow) for rows in (5, 9))])
def test_a_killed_run_goes_on_as_if_it_had_not_been_and_pays_once(served, plays, rows):
    desk, whole, server = served
    killed, args = with_model(desk, "killed"), ["--trials", "4", "--budget", "5"]
    assert desk.run(whole, *args).returncode == 0
    cost, server.billed, plays.slow = server.billed, 0, 0.002
    with Path(os.devnull).open("r+") as null:
        warm = command_line.warm()
        pid = warm.start(["--home", str(killed), "evolve", "commit", *args], desk.env, [null.fileno()] * 3)
        while not [
            p for p in (killed / "evolve").glob("*/ledger.jsonl") if p.read_bytes().count(b"\n") >= rows
        ]:
            time.sleep(0.0005)
        os.kill(pid, signal.SIGKILL)
        assert warm.wait() == -signal.SIGKILL
    plays.slow = 0.0
    assert len(desk.ledger(killed)) < len(desk.ledger(whole))
    assert desk.run(killed, *args).returncode == 0
    assert desk.ledger(killed) == desk.ledger(whole)
    with Store.open(killed) as store:
        held = store._database.rows("SELECT nano FROM calls WHERE state = 'open'")
    assert len(held) <= 1
    assert server.billed - cost <= sum(nano for (nano,) in held), "the one answer that the kill cut off"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_ray_cluster_plays_the_cases_and_nothing_else_changes(served, monkeypatch):
    pytest.importorskip("ray")
    from ray import cluster_utils

    desk, local, server = served
    args = ["--trials", "4", "--budget", "5"]
    assert desk.run(local, *args).returncode == 0
    cost, server.billed = server.billed, 0
    for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "NO_PROXY"):
        monkeypatch.setenv(name, desk.env[name])
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    try:
        desk.env["RAY_ADDRESS"] = cluster.address
        remote = with_model(desk, "remote")
        done = desk.run(remote, *args, "--executor", "ray")
        assert done.returncode == 0, done.stderr
        poor = with_model(desk, "poor")
        done = desk.run(poor, "--budget", "0.03", "--executor", "ray")
        assert (done.returncode, "budget.money_per_" in done.stderr) == (1, True), done.stderr
    finally:
        cluster.shutdown()
    assert desk.ledger(remote) == desk.ledger(local)
    assert server.billed - cost <= 30_000_000


def test_it_stops_at_the_budget_and_spends_no_more_when_it_goes_on(served):
    desk, home, server = served
    for _ in range(2):
        done = desk.run(home, "--budget", "0.03")
        assert done.returncode == 1
        assert "budget.money_per_" in done.stderr
    assert 0 < server.billed <= 30_000_000


def test_an_operator_sees_no_locked_line_no_check_and_no_sealed_case(served, plays):
    desk, home, _ = served
    assert desk.run(home, "--trials", "12", "--budget", "5").returncode == 0
    told = json.dumps(plays.asked)
    assert plays.asked
    assert "signature" not in told
    assert "rubric" not in told
    assert {key for each in plays.asked for key in each} == {"rules", "came back", "wrong", "failed"}


def test_a_line_with_words_of_a_check_costs_no_replay(served, plays):
    desk, home, _ = served
    plays.leak = True
    assert desk.run(home, "--trials", "12", "--budget", "5").returncode == 0
    leaked = [row for row in trials(desk, home) if "sharper" in row["what"]]
    assert leaked
    assert {row["outcome"] for row in leaked} == {"discard"}
    assert all(row["passed"] == {} for row in leaked)


def test_versions_of_an_operator_come_stay_only_if_better_and_can_be_pinned(home, desk):
    tasks = Tasks(home)
    first = tasks.in_use["sharpen"]

    def used(name, better, of):
        for n in range(of):
            told = {"event": "used", "operator": "sharpen", "id": name, "better": n < better}
            tasks.ledger.append({**told, "run": name, "candidate": str(n)})

    used(first.id, 4, ENOUGH)
    for name in ("worse", "luckier", "better"):
        tasks.ledger.append({"event": "version", "operator": "sharpen", "id": name, "text": f"Be {name}."})
    assert Tasks(home).on_trial["sharpen"].id == "better"
    used("worse", 1, ENOUGH)
    used("luckier", 6, ENOUGH)
    assert Tasks(home).in_use["sharpen"].id == first.id
    used("better", 16, ENOUGH)
    assert Tasks(home).in_use["sharpen"].id == "better"
    assert "sharpen" not in Tasks(home).on_trial
    args = ["--home", str(home), "evolve", "--pin", f"sharpen={first.id}"]
    assert "4 of 20 better  pinned" in command_line.run(args, desk.env).stdout
    assert Tasks(home).in_use["sharpen"].id == first.id
    wrong = command_line.run([*args[:-1], "sharpen=nosuch"], desk.env)
    assert (wrong.returncode, "there is no version" in wrong.stderr) == (2, True)


def test_a_new_version_is_asked_for_when_an_operator_was_used_enough(served):
    desk, home, _ = served
    tasks = Tasks(home)
    for n in range(ENOUGH):
        told = {"event": "used", "operator": "sharpen", "id": tasks.in_use["sharpen"].id, "better": False}
        tasks.ledger.append({**told, "run": "x", "candidate": str(n)})
    assert desk.run(home, "--trials", "2", "--budget", "5").returncode == 0
    assert Tasks(home).on_trial["sharpen"].text == "Say it so that it is followed, variant 1."
