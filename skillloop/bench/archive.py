"""What the ledger's rows say together: who was measured how often, who is best, who may be a parent.

A pure function of the rows: the same rows give the same archive, which is what makes a resumed run go on identically.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from typing import Any

from skillloop.bench import noise
from skillloop.bench.ledger import Row


class Archive:
    """The trials so far, by candidate. `pending` are ids of candidates whose measurement is under way."""

    def __init__(self, rows: Sequence[Row], pending: Sequence[str] = ()) -> None:
        self.rows = list(rows)
        self.pending = list(pending)
        self.runs: dict[str, list[float]] = {}
        self.last: dict[str, Row] = {}
        self.kept: list[str] = []  # in the order in which they were first kept
        self.best: str | None = None
        for row in self.rows:
            name = row["candidate"]
            if row["bpb"] is not None:
                self.runs.setdefault(name, []).append(row["bpb"])
            if row["mean"] is not None or name not in self.kept:
                self.last[name] = row  # a kept candidate's failed repeat does not unmake it
            if row["outcome"] == "keep":
                self.best = name
                if name not in self.kept:
                    self.kept.append(name)
        self.baseline: str | None = self.rows[0]["candidate"] if self.rows else None

    def attempts(self, candidate: str) -> int:
        """Measurements of a candidate, begun ones and failed ones included."""
        return len([row for row in self.rows if row["candidate"] == candidate]) + self.pending.count(
            candidate
        )

    def known(self, candidate: str) -> bool:
        """Whether this content was tried before."""
        return self.attempts(candidate) > 0

    @property
    def noise(self) -> noise.Noise:
        """σ from all repeats."""
        return noise.pooled(list(self.runs.values()))

    def mean(self, candidate: str) -> float:
        """Bits per byte over a candidate's runs."""
        return statistics.fmean(self.runs[candidate])

    def deferred(self) -> str | None:
        """The first candidate whose last word is "measure again" and of which no measurement is under way."""
        waiting = (name for name, row in self.last.items() if row["outcome"] == "defer")
        return next((name for name in waiting if name not in self.pending), None)

    def refreshed(self, candidate: str) -> bool:
        """Whether the best was measured, or is being measured, after a candidate's last run."""
        names = [row["candidate"] for row in self.rows] + self.pending
        return self.best in names[len(names) - names[::-1].index(candidate) :]

    def children(self, candidate: str) -> int:
        """How many candidates were made from one."""
        return len({row["candidate"] for row in self.rows if row["parent"] == candidate})

    def parent(self, key: str) -> str:
        """A kept candidate, drawn with weight score × 1/(1+children): good ones, and those not yet worked on.

        The score is 1 for the best and falls by e for every two σ (at least 1 %) above it (after the archive of the
        Darwin Gödel Machine, arXiv 2505.22954). `key` seeds the draw.
        """
        best = min(self.mean(name) for name in self.kept)
        sigma = self.noise.sigma if self.noise.freedom else 0.0
        scale = max(2 * sigma, 0.01 * best)
        weights = [math.exp((best - self.mean(n)) / scale) / (1 + self.children(n)) for n in self.kept]
        return random.Random(key).choices(self.kept, weights)[0]

    def hopeless(self) -> float | None:
        """Above this a first stage ends a trial: 4 σ of the baseline's own first stages, at least 2 %, over their mean."""
        stages = [row["early"] for row in self.rows if row["candidate"] == self.baseline and row["early"]]
        if len(stages) < noise.BASELINE:
            return None
        mean = statistics.fmean(stages)
        room: float = max(4 * statistics.stdev(stages), 0.02 * mean)
        return mean + room

    def config(self, candidate: str) -> dict[str, Any]:
        """The effective settings of a candidate's last run."""
        found: dict[str, Any] = self.last[candidate]["config"]
        return found
