"""The person's Claude Code as a back end: how it is called, and every way in which it can answer."""

import json
import subprocess
from pathlib import Path

import pytest
from helpers.models import SCHEMA, question

from skillloop import llm
from skillloop.config.sections import Budget
from skillloop.llm import ModelError
from skillloop.llm.backends import ClaudeCli
from skillloop.store import NANO, Store

GOOD = {
    "type": "result", "subtype": "success", "is_error": False, "result": '{"words": ["a"]}', "stop_reason": "tool_use",
    "structured_output": {"words": ["a"]}, "total_cost_usd": 0.002135, "session_id": "0b1c",
    "modelUsage": {"claude-haiku-5-5": {"inputTokens": 402, "outputTokens": 5, "cacheReadInputTokens": 3, "costUSD": 0.1}},
}  # fmt: skip


@pytest.fixture
def client(tmp_path):
    """A program that plays `claude`: keeps how it was called, and prints what the test wants."""

    def make(prints, *, code=0, wait=0, timeout=20.0):
        (tmp_path / "says").write_text(prints if isinstance(prints, str) else json.dumps(prints))
        program = tmp_path / "claude"
        program.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/args\nenv > {tmp_path}/env\npwd > {tmp_path}/cwd\n'
            f"cat > {tmp_path}/stdin\n"
            f"sleep {wait}\ncat {tmp_path}/says\nexit {code}\n"
        )
        program.chmod(0o755)
        return ClaudeCli(str(program), timeout=timeout)

    return make


@pytest.fixture
def ask(home):
    def through(backend):
        with Store.open(home) as store:
            model = llm.ModelClient(backend, store, llm.limits(Budget()), "s", "c", sleep=lambda _: None)
            return model.complete(question())

    return through


def spent(home):
    with Store.open(home) as store:
        return store.calls.today()


def test_the_tokens_of_all_its_turns_are_charged_by_our_prices(client, ask, home):
    reply = ask(client(GOOD))
    assert reply.value == {"words": ["a"]}
    assert spent(home).nano == 402 * 100 + 5 * 500 + 3 * 10
    assert spent(home).tokens == 410


@pytest.mark.parametrize(
    "usage", [None, {}, [], {"some-model": {"inputTokens": 1}}, {"claude-haiku-5-5": {"inputTokens": -1}}]
)
def test_without_usable_counts_the_client_s_own_bill_is_charged(client, ask, home, usage):
    ask(client(GOOD | {"modelUsage": usage}))
    assert spent(home).nano == 2_135_000


@pytest.mark.parametrize("cost", [None, -1, "1", float("nan"), True])
def test_without_either_what_was_held_stays_charged(client, ask, home, cost):
    held = llm.estimate(question(), ClaudeCli).most
    ask(client(GOOD | {"modelUsage": None, "total_cost_usd": cost}))
    assert spent(home).nano == held


def test_a_refusal_is_an_answer_of_no_use(client, ask):
    reply = ask(client(GOOD | {"is_error": True, "stop_reason": "refusal", "structured_output": None}))
    assert reply.value is None
    assert reply.trouble == "the model refused"


def test_it_is_started_without_hooks_tools_or_transcript_and_knows_that_it_is_inside(
    client, ask, tmp_path, monkeypatch
):
    monkeypatch.setenv("CLAUDECODE", "1")
    ask(client(GOOD))
    arguments = (tmp_path / "args").read_text().split("\n")
    assert {"--safe-mode", "--no-session-persistence", "-p"} <= set(arguments)
    assert arguments[arguments.index("--tools") + 1] == ""
    assert json.loads(arguments[arguments.index("--json-schema") + 1]) == SCHEMA
    held = llm.estimate(question(), ClaudeCli).most / NANO
    assert float(arguments[arguments.index("--max-budget-usd") + 1]) == pytest.approx(held * 50, abs=1e-6)
    environment = (tmp_path / "env").read_text().split("\n")
    assert "SKILLLOOP_INSIDE=1" in environment
    assert "CLAUDECODE=1" not in environment
    assert (tmp_path / "cwd").read_text().strip() == str(Path.home().resolve()), (
        "no settings but the person's own"
    )


def test_the_words_go_in_by_stdin_where_no_other_user_can_read_them(client, ask, tmp_path):
    ask(client(GOOD))
    assert "hello" not in (tmp_path / "args").read_text()
    assert '{"text": "hello"}' in (tmp_path / "stdin").read_text()


@pytest.mark.parametrize(
    ("prints", "code", "words"),
    [
        ("", 1, "claude exited with 1"),
        ("Invalid API key · Please run /login", 1, "in JSON"),
        ("[1, 2]", 0, "with a JSON object"),
        (
            GOOD | {"is_error": True, "subtype": "error_max_budget_usd", "structured_output": None},
            1,
            "error_max_budget_usd",
        ),
    ],
)
def test_an_error_of_the_client_is_a_sentence(client, ask, prints, code, words):
    with pytest.raises(ModelError, match=words):
        ask(client(prints, code=code))


def test_an_error_that_tells_its_cost_is_charged_that(client, ask, home):
    with pytest.raises(ModelError):
        ask(client(GOOD | {"is_error": True, "subtype": "error_during_execution"}))
    assert spent(home).nano == 42_730


def test_a_client_that_hangs_is_ended_with_all_that_it_started(client, ask, home, tmp_path):
    with pytest.raises(ModelError, match="no answer within"):
        ask(client(GOOD, wait=60, timeout=0.5))
    assert spent(home).nano == llm.estimate(question(), ClaudeCli).most
    assert (
        subprocess.run(["pgrep", "-f", f"{tmp_path}/claude"], check=False, capture_output=True).stdout == b""
    )


def test_a_client_that_is_not_there_costs_nothing(ask, home):
    with pytest.raises(ModelError, match="cannot be started"):
        ask(ClaudeCli("/nonexistent/claude"))
    assert spent(home).nano == 0
