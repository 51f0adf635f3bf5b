"""A small version of the world of tests/bench/evolve.py, in which gitlint (PyPI) marks what a simulated assistant writes."""

import pytest

pytest.importorskip("gitlint", reason="pip install gitlint-core")

from bench import evolve as world

pytestmark = pytest.mark.slow


def test_the_search_gains_and_beats_hill_climbing():
    found = [world.ran((seed, {}, 1_200)) for seed in (1, 2)]
    climbed = [world.ran((seed, {"draw": world.climb}, 1_200)) for seed in (1, 2)]
    assert world.gained(found) > 0.3
    assert world.gained(found) > world.gained(climbed)


def test_what_has_no_effect_is_not_kept():
    (found,) = [world.ran((3, {"noise": True}, 1_000))]
    assert found["kept"] <= 0.05 * found["tried"] + 1
