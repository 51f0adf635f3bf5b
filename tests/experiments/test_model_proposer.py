"""A model as the proposer of experiments, against the local Messages API: what it is told, and what becomes of an answer."""

import json

import pytest
from helpers.experiments import Formula, drive, noisy, recipe, start
from helpers.messages_server import MessagesServer, data_of, says, status

from skillloop import cli, llm
from skillloop.bench import proposers
from skillloop.config.sections import Budget
from skillloop.llm.backends import Api

EDIT = {
    "old": "LEVEL = 2.0",
    "new": "LEVEL = 1.0",
    "what": "a lower level",
    "why": "lower is better",
    "insight": "none yet",
}


@pytest.fixture
def server(monkeypatch):
    with MessagesServer(lambda _request: EDIT) as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-stub-not-a-key")
        yield running


@pytest.fixture
def opened(tmp_path):
    return start(tmp_path)


def proposer(store, said, **budget):
    door = llm.ModelClient(Api(), store, llm.limits(Budget(**budget)), "bench", "c", sleep=lambda _: None)
    return proposers.model(door, "claude-sonnet-5-5", "The program.", said.append)


def run(opened, propose, limit=1):
    """The rows of all candidates but the baseline, measured by a formula: the level is the bits per byte."""

    def value(text, seed):
        return noisy(1e-4)(text, seed) - ("LEVEL = 1.0" in text)

    rows = drive(opened, propose, runs=Formula(opened, value), limit=limit)
    return [row for row in rows if row["candidate"] != opened.baseline.id]


def test_an_edit_of_the_model_is_measured_and_kept_like_any_other(opened, store, server):
    rows = run(opened, proposer(store, []))
    assert rows[-1]["status"] == "keep"
    assert rows[-1]["description"] == "a lower level"
    assert rows[-1]["proposer"].startswith("anthropic:claude-sonnet-5-5:experiment.v2@")
    assert "LEVEL = 1.0" in opened.repository.files("refs/heads/best")["train.py"]
    assert store.calls.today().nano == server.billed > 0


def test_it_is_told_the_program_its_parent_s_file_and_all_that_was_tried(opened, store, server):
    answers = iter([{**EDIT, "new": "LEVEL = 2.5"}, EDIT])
    server.answer = lambda _request: next(answers)
    run(opened, proposer(store, []), limit=2)
    first, second = (data_of(request) for request in server.requests)
    assert first["program"] == "The program."
    assert first["train"] == opened.baseline.source
    assert [item["what"] for item in second["tried"]] == ["baseline", "a lower level"]
    assert second["tried"][1]["status"] == "discard"
    assert (second["tried"][1]["expected"], second["tried"][1]["insight"]) == ("lower is better", "none yet")
    assert (second["not_kept_in_a_row"], second["avoid"]) == (1, "")
    parts = server.requests[1]["messages"][0]["content"]
    assert ["cache_control" in part for part in parts] == [True, False]
    assert parts[0] == server.requests[0]["messages"][0]["content"][0]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (says("", "refusal"), "the model refused"),
        (says('{"old": "LEV', "max_tokens"), "cut off"),
        (says("Let us try GELU."), "not JSON"),
        (says({**EDIT, "old": "nowhere"}), "occurs 0 times"),
        (says({**EDIT, "old": ""}), "occurs 0 times"),
        (says({**EDIT, "old": "="}), "times"),
        (says({**EDIT, "new": "LEVEL = ("}), "not valid Python"),
        (says({**EDIT, "new": "LEVEL = 2.0\0"}), "not valid Python"),
        (says({**EDIT, "new": EDIT["old"]}), "tried before"),
        (says({**EDIT, "new": "LEVEL = 2.0  # a remark"}), "only the random seed"),
    ],
)
def test_an_answer_that_is_no_edit_is_a_discarded_trial_with_its_reason(
    opened, store, server, answer, reason
):
    server.next(answer)
    first, *others = run(opened, proposer(store, []), limit=2)
    assert (first["status"], first["bpb"]) == ("discard", None)
    assert reason in first["reason"]
    assert others[-1]["status"] == "keep", "the next answer was a good one"


def test_useless_answers_one_after_the_other_are_trials_of_their_own(opened, store, server):
    server.answer = lambda _request: {**EDIT, "old": "nowhere"}
    rows = run(opened, proposer(store, []), limit=3)
    assert len({row["candidate"] for row in rows}) == len(rows) == 3


def test_a_spent_budget_ends_the_run_well_and_says_so(opened, store, server):
    said = []
    server.answer = lambda _request: {**EDIT, "old": "nowhere"}
    rows = run(opened, proposer(store, said, calls_per_session=2), limit=9)
    assert len(rows) == len(server.requests) == 2
    assert [word.partition(": budget")[0] for word in said] == ["no more proposals from the model"]


def test_a_model_that_fails_ends_the_run_well(opened, store, server):
    said = []
    server.next(status(401, message="no such key"))
    assert run(opened, proposer(store, said), limit=9) == []
    assert said == ["no more proposals from the model: the API said 401: no such key"]


def test_a_run_that_goes_on_asks_nothing_again(tmp_path, opened, store, server):
    run(opened, proposer(store, []), limit=1)
    asked_before, cut = len(server.requests), opened.ledger.path.read_bytes().splitlines(keepends=True)
    opened.ledger.path.write_bytes(b"".join(cut[:3]))  # as if killed after the baseline
    again = start(tmp_path)
    rows = run(again, proposer(store, []), limit=1)
    assert rows[-1]["status"] == "keep"
    assert len(server.requests) == asked_before


@pytest.mark.slow
def test_the_command_asks_the_model_within_the_person_s_budget(tmp_path, home, server, capsys):
    pytest.importorskip("torch")
    start(tmp_path)  # makes recipe and data
    recipe(tmp_path / "recipe")
    (tmp_path / "recipe" / "SKILL.md").write_text("How it is done.")
    (home / "config.toml").write_text("[budget]\ncalls_per_session = 1\n")
    server.answer = lambda _request: {**EDIT, "old": "nowhere"}
    options = ["--dir", tmp_path / "other", "--data", tmp_path / "data", "--recipe", tmp_path / "recipe"]
    command = [
        "--home",
        home,
        "bench",
        "run",
        *options,
        "--seconds",
        "5",
        "--trials",
        "2",
        "--proposer",
        "anthropic",
    ]
    assert cli.run([str(part) for part in [*command, "--json"]]) == 0
    printed = capsys.readouterr()
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert [row["status"] for row in rows if row.get("proposer", "").startswith("anthropic")] == ["discard"]
    assert "budget.calls_per_session" in printed.err
    assert data_of(server.requests[0])["program"] == "How it is done."
