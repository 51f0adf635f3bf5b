"""The report of a run of experiments: progress, loss curves, lineage, every trial with its diff."""

from __future__ import annotations

import json
from collections import Counter

import jinja2

from skillloop.bench.candidate import Folder, Plan
from skillloop.report.plot import Plot, around
from skillloop.search.archive import Archive, Row
from skillloop.search.ledger import Ledger

CURVES = 12  # trainings whose loss curves are drawn: the baseline, the kept ones, then the last
POINTS = 300  # of a curve


def page(folder: Folder, plan: Plan, ledger: Ledger) -> str:
    """Return the report as one HTML document."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("skillloop", "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    rows, archive = ledger.trials, ledger.archive()
    diffs = [folder.trial(row["number"]) / "change.diff" for row in rows]
    sealed = [row["result"] for row in ledger.events("sealed") if row.get("result")]
    spent = sum(row["spent"] for row in rows)
    return environment.get_template("experiment.html").render(
        plan=plan,
        rows=[
            row | {"diff": diff.read_text("utf-8", "replace") if diff.exists() else ""}
            for row, diff in zip(rows, diffs, strict=True)
        ],
        archive=archive,
        counts=Counter(row["status"] for name, row in archive.last.items() if name != archive.baseline),
        sigma=archive.noise.sigma if archive.noise.freedom else None,
        freedom=archive.noise.freedom,
        progress=progress(rows, archive) if archive.runs else "",
        curves=curves(folder, rows, archive) if archive.runs else "",
        lineage=lineage(archive) if archive.kept else "",
        sealed=sealed[-1] if sealed else None,
        # the part of all time that the runner adds to the trainings' own: start, evaluation, bookkeeping
        overhead=1 - sum(row["seconds"] for row in rows) / spent if spent and plan.clock == "wall" else None,
    )


def progress(rows: list[Row], archive: Archive) -> str:
    """Draw every measurement as a dot, the best so far as steps, the noise about it as a band."""
    scored = [row for row in rows if row["mean"] is not None]
    means: list[float] = sorted(row["mean"] for row in scored)
    middle = means[len(means) // 2]
    ceiling = middle + 3 * (middle - means[0] + 0.01 * middle)  # far outliers are drawn at the upper edge
    shown = [mean for mean in means if mean <= ceiling]
    plot = Plot((-0.5, len(rows) - 0.5), around(shown), labels=("trial", "bits per byte, lower is better"))
    best, steps = None, []
    for row in scored:
        if row["outcome"] == "keep":
            if row["candidate"] != best:
                plot.text((row["number"], row["mean"]), row["description"][:40])
            best = row["candidate"]
            steps.append((float(row["number"]), row["mean"]))
    if archive.noise.freedom and steps:
        plot.band(steps[-1][1] - 2 * archive.noise.sigma, steps[-1][1] + 2 * archive.noise.sigma, "noise")
    if steps:
        plot.steps([*steps, (len(rows) - 0.5, steps[-1][1])], "best")
    for row in scored:
        title = f"{row['number']}: {row['description']}: {row['mean']:.5f}, {row['status']}"
        plot.dot((row["number"], min(row["mean"], plot.y[1])), row["status"], title)
    for row in rows:
        if row["mean"] is None:
            title = f"{row['number']}: {row['description']}: {row['status']}"
            plot.dot((row["number"], plot.y[1]), "failed", title)
    return plot.svg()


def curves(folder: Folder, rows: list[Row], archive: Archive) -> str:
    """Draw the training loss over time, as the runs themselves recorded it."""
    first = [row for row in rows if row["candidate"] in (archive.baseline, *archive.kept)]
    chosen = {row["number"]: row for row in [*first, *reversed(rows)]}
    found = [(row, _curve(folder, row)) for row in list(chosen.values())[:CURVES]]
    found = [(row, points) for row, points in found if len(points) > 1]
    if not found:
        return ""
    losses = [loss for _, points in found for _, loss in points[len(points) // 20 :]]
    longest = max(points[-1][0] for _, points in found)
    plot = Plot((0.0, longest), around(losses), labels=("seconds", "training loss, nats per token"))
    for row, points in found:
        name = row["candidate"]
        kind = "best" if name == archive.best else "baseline" if name == archive.baseline else "other"
        plot.line([(x, min(y, plot.y[1])) for x, y in points], f"curve {kind}")
    return plot.svg()


def _curve(folder: Folder, row: Row) -> list[tuple[float, float]]:
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


def lineage(archive: Archive) -> str:
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
            plot.line([places[row["parent"]], places[name]], kind)
    for name, row in archive.last.items():
        plot.dot(places[name], row["status"], f"{row['description']}: {row['reason']}")
        if name in archive.kept:
            plot.text(places[name], row["description"][:44])
    return plot.svg()
