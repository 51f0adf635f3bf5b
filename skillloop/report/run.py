"""The report of a run of `evolve` or `bench`, drawn from its ledger alone, and the proof that each number in it follows.

Whatever a page says is derived again by the code that drew it, and each decision of a trial by the code that made it (after
The AI Scientist, arXiv 2408.06292, whose papers hold numbers that nobody recomputes). Taken as recorded are only the
measurements: which cases passed, bits per byte, what the sealed split gave.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from skillloop import report
from skillloop.bench import experiment as training
from skillloop.bench.candidate import Folder, Plan
from skillloop.errors import UsageError
from skillloop.evolve import problem
from skillloop.evolve.problem import Evolution, Scores, tallies
from skillloop.model import Decision
from skillloop.search.ledger import Archive, Ledger, Row

_SHOWN = 60  # characters of a difference
CURVES = 12  # trainings whose loss curves are drawn: the baseline, the kept ones, then the last
POINTS = 300  # of a curve
Pair = tuple[float, float]
MARGIN = (14.0, 14.0, 34.0, 62.0)  # top, right, bottom, left, in SVG units


class Run(NamedTuple):
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
    """Return the run in a folder, or of this name of `evolve`. Raises SkillloopError: its ledger was altered."""
    for root in (Path(name).absolute(), home / "evolve" / name):
        if (root / "ledger.jsonl").is_file():
            metric = "bpb" if Folder(root).plan.exists() else problem.METRIC
            return Run(root, Ledger(root / "ledger.jsonl", metric))
    return None


def drawn(run: Run) -> str:
    """Return the `page` of a run. Raises UsageError: nothing was measured yet."""
    if run.ledger.archive().best is None:
        raise UsageError(f"{run.root}: nothing was measured yet")
    return page(run)


def page(run: Run, *, live: bool = False) -> str:
    """Return the report as one HTML document; a `live` one, of a run that goes on, loads itself again now and then."""
    plan, rows = run.plan, run.ledger.trials
    if plan is None:
        rows = [row | {"status": row["outcome"], "description": row["what"]} for row in rows]
    archive = Archive(rows, (), run.ledger.metric)
    unit = "bits per byte, lower is better" if plan else "share of cases that fail"
    return report.render(
        "experiment.html" if plan else "evolve.html",
        live=live,
        archive=archive,
        counts=Counter(row["status"] for name, row in archive.last.items() if name != archive.baseline),
        noise=archive.noise,
        progress=progress(rows, archive, unit) if archive.runs else None,
        lineage=lineage(archive) if archive.kept else None,
        ticks=ticks,
        head=run.ledger.head[:12],
        **(_training(run, plan, archive) if plan else _evolution(run, archive)),
    )


def _training(run: Run, plan: Plan, archive: Archive) -> dict[str, Any]:
    """Return what only the report of trainings has: loss curves, every trial with its diff."""
    rows, folder = archive.rows, Folder(run.root)
    diffs = [folder.trial(row["number"]) / "change.diff" for row in rows]
    sealed = [row["result"] for row in run.ledger.events("sealed") if row.get("result")]
    spent, own = (sum(row[key] for row in rows) for key in ("spent", "seconds"))
    return {
        "scale": run.ledger.events("scale"),
        "plan": plan,
        "rows": [
            row | {"diff": diff.read_text("utf-8", "replace") if diff.exists() else ""}
            for row, diff in zip(rows, diffs, strict=True)
        ],
        "curves": curves(folder, rows, archive) if archive.runs else None,
        "sealed": sealed[-1] if sealed else None,
        # the part of all time that the runner adds to the trainings' own: start, evaluation, bookkeeping
        "overhead": 1 - own / spent if spent and plan.clock == "wall" else None,
    }


def _evolution(run: Run, archive: Archive) -> dict[str, Any]:
    """Return what only the report of a skill's evolution has: its cases and operators, and the looks at what was held out."""
    rows, (baseline, best) = archive.rows, (str(archive.baseline), str(archive.best))
    looks = [row for row in run.ledger.events("confirm") if "chosen" in row]
    return {
        "rows": rows,
        "cases": sorted({case for row in rows for case in row["passed"]}),
        "operators": sorted({row["operator"] for row in rows[1:]} - {"baseline"}) or ["nobody"],
        "before": tallies(rows, baseline),
        "after": tallies(rows, best),
        "looks": looks,
        "ends": run.ledger.events("end")[-1:],
    }


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
    run = Evolution(text, (), lambda *_: None, lambda *_: None, lambda _: "", ledger)
    return lambda archive, row: run.accept(archive, row["candidate"], Scores(row["passed"], row["early"]))


# --- pictures --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Plot:
    """One pair of axes over given ranges; the template draws it. Marks are drawn in the order in which they are added."""

    x: Pair
    y: Pair
    width: float = 860.0
    height: float = 360.0
    labels: tuple[str, str] = ("", "")
    axes: bool = True
    marks: list[tuple[str, str, list[Pair], str]] = field(default_factory=list)

    def at(self, point: Pair) -> Pair:
        """Return where a data point lies in the picture."""
        top, right, bottom, left = MARGIN
        across = (point[0] - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (point[1] - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        height = self.height - top - bottom
        return left + across * (self.width - left - right), self.height - bottom - up * height

    def add(self, shape: str, kind: str, *points: Pair, words: str = "") -> None:
        """Add a mark: "line" through the points, "area" between two corners, "dot" (the words show when pointed at), "text"."""
        self.marks.append((shape, kind, [self.at(point) for point in points], words))


def progress(rows: list[Row], archive: Archive, unit: str) -> Plot:
    """Draw every measurement as a dot, the best so far as steps, the noise about it as a band."""
    scored = [row for row in rows if row["mean"] is not None]
    means: list[float] = sorted(row["mean"] for row in scored)
    middle = means[len(means) // 2]
    ceiling = middle + 3 * (middle - means[0] + 0.01 * middle)  # far outliers are drawn at the upper edge
    shown = [mean for mean in means if mean <= ceiling]
    plot = Plot((-0.5, len(rows) - 0.5), around(shown), labels=("trial", unit))
    best, steps = None, []
    for row in scored:
        if row["outcome"] == "keep":
            place = (float(row["number"]), row["mean"])
            if row["candidate"] != best:
                plot.add("text", "note", place, words=row["description"][:40])
            best = row["candidate"]
            steps.append(place)
    if steps:
        level, spread = steps[-1][1], 2 * archive.noise.sigma
        if archive.noise.freedom:
            low, high = max(level - spread, plot.y[0]), min(level + spread, plot.y[1])
            plot.add("area", "noise", (plot.x[0], high), (plot.x[1], low))
        steps.append((plot.x[1], level))
        corners = [corner for a, b in pairwise(steps) for corner in (a, (b[0], a[1]))]
        plot.add("line", "best", *corners, steps[-1])
    for row in scored:
        title = f"{row['number']}: {row['description']}: {row['mean']:.5f}, {row['status']}"
        plot.add("dot", row["status"], (row["number"], min(row["mean"], plot.y[1])), words=title)
    for row in rows:
        if row["mean"] is None:
            title = f"{row['number']}: {row['description']}: {row['status']}"
            plot.add("dot", "failed", (row["number"], plot.y[1]), words=title)
    return plot


def curves(folder: Folder, rows: list[Row], archive: Archive) -> Plot | None:
    """Draw the training loss over time, as the runs themselves recorded it; None where none did."""
    first = [row for row in rows if row["candidate"] in (archive.baseline, *archive.kept)]
    chosen = {row["number"]: row for row in [*first, *reversed(rows)]}
    found = [(row, _curve(folder, row)) for row in list(chosen.values())[:CURVES]]
    found = [(row, points) for row, points in found if len(points) > 1]
    if not found:
        return None
    losses = [loss for _, points in found for _, loss in points[len(points) // 20 :]]
    longest = max(points[-1][0] for _, points in found)
    plot = Plot((0.0, longest), around(losses), labels=("seconds", "training loss, nats per token"))
    for row, points in found:
        name = row["candidate"]
        kind = "best" if name == archive.best else "baseline" if name == archive.baseline else "other"
        plot.add("line", f"curve {kind}", *((x, min(y, plot.y[1])) for x, y in points))
    return plot


def _curve(folder: Folder, row: Row) -> list[Pair]:
    """(seconds, loss smoothed over a twentieth of the run); [] where the run left none that can be read."""
    try:
        lines = (folder.trial(row["number"]) / "out/curve.jsonl").read_text("utf-8").splitlines()
        points = [(float(p["seconds"]), float(p["loss"])) for p in map(json.loads, lines)]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    smooth, mean = [], 0.0
    part = 1 / max(1, len(points) // 20)
    for number, (seconds, loss) in enumerate(points):
        mean = loss if number == 0 else mean + part * (loss - mean)
        smooth.append((seconds, mean))
    return smooth[:: max(1, len(smooth) // POINTS)]


def lineage(archive: Archive) -> Plot:
    """Draw who was made from whom: a tree from left to right, one column a generation, kept ones named."""
    depth: dict[str, int] = {}
    for name, row in archive.last.items():
        depth[name] = depth.get(row["parent"], -1) + 1
    columns: dict[int, list[str]] = {}
    for name in sorted(depth, key=lambda n: (depth[n], n not in archive.kept)):
        columns.setdefault(depth[name], []).append(name)
    most = max(map(len, columns.values()))
    places = {
        name: (float(column), -(row + 0.5) / len(names))
        for column, names in columns.items()
        for row, name in enumerate(names)
    }
    plot = Plot((-0.2, max(columns) + 0.8), (-1.0, 0.0), height=max(160.0, 26.0 * most), axes=False)
    for name, row in archive.last.items():
        if row["parent"] in places:
            kind = "edge kept" if name in archive.kept else "edge"
            plot.add("line", kind, places[row["parent"]], places[name])
    for name, row in archive.last.items():
        plot.add("dot", row["status"], places[name], words=f"{row['description']}: {row['reason']}")
        if name in archive.kept:
            plot.add("text", "note", places[name], words=row["description"][:44])
    return plot


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return about so many round values between two: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def around(values: Sequence[float], room: float = 0.06) -> tuple[float, float]:
    """Return a range that holds the values, with a little room."""
    low, high = min(values), max(values)
    space = room * (high - low) or 0.01 * (abs(high) or 1)
    return low - space, high + space
