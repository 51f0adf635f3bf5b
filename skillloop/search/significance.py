"""Decide whether a gain is more than noise. Values are losses: lower is better.

All repeats of all candidates estimate one standard deviation σ (pooled, with its degrees of freedom). A gain counts when it
exceeds 2 standard errors of the difference between the two means, "2" being Student's t at the same probability (2.3 %,
one-sided), since σ is itself uncertain. Invariants: nothing is kept on one run; a candidate is measured at most MOST times;
one whose first run is no better than the best is measured no more, unless it is simpler.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from skillloop.model import Decision, Outcome

BASELINE = 3  # runs of the baseline, at least
REFRESH = 5  # runs of the best, at most: it is measured again beside a candidate that looks better
MOST = 3  # runs of a candidate
FLOOR = 1e-6  # σ is never taken to be smaller

# Student's t, one-sided 2.275 % (that of 2 σ), for 1 to 30 degrees of freedom
_T = (
    13.97, 4.53, 3.31, 2.87, 2.65, 2.52, 2.43, 2.37, 2.32, 2.28, 2.25, 2.23, 2.21, 2.20, 2.18,
    2.17, 2.16, 2.15, 2.14, 2.13, 2.13, 2.12, 2.11, 2.11, 2.11, 2.10, 2.10, 2.09, 2.09, 2.09,
)  # fmt: skip


def quantile(freedom: int) -> float:
    """Return how many standard errors a gain must exceed for a σ of `freedom` degrees of freedom; infinite for 0."""
    if freedom < 1:
        return math.inf
    return _T[freedom - 1] if freedom <= len(_T) else 2 + 2.5 / freedom


class Noise(NamedTuple):
    """The spread between runs of the same candidate."""

    sigma: float
    freedom: int

    def margin(self, runs: int, best_runs: int) -> float:
        """Return what the difference of two means over so many runs must exceed."""
        return quantile(self.freedom) * self.error(runs, best_runs)

    def error(self, runs: int, best_runs: int) -> float:
        """Return the standard error of the difference of the two means."""
        return self.sigma * math.sqrt(1 / runs + 1 / best_runs)


def pooled(groups: Iterable[Sequence[float]]) -> Noise:
    """Estimate σ from groups of repeats: the squared distances from each group's own mean."""
    repeated = [group for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in repeated)
    if not freedom:
        return Noise(math.inf, 0)
    squares = sum(statistics.variance(group) * (len(group) - 1) for group in repeated)
    return Noise(max(FLOOR, math.sqrt(squares / freedom)), freedom)


def compare(new: Sequence[float], best: Sequence[float], noise: Noise, *, simpler: bool = False) -> Decision:
    """Decide by the values of both's runs, and the noise of all repeats so far: keep, discard, or measure again (defer).

    `simpler` (less code, a shorter text): then "the same" is enough, within one standard error of the best after MOST runs.
    """
    gain = statistics.fmean(best) - statistics.fmean(new)
    margin, error = noise.margin(len(new), len(best)), noise.error(len(new), len(best))
    measured = f"gain {gain:+.5f} over {len(new)} run{'s' * (len(new) > 1)}, noise ±{margin:.5f}"

    def decided(outcome: Outcome, why: str) -> Decision:
        return Decision(outcome, f"{measured}: {why}")

    if gain > margin and len(new) > 1:
        return decided(Outcome.KEEP, "beyond the noise")
    if simpler and abs(gain) <= error and len(new) >= MOST:
        return decided(Outcome.KEEP, "the same, and shorter")
    if simpler and gain > -margin and len(new) < MOST:
        return decided(Outcome.DEFER, "shorter and not clearly worse, measured again")
    if gain <= 0:
        return decided(Outcome.DISCARD, "no better")
    if len(new) >= MOST:
        return decided(Outcome.DISCARD, "still inside the noise")
    if gain > margin:
        return decided(Outcome.DEFER, "one run decides nothing")
    return decided(Outcome.DEFER, "inside the noise, measured again")
