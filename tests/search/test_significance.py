"""The decision rule: what is noise is not kept, what is more is."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillloop.model import Outcome
from skillloop.search import significance

BPB = st.floats(0.5, 4)


def noises(kind, sigma=0.002):
    """A source of runs of equal candidates: normal, with heavy tails, or with outliers."""

    def draw(random_):
        if kind == "normal":
            return 1 + random_.gauss(0, sigma)
        if kind == "heavy":  # Student's t of 4 degrees of freedom
            return 1 + sigma * random_.gauss(0, 1) / (random_.gammavariate(2, 0.5)) ** 0.5
        return 1 + random_.gauss(0, sigma * (8 if random_.random() < 0.05 else 1))

    return draw


def decided(draw, random_, best, groups, shift=0.0, simpler=False):
    """Measure one candidate until it is decided, the best beside it, as the experiment does."""
    runs = []
    while True:
        runs.append(draw(random_) - shift)
        found = significance.compare(runs, best, significance.pooled([*groups, best, runs]), simpler=simpler)
        if found.outcome is not Outcome.DEFER:
            return found.outcome, runs
        if len(best) < significance.REFRESH:
            best.append(draw(random_))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "heavy", "outliers"])
def test_of_500_candidates_of_pure_noise_at_most_5_percent_are_kept(kind):
    draw, shares = noises(kind), []
    for run in range(20):
        random_ = random.Random(run)
        best, groups, kept = [draw(random_) for _ in range(significance.BASELINE)], [], 0
        for _ in range(500):
            outcome, runs = decided(draw, random_, best, groups)
            if outcome is Outcome.KEEP:
                kept, groups, best = kept + 1, [*groups, best], runs
            else:
                groups.append(runs)
        shares.append(kept / 500)
    assert max(shares) <= 0.05


def test_against_a_fresh_baseline_each_noise_is_kept_in_at_most_5_percent():
    draw, random_ = noises("normal"), random.Random(1)
    outcomes = [decided(draw, random_, [draw(random_) for _ in range(3)], [])[0] for _ in range(4000)]
    assert outcomes.count(Outcome.KEEP) / len(outcomes) <= 0.05


def test_a_gain_of_six_sigma_is_nearly_always_kept():
    draw, random_ = noises("normal"), random.Random(2)
    outcomes = [
        decided(draw, random_, [draw(random_) for _ in range(3)], [], shift=0.012)[0] for _ in range(500)
    ]
    assert outcomes.count(Outcome.KEEP) / len(outcomes) > 0.9


def test_one_run_never_keeps():
    found = significance.compare([0.5], [1.0, 1.001, 0.999], significance.Noise(0.001, 2))
    assert (found.outcome, found.reason.split(": ")[1]) == (Outcome.DEFER, "one run decides nothing")


def test_the_same_with_fewer_lines_is_kept_and_clearly_worse_is_not():
    best, spread = [1.0, 1.002, 0.998, 1.0, 1.0], significance.Noise(0.002, 10)
    assert significance.compare([1.0, 1.001, 1.0], best, spread, simpler=True).outcome is Outcome.KEEP
    assert significance.compare([1.0, 1.001, 1.0], best, spread).outcome is Outcome.DISCARD
    assert significance.compare([1.02], best, spread, simpler=True).outcome is Outcome.DISCARD


@given(st.lists(st.lists(BPB, min_size=1, max_size=5), min_size=1, max_size=6))
def test_pooling_one_group_is_its_own_deviation(groups):
    found = significance.pooled(groups)
    assert found.freedom == sum(len(group) - 1 for group in groups)
    for group in groups:
        if len(group) > 1:
            assert significance.pooled([group]).sigma == pytest.approx(
                max(significance.FLOOR, statistics.stdev(group))
            )


@given(st.lists(BPB, min_size=1, max_size=4), st.lists(BPB, min_size=1, max_size=5), st.booleans())
def test_what_is_kept_was_measured_twice_and_is_no_worse_than_the_error(new, best, simpler):
    spread = significance.pooled([new, best])
    found = significance.compare(new, best, spread, simpler=simpler)
    if found.outcome is Outcome.KEEP:
        assert len(new) > 1
        gain, runs = statistics.fmean(best) - statistics.fmean(new), (len(new), len(best))
        assert gain > (-spread.error(*runs) if simpler else spread.margin(*runs)) - 1e-12


def test_without_repeats_nothing_can_be_decided():
    assert significance.quantile(0) == float("inf")
    assert significance.compare([0.5], [1.0], significance.pooled([[0.5], [1.0]])).outcome is Outcome.DEFER


def test_many_degrees_of_freedom_come_down_to_two_sigma():
    values = [significance.quantile(freedom) for freedom in (1, 2, 5, 10, 30, 31, 100, 10_000)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(2, abs=0.001)
