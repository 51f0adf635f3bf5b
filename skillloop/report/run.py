"""The report of a run of `evolve` or `bench`, drawn from its ledger alone, and the proof that each number in it follows.

Whatever a page says is derived again by the code that drew it, and each decision of a trial by the code that made it (after
The AI Scientist, arXiv 2408.06292, whose papers hold numbers that nobody recomputes). Taken as recorded are only the
measurements: which cases passed, bits per byte, what the sealed split gave.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from skillloop import report
from skillloop.bench import experiment as training
from skillloop.bench.candidate import Folder, Plan
from skillloop.errors import UsageError
from skillloop.evolve import problem
from skillloop.evolve.problem import Evolution, Scores, tallies
from skillloop.model import Decision
from skillloop.report import experiment
from skillloop.search.ledger import Archive, Ledger, Row

_SHOWN = 60  # characters of a difference


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder, and what its ledger says."""

    root: Path
    ledger: Ledger

    @property
    def page(self) -> Path:
        """Where its report is."""
        return self.root / "report.html"

    @property
    def plan(self) -> Plan | None:
        """What a training experiment keeps fixed; None for a skill's."""
        folder = Folder(self.root)
        return Plan(**json.loads(folder.plan.read_bytes())) if folder.plan.exists() else None


def find(home: Path, name: str) -> Run | None:
    """Return the run in a folder, or of this name among those of `evolve`; None where there is none.

    Raises SkillloopError: its ledger was altered.
    """
    for root in (Path(name).absolute(), home / "evolve" / name):
        if (root / "ledger.jsonl").is_file():
            metric = "bpb" if Folder(root).plan.exists() else problem.METRIC
            return Run(root, Ledger(root / "ledger.jsonl", metric))
    return None


def drawn(run: Run) -> str:
    """Return the report as one HTML document. Raises UsageError: nothing was measured yet."""
    ledger, archive = run.ledger, run.ledger.archive()
    if archive.best is None or archive.baseline is None:
        raise UsageError(f"{run.root}: nothing was measured yet")
    if (plan := run.plan) is not None:
        return experiment.page(Folder(run.root), plan, ledger)
    rows = ledger.trials
    like = [row | {"status": row["outcome"], "description": row["what"]} for row in rows]
    pictured = Archive(like, (), ledger.metric)
    looks = [row for row in ledger.events("confirm") if "chosen" in row]
    return report.render(
        "evolve.html",
        rows=rows,
        archive=archive,
        cases=sorted({case for row in rows for case in row["passed"]}),
        operators=sorted({row["operator"] for row in rows[1:]} - {"baseline"}) or ["nobody"],
        before=tallies(rows, archive.baseline),
        after=tallies(rows, archive.best),
        counts=Counter(row["outcome"] for name, row in archive.last.items() if name != archive.baseline),
        sigma=archive.noise.sigma if archive.noise.freedom else None,
        freedom=archive.noise.freedom,
        looks=looks,
        ends=ledger.events("end")[-1:],
        progress=experiment.progress(like, pictured, "share of cases that fail"),
        lineage=experiment.lineage(pictured),
        ticks=experiment.ticks,
        limits=[*_untested(rows, archive, looks)],
        head=ledger.head[:12],
    )


def _untested(rows: list[Row], archive: Archive, looks: list[Row]) -> Iterator[str]:
    """Yield what nothing in the ledger speaks of."""
    if not any(row["looks"] for row in looks):
        yield "The held-out cases: nobody looked at them in this run, so what was selected may fit the cases that selected it."
    yield "What a model does with the text, where the end says that cases were judged by their text alone."
    once = sum(len(runs) == 1 for runs in archive.runs.values())
    yield f"{once} of {len(archive.runs)} measured texts were measured once only; what was discarded so may have been unlucky."
    unmeasured = sum(row["loss"] is None for row in rows)
    yield f"{unmeasured} of {len(rows)} trials measured nothing: refused by a rule, stopped early, or unscored."
    yield "Work with tools, long sessions, other models and other skills beside this one: a case is one answer."
    yield "Whether you say it less often from now on: `skillloop report` shows that, once the edit is in force."


def problems(run: Run) -> Iterator[str]:
    """Yield every number in the ledger and the report that does not follow, in sentences."""
    rows, metric = run.ledger.trials, run.ledger.metric
    decide = training.decide if run.plan is not None else _evolved(run.ledger)
    values: dict[str, list[float]] = {}
    for number, row in enumerate(rows):
        mine, value = values.setdefault(row["candidate"], []), row[metric]
        derived: dict[str, Any] = {"number": number, "mean": None}
        if value is not None:
            mine.append(value)
            derived["mean"] = sum(mine) / len(mine)
            decision = decide(Archive(rows[:number], (), metric), row)
            derived |= {"outcome": decision.outcome.value, "reason": decision.reason}
            if row.get("passed"):
                derived[metric] = Scores(row["passed"]).loss
        for key, wanted in (derived | {"runs": len(mine)}).items():
            if row[key] != wanted:
                yield f"ledger.jsonl, trial {row['number']}: {key} is {row[key]!r}, but the rows give {wanted!r}"
    if not run.page.exists():
        yield f"there is no {run.page}; `skillloop report {run.root}` draws it"
        return
    lines = run.page.read_text("utf-8", "replace").splitlines(), drawn(run).splitlines()
    for at, (there, here) in enumerate(zip_longest(*lines, fillvalue=""), start=1):
        if there != here:
            first = next((n for n, (a, b) in enumerate(zip(there, here, strict=False)) if a != b), 0)
            said, wanted = (line[max(0, first - _SHOWN // 2) :][:_SHOWN] for line in (there, here))
            yield f"report.html:{at}: it says {said!r}, but the ledger gives {wanted!r}"


def _evolved(ledger: Ledger) -> Callable[[Archive, Row], Decision]:
    """Return how `evolve` decides, by what its ledger says."""
    text = next((row["text"] for row in ledger.trials), "")
    evolution = Evolution(text, (), lambda *_: None, lambda *_: None, lambda _: "", ledger)
    return lambda archive, row: evolution.accept(
        archive, row["candidate"], Scores(row["passed"], row["early"])
    )
