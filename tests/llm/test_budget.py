"""The budget with many workers at once and with killed ones: exact, never over, nothing charged twice."""

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.messages_server import MessagesServer, silent
from helpers.models import question

from skillloop import llm
from skillloop.config.sections import Budget
from skillloop.llm import BudgetExceeded
from skillloop.llm.backends import Api
from skillloop.store import NANO, Call, Limit, Store

WORKER = """
import sys
from pathlib import Path
from helpers.models import question
from skillloop import llm
from skillloop.config.sections import Budget
from skillloop.llm.backends import Api
from skillloop.store import Store

home, first, count, money = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
with Store.open(home) as store:
    client = llm.ModelClient(Api(), store, llm.limits(Budget(money_per_session=money, calls_per_session=10**6)), "s", f"c{first}")
    for number in range(first, first + count):
        try:
            client.complete(question(f"number {number}"))
        except llm.BudgetExceeded:
            print("spent")
            break
"""


@pytest.fixture
def server(monkeypatch):
    with MessagesServer(lambda _request: {"words": ["yes"]}) as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-stub-not-a-key")
        monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
        yield running


def ended(process):
    """Exit code and what it printed."""
    out, _ = process.communicate(timeout=100)
    return process.returncode, out


def worker(home, *arguments):
    command = [sys.executable, "-c", WORKER, str(home), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def together(home, questions, money):
    """Ask in four threads at once, each with a store and a client of its own; how many were stopped by the budget."""

    def work(texts):
        with Store.open(home) as store:
            limits = llm.limits(Budget(money_per_session=money, calls_per_session=10**6))
            client = llm.ModelClient(Api(), store, limits, "s", "c")
            try:
                for text in texts:
                    client.complete(question(text))
            except BudgetExceeded:
                return 1
            return 0

    Store.open(home).close()
    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(work, [questions[n::4] for n in range(4)]))


def test_many_workers_together_are_charged_exactly_what_was_billed(home, server):
    assert together(home, [f"number {n}" for n in range(40)], money=0.25) == 0
    with Store.open(home) as store:
        spent = store.calls.spend("session", "s")
        assert (spent.nano, spent.calls, spent.unanswered) == (server.billed, 40, 0)
        assert store.verify() == []


def test_many_workers_together_stay_within_the_limit(home, server):
    limit = 3.5 * llm.estimate(question("number 00")).most / NANO
    assert together(home, [f"number {n:02}" for n in range(400)], limit) > 0
    assert 0 < server.billed <= limit * NANO
    with Store.open(home) as store:
        assert store.calls.spend("session", "s").nano == server.billed


def test_a_worker_killed_in_a_call_stays_charged_at_what_was_held_and_once(home, server):
    server.next(silent(30))
    killed = worker(home, 1, 1, 0.25)
    deadline = time.monotonic() + 20
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    ended(killed)
    held = llm.estimate(question("number 1")).most
    with Store.open(home) as store:
        assert (store.calls.today().nano, store.calls.today().unanswered) == (held, 1)
    assert ended(worker(home, 1, 1, 0.25))[0] == 0
    with Store.open(home) as store:
        assert store.calls.today().nano == held + server.billed


def test_a_worker_killed_after_the_answer_finds_it_again_and_pays_nothing(home, server):
    assert ended(worker(home, 1, 1, 0.25))[0] == 0  # what it would have done with the answer is lost with it
    assert ended(worker(home, 1, 1, 0.25))[0] == 0
    assert len(server.requests) == 1
    with Store.open(home) as store:
        assert store.calls.today().nano == server.billed


def call(nano=10, tokens=1, session="s"):
    return Call(session, "c", "test", "anthropic", "m", "p", "key", nano, tokens)


def test_threads_cannot_hold_more_than_the_limit_together(home):
    Store.open(home).close()
    limits = {"session": Limit(nano=100, tokens=10**9, calls=10**9)}

    def hold(_):
        with Store.open(home) as store:
            try:
                return store.calls.reserve(call(nano=7), limits)
            except BudgetExceeded:
                return None

    with ThreadPoolExecutor(8) as pool:
        held = [number for number in pool.map(hold, range(40)) if number is not None]
    assert len(held) == 14
    assert len(set(held)) == 14


def test_settling_twice_charges_once(home):
    with Store.open(home) as store:
        number = store.calls.reserve(call(nano=10), {})
        store.calls.charge(number, "answered", nano=4, tokens=2, reply="{}")
        store.calls.charge(number, "answered", nano=400, tokens=2, reply="[]")
        assert store.calls.today().nano == 4
        assert store.calls.answer("key") == "{}"


def test_the_budget_of_one_session_leaves_the_others_alone(home):
    with Store.open(home) as store:
        limits = llm.limits(Budget(calls_per_session=1))
        store.calls.reserve(call(session="a"), limits)
        store.calls.reserve(call(session="b"), limits)
        with pytest.raises(BudgetExceeded, match="calls_per_session"):
            store.calls.reserve(call(session="a"), limits)


def test_a_stored_reply_that_was_changed_is_an_error_and_never_an_answer(home):
    import sqlite3

    from skillloop.store import Corrupt

    with Store.open(home) as store:
        number = store.calls.reserve(call(), {})
        store.calls.charge(number, "answered", nano=4, tokens=2, reply=json.dumps({"text": "a"}))
    with sqlite3.connect(home / "skillloop.db") as database:
        database.execute("""UPDATE calls SET reply = '{"text": "b"}'""")
    database.close()
    with Store.open(home) as store, pytest.raises(Corrupt):
        store.calls.answer("key")


def test_a_home_of_the_first_schema_is_brought_up_to_date(home, monkeypatch):
    from skillloop.store import database

    monkeypatch.setattr(database, "MIGRATIONS", database.MIGRATIONS[:1])
    Store.open(home).close()
    monkeypatch.undo()
    with Store.open(home) as store:
        assert store.calls.today().calls == 0
