"""A clock in 1970, in 2100, or set back by years between any two acts: the decisions are the same."""

import datetime as dt
import json
import time

import pytest
import verbs
from world import World

from skillloop.skills import history
from skillloop.store import Store, database, model_budget

DAY = 86_400.0
YEAR = 365.25 * DAY


@pytest.fixture
def clock(monkeypatch):
    """A function that sets the clock of everything that tells the time of day."""

    def set_to(now):
        class Shifted(dt.datetime):
            @classmethod
            def now(cls, tz=None):
                return dt.datetime.fromtimestamp(now, tz)

        monkeypatch.setattr(time, "time", lambda: now)
        for module in (database, model_budget):
            monkeypatch.setattr(module, "datetime", Shifted)

    return set_to


def decisions(world):
    """What was decided, without when."""
    with Store.open(world.home) as store:
        assert store.verify() == []
        log = [
            (entry.event, entry.detail.get("state"), entry.detail.get("number"))
            for entry in reversed(store.log())
        ]
        versions = [
            (version.number, version.kind, version.sha) for version in history.versions(store, world.skill)
        ]
        states = [queued.state for queued in store.proposals()]
    return json.dumps([log, versions, states])


def lived(folder, clock, times):
    """A session is digested, its edit approved and taken back, each at its own time."""
    world = verbs.make(folder)
    for act, now in zip(verbs.VERBS.values(), times, strict=True):
        clock(now)
        act(world)
    return decisions(world), world


@pytest.mark.parametrize(
    "times",
    [
        pytest.param((0.0, 0.0, 0.0), id="1970"),
        pytest.param((130 * YEAR,) * 3, id="2100"),
        pytest.param((60 * YEAR, 30 * YEAR, 1.0), id="set back each time"),
        pytest.param((1.0, 60 * YEAR, 59 * YEAR), id="forward and back"),
    ],
)
def test_the_decisions_do_not_depend_on_the_clock(memory, clock, monkeypatch, times):
    monkeypatch.setattr(verbs, "VERBS", {name: verbs.VERBS[name] for name in ("work", "approve", "undo")})
    usual, world = lived(memory / "scene", clock, (56 * YEAR, 56 * YEAR + 60, 56 * YEAR + DAY))
    world.folder.rename(memory / "before")
    assert lived(memory / "scene", clock, times)[0] == usual


def test_a_back_off_that_began_in_the_future_ends_at_once(memory, clock):
    """A session failed while the clock was a century ahead; then the clock was set right."""
    world = World(verbs.make(memory / "scene").folder)
    clock(156 * YEAR)
    verbs.worker.drain(world.home, verbs.client(world), lambda *_: 1 / 0)
    clock(56 * YEAR)
    verbs.work(world)
    with Store.open(world.home) as store:
        assert len(store.sessions()) == 1


def test_a_one_time_word_does_not_outlive_a_clock_that_is_set_back(memory, clock):
    from skillloop.hosts.claude_code.hooks import approval

    clock(56 * YEAR)
    word = approval.issue_token(memory, "approve x", "digest")
    clock(56 * YEAR - DAY)
    assert not approval.accept(memory, word, "approve x", "digest")
