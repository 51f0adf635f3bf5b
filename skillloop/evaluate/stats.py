"""Whether a difference is more than luck, and how far two judges agree. Exact, small, without numpy."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

ALPHA = 0.05
"""Chance that is taken of calling luck a gain."""


def sign_test(wins: int, losses: int) -> float:
    """Chance of at least so many wins among wins + losses fair tosses (exact, one-sided; ties do not count)."""
    tosses = wins + losses
    ways = sum(math.comb(tosses, k) for k in range(wins, tosses + 1))
    return ways / float(2**tosses)


def least_runs(alpha: float = ALPHA) -> int:
    """Runs below which not even a win in each of them would be more than luck."""
    return math.ceil(math.log2(1 / alpha))


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond chance of two raters who say yes or no, with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


def kappa(pairs: Iterable[tuple[bool, bool]]) -> Kappa | None:
    """Cohen's kappa (Cohen 1960, doi:10.1177/001316446002000104) with its large-sample interval.

    None where it is not defined: no pairs, or both raters always said the same one thing.
    """
    rated = list(pairs)
    n = len(rated)
    if not n:
        return None
    observed = sum(a == b for a, b in rated) / n
    first, second = (sum(pair[i] for pair in rated) / n for i in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    if chance >= 1:
        return None
    value = (observed - chance) / (1 - chance)
    error = 1.96 * math.sqrt(observed * (1 - observed) / n) / (1 - chance)
    return Kappa(value, max(-1.0, value - error), min(1.0, value + error), n)
