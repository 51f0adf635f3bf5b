"""The ledger: one JSON line for everything that happened in a search, written by the runner alone.

Append-only and chained: each row carries the hash of the row before it, so that a changed or missing row is found on the next
start. A row is on the disk (fsync) before the next trial begins; a half-written last line is cut off, and its trial run again.

A trial's row has `event` ("trial"), `number`, `candidate` and `parent` (ids), `outcome`, `reason`, the measured value under the
name of the ledger's metric, `mean` and `runs` (over all measurements of the candidate so far), `early` (after a first stage),
`spent` (the cost) and whatever else the problem records. The archive is what the trials say together, a pure function of the
rows, which makes a resumed search go on identically. Values are losses: lower is better; None is *unmeasured*, not 0.
"""

import json
import math
import os
import random
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from skillloop import fs
from skillloop.errors import SkillloopError
from skillloop.model import Decision, Outcome, sha256
from skillloop.search import significance

Row = dict[str, Any]  # of the ledger


class Archive:
    """The trials so far, by candidate. `pending` are the candidates (ids) that are under way or not yet to be known."""

    def __init__(self, rows: Sequence[Row], pending: Sequence[str], metric: str) -> None:
        self.rows = list(rows)
        self.pending = list(pending)
        self.runs: dict[str, list[float]] = {}  # the measured values of each candidate
        self.last: dict[str, Row] = {}  # the row that says what became of each candidate
        self.kept: list[str] = []  # in the order in which they were first kept
        self.best: str | None = None
        for row in self.rows:
            name = row["candidate"]
            if row[metric] is not None:
                self.runs.setdefault(name, []).append(row[metric])
            if row[metric] is not None or name not in self.kept:
                self.last[name] = row  # a kept candidate's failed repeat does not unmake it
            if row["outcome"] == "keep":
                self.best = name
                if name not in self.kept:
                    self.kept.append(name)
        self.known = {*self.last, *self.pending}  # every candidate that was tried or is under way
        self.number = len(self.rows) + len(self.pending)  # of the next trial
        self.baseline: str | None = self.rows[0]["candidate"] if self.rows else None
        self.noise = significance.pooled(list(self.runs.values()))

    def attempts(self, candidate: str) -> int:
        """Count the measurements of a candidate, begun ones and failed ones included."""
        return [*(row["candidate"] for row in self.rows), *self.pending].count(candidate)

    def mean(self, candidate: str) -> float:
        """Return the mean of a candidate's values."""
        return statistics.fmean(self.runs[candidate])

    def children(self, candidate: str) -> int:
        """Count the candidates that were made from one."""
        return len({row["candidate"] for row in self.rows if row["parent"] == candidate})

    def deferred(self) -> str | None:
        """Return the first candidate that is to be measured again and is not being measured."""
        waiting = (name for name, row in self.last.items() if row["outcome"] == "defer")
        return next((name for name in waiting if name not in self.pending), None)

    def refreshed(self, candidate: str) -> bool:
        """Return whether the best was measured, or is being measured, after a candidate's last run."""
        names = [row["candidate"] for row in self.rows] + self.pending
        return self.best in names[len(names) - names[::-1].index(candidate) :]

    def decide(self, candidate: str, value: float, simpler: Callable[[str], bool]) -> Decision:
        """Decide a new value of a candidate by the noise rule; `simpler` says whether it is so than another candidate."""
        runs = [*self.runs.get(candidate, ()), value]
        if self.best is None or candidate in (self.best, self.baseline):
            outcome = Outcome.KEEP if self.best in (None, candidate) else Outcome.DISCARD
            ordinal = {1: "first", 2: "second", 3: "third"}.get(len(runs), f"{len(runs)}th")
            return Decision(outcome, f"{ordinal} run of the best")
        spread = significance.pooled({**self.runs, candidate: runs}.values())
        return significance.compare(runs, self.runs[self.best], spread, simpler=simpler(self.best))

    def stage_limit(self) -> float | None:
        """Return what a first stage may come to: the baseline's mean and four σ, at least 2 %; None until it is known."""
        stages = [row["early"] for row in self.rows if row["candidate"] == self.baseline and row["early"]]
        if len(stages) < significance.BASELINE:
            return None
        mean = statistics.fmean(stages)
        limit: float = mean + max(4 * statistics.stdev(stages), 0.02 * mean)
        return limit


def draw_parent(archive: Archive, key: str) -> str:
    """Draw a kept candidate with weight score × novelty ÷ (1 + children); `key` seeds the draw.

    The score falls from 1 by e for every two σ (at least 1 %) above the best (after the archive of the Darwin Gödel Machine,
    arXiv 2505.22954, whose novelty is the last factor alone).
    """
    names = archive.kept
    best = min(map(archive.mean, names))
    sigma = archive.noise.sigma if archive.noise.freedom else 0.0
    scale = max(2 * sigma, 0.01 * abs(best), significance.FLOOR)
    weights = [math.exp((best - archive.mean(name)) / scale) / (1 + archive.children(name)) for name in names]
    return random.Random(key).choices(names, weights)[0]


class Ledger:
    """The rows of one search, in memory and in its file."""

    def __init__(self, path: Path, metric: str) -> None:
        """Read what is there. Raises SkillloopError: a row was changed or removed."""
        self.path, self.metric = path, metric
        self.rows: list[Row] = []
        self.head = ""  # hash of the last row
        data = path.read_bytes() if path.exists() else b""
        self.data = data[: data.rfind(b"\n") + 1]  # what the file holds: whole lines
        for number, line in enumerate(self.data.splitlines(), 1):
            try:
                row = json.loads(line)
            except ValueError:
                row = {}
            if not isinstance(row, dict) or row.get("before") != self.head:
                raise SkillloopError(
                    f"{path}:{number}: the ledger was altered by something other than skillloop",
                    "start a new run in another folder; the rows before this line can be trusted",
                )
            self.rows.append(row)
            self.head = sha256(line)

    def append(self, row: Row) -> None:
        """Write one row and wait until it is on the disk. Raises SkillloopError: the file is not as this object left it."""
        self.check()
        line = json.dumps({**row, "before": self.head}, ensure_ascii=False)
        data = line.encode("utf-8") + b"\n"
        with self.path.open("r+b" if self.path.exists() else "xb") as file:
            file.seek(len(self.data))
            file.truncate()  # the half line of a crash
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self.rows.append(json.loads(line))
        self.data += data
        self.head = sha256(line)

    def check(self) -> None:
        """Raise SkillloopError where the file is not what was written, which nothing but the runner may change."""
        data = self.path.read_bytes() if self.path.exists() else b""
        if not data.startswith(self.data):
            raise SkillloopError(f"{self.path}: the ledger was altered while a trial ran")

    def restore(self) -> None:
        """Write the rows again as they are in memory, over whatever became of the file."""
        fs.write_atomic(self.path, self.data)

    def events(self, name: str) -> list[Row]:
        """Return the rows of one kind of event, oldest first."""
        return [row for row in self.rows if row["event"] == name]

    @property
    def trials(self) -> list[Row]:
        """The rows of trials."""
        return self.events("trial")

    def archive(self, known: int | None = None, pending: Sequence[str] = ()) -> Archive:
        """Return the archive of the first `known` trials (all by default), with these candidates under way."""
        return Archive(self.trials[:known], pending, self.metric)
