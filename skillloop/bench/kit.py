"""The kit: what one machine does with two recipes in a few minutes, and what the loop makes of the time that is left.

Autoresearch's recipe at its defaults is train.py as it stands: the baseline (see docs/training.md). Ours is the same file with
the settings of `[ours]` in ideas.toml. Both train on the same data, for the same time and with the seeds of the run's first
trials. `pack` makes a data folder into one file, for a machine without the internet.
"""

import json
import statistics
import subprocess
import tarfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skillloop.bench import experiment, proposers
from skillloop.bench.candidate import EDITABLE, Candidate
from skillloop.bench.measure import Executor
from skillloop.bench.setup import Run
from skillloop.errors import UsageError
from skillloop.search.ledger import Row
from skillloop.search.significance import BASELINE

Show = Callable[[Row], None]  # a trial that was decided
RUNS = BASELINE  # trainings of each recipe
SHARE = 0.8  # of the time that goes to them; the loop has the rest
AROUND = 25.0  # seconds beside each training: start and evaluation
COLUMNS = {  # of the table: field of a row, heading, digits
    "bpb": ("bits per byte", 4),
    "tokens_per_second": ("tokens/s", 0),
    "mfu_percent": ("MFU %", 1),
    "loader_stall_percent": ("loader stall %", 2),
    "compile_seconds": ("compile s", 1),
    "overhead_percent": ("runner %", 1),
    "memory_gb": ("memory GB", 1),
}


def seconds(minutes: float) -> float:
    """Return how long one training may take, of so many minutes for all."""
    return max(5.0, round(minutes * 60 * SHARE / (2 * RUNS) - AROUND))


def pack(data: Path, file: Path) -> int:
    """Write a data folder as one compressed file, and return its bytes."""
    with tarfile.open(file, "w:xz", preset=9) as tar:
        tar.add(data, arcname=".")
    return file.stat().st_size


def measure(opened: Run, recipe: Path, executor: Executor, deadline: float, show: Show) -> dict[str, Any]:
    """Train both recipes, then let the loop run until `deadline` (of the monotonic clock). Returns what kit.json holds.

    Raises SkillloopError: the baseline could not be measured; UsageError: ideas.toml has no `[ours]` that applies.
    """
    problem = experiment.Experiment(opened, proposers.given([]), executor)
    for row in experiment.run(opened, proposers.given([]), executor, 0):
        show(row)
    archive = opened.ledger.archive()
    idea = tomllib.loads((recipe / "ideas.toml").read_text("utf-8")).get("ours", {})
    text = proposers.edited(opened.baseline.source, idea, archive.last[opened.baseline.id]["config"])
    if not idea or text is None:
        raise UsageError(f"{recipe / 'ideas.toml'}: has no [ours] that applies to train.py")
    ours = Candidate({**opened.baseline.files, EDITABLE: text}, idea["title"], "kit", opened.baseline.id)
    done = opened.ledger.events("kit")
    for run in range(len(done), RUNS):
        seed = opened.plan.seed_of(run)
        measured = problem.beside(ours, experiment.BESIDE + 500 + run, seed)
        facts = {"status": measured.status, "reason": measured.reason, **experiment.facts(measured)}
        opened.ledger.append({"event": "kit", "number": run, "seed": seed, **facts})
    known = proposers.ideas(recipe / "ideas.toml")
    proposer = proposers.first_of([proposers.given([ours]), known, proposers.search])
    longest = max(row["spent"] for row in opened.ledger.trials)
    rows = experiment.run(opened, proposer, executor)
    while time.monotonic() + longest < deadline and (row := next(rows, {})):
        show(row)
        longest = max(longest, row["spent"])
    return summary(opened)


def summary(opened: Run) -> dict[str, Any]:
    """Return both recipes' figures: the mean of each over its runs, and of the bits per byte the spread and every run."""
    trials = opened.ledger.trials
    runs = {
        "autoresearch, defaults": [row for row in trials if row["candidate"] == opened.baseline.id][:RUNS],
        "ours": opened.ledger.events("kit"),
    }
    code = "import torch; c = torch.cuda; print(torch.__version__, c.get_device_name() if c.is_available() else 'cpu', sep='|')"
    version, card = subprocess.check_output([opened.plan.python, "-c", code], text=True).strip().split("|")
    recipes = {}
    for recipe, rows in runs.items():
        values = {name: [row[name] for row in rows if row.get(name) is not None] for name in COLUMNS}
        # what the runner adds is known where the trainings' clock is the wall's
        timed = [row for row in rows if row["spent"] and opened.plan.clock == "wall"]
        values["overhead_percent"] = [100 * (1 - row["seconds"] / row["spent"]) for row in timed]
        recipes[recipe] = {
            **{name: statistics.fmean(each) if each else None for name, each in values.items()},
            "runs": len(rows),
            "seeds": [row["seed"] for row in rows],
            "bpb_sd": statistics.stdev(values["bpb"]) if len(values["bpb"]) > 1 else None,
            "bpb_runs": values["bpb"],
            "ended": [row["status"] for row in rows],
        }
    archive = opened.ledger.archive()
    return {
        "torch": version,
        "card": card,
        "seconds": opened.plan.seconds,
        "clock": opened.plan.clock,
        "data": json.loads(Path(opened.plan.data, "manifest.json").read_bytes()).get("origin"),
        "recipes": recipes,
        "loop": {
            "candidates": len(archive.last) - 1,
            "kept": len(archive.kept) - 1,
            "best": archive.last[archive.best]["description"] if archive.best else None,
            "bpb": archive.mean(archive.best) if archive.best else None,
        },
    }


def table(found: dict[str, Any]) -> str:
    """Return the figures as a table of Markdown; a dash is what could not be measured here."""
    head = ["recipe", *(heading for heading, _ in COLUMNS.values())]
    lines = [head, ["---"] * len(head)]
    for name, means in found["recipes"].items():
        values = ((means[name], digits) for name, (_, digits) in COLUMNS.items())
        cells = ["–" if value is None else f"{value:,.{digits}f}" for value, digits in values]
        if means["bpb_sd"] is not None:
            cells[0] += f" ± {means['bpb_sd']:.4f}"
        lines.append([name, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
