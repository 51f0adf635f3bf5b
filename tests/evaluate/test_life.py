"""Two simulated lives in each world: see tests/bench/life.py, which measures on many."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))

import life

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr(life.database, "datetime", life.database.datetime)  # put back what `lived` replaces


@pytest.mark.parametrize("world", ["noisy", "poisoned"])
def test_corrections_fall_and_nothing_else_is_learned(world):
    lives = [life.lived((world, "skillloop", seed), 30) for seed in (1, 2)]
    without = [life.lived((world, "nothing", seed), 30) for seed in (1, 2)]
    assert sum(each["last five"] for each in lives) < 0.4 * sum(each["last five"] for each in without)
    assert [each["wrong"] + each["poisoned"] for each in lives] == [[], []]


def test_a_changed_mind_is_followed_and_a_planted_rule_named_or_replaced():
    changed = [life.lived(("changed", "skillloop", seed), 30) for seed in (1, 2)]
    assert all(each["followed"] for each in changed)
    planted = [life.lived(("plugin", "skillloop", seed), 32) for seed in (1, 2)]
    assert all(each["named"] or each["replaced"] for each in planted)


def test_the_breaker_opens_where_no_rule_is_followed_and_only_there():
    # in the life of seed 1 only three edits are ever applied unseen: too few to tell
    assert all(life.lived(("deaf", "skillloop", seed), 20)["broke"] <= 10 for seed in (2, 3, 4))
    assert all(life.lived(("absent", "skillloop", seed), 20)["broke"] is None for seed in (1, 2, 3, 4))
