"""Start a run, or take up the one that lies in a folder; and the reading of the sealed split.

What no trial may change (budget, data, metric) is written down when the run starts. A later start with another recipe,
data folder or budget is refused instead of mixing two experiments in one ledger.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skillloop.bench import sandbox
from skillloop.bench.archive import Archive
from skillloop.bench.candidate import EDITABLE, LOCKED, Candidate, Folder, Plan
from skillloop.bench.ledger import Ledger
from skillloop.bench.measure import Bench
from skillloop.bench.worktree import Repository
from skillloop.errors import Refused, UsageError
from skillloop.model import sha256

NEEDED = ("torch", "numpy", "safetensors", "tokenizers")


@dataclass(frozen=True, slots=True)
class Run:
    """An open run."""

    folder: Folder
    plan: Plan
    ledger: Ledger
    repository: Repository
    bench: Bench
    baseline: Candidate


def recipe_folder() -> Path:
    """Where skillloop's own recipe lies: in the wheel, else beside the package in its repository.

    Raises:
        UsageError: it is in neither place.
    """
    spec = importlib.util.find_spec("skillloop")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for folder in (package / "recipe", package.parent / "skills/gpu-benchmark"):
        if (folder / EDITABLE).exists():
            return folder
    raise UsageError("the gpu-benchmark skill is not here", "name its folder with --recipe")


def prepare(data: Path, recipe: Path, python: str, corpus: Sequence[str]) -> None:
    """Make the data folder, unless it is there: `corpus` is what prepare.py is to be called with.

    Raises:
        UsageError: the interpreter lacks a module, or prepare.py failed.
    """
    missing = missing_modules(python)
    if missing:
        raise UsageError(
            f"{python} has no {', '.join(missing)}",
            "pip install torch safetensors tokenizers, or name another interpreter with --python",
        )
    if (data / "manifest.json").exists():
        return
    command = [python, str(recipe / "prepare.py"), *corpus, "--out", str(data)]
    done = subprocess.run(command, stdout=sys.stderr, check=False)
    if done.returncode:
        raise UsageError(f"prepare.py failed: {' '.join(command)}")


def missing_modules(python: str) -> list[str]:
    """Which of the needed modules an interpreter does not find."""
    code = f"import importlib.util as u; print(*[m for m in {NEEDED!r} if u.find_spec(m) is None])"
    return subprocess.check_output([python, "-c", code], text=True).split()


def start(root: Path, recipe: Path, wanted: Plan) -> Run:
    """Open a run's folder, making it on first use.

    Raises:
        Refused: the folder holds a run with another recipe, data folder or budget.
        UsageError: the folder, or the data, lies where trials may read.
    """
    for what in (root, Path(wanted.data)):
        if (inside := sandbox.exposed(what, wanted.python)) is not None:
            raise UsageError(f"{what} lies in {inside}, which trials may read", "choose another place")
    texts = {name: (recipe / name).read_text("utf-8") for name in (EDITABLE, *LOCKED)}
    plan = _with_hashes(wanted, texts)
    folder = Folder(root)
    if folder.plan.exists():
        _unchanged(plan, json.loads(folder.plan.read_bytes()), folder)
        return resume(folder, plan)
    root.mkdir(parents=True, exist_ok=True)
    repository = Repository(folder.repository)
    repository.git("update-ref", "refs/heads/baseline", repository.commit(texts, "baseline", None, 0))
    folder.plan.write_text(
        json.dumps(asdict(plan), indent=1), "utf-8"
    )  # last: a run exists when its plan does
    return resume(folder, plan)


def resume(folder: Folder, plan: Plan) -> Run:
    """Open a run that was started before. Its locked files come from its own repository, by their recorded hashes.

    Raises:
        Refused: the repository's locked files are not those of the plan.
    """
    repository = Repository(folder.repository)
    texts = repository.files("refs/heads/baseline")
    folder.recipe.mkdir(exist_ok=True)
    for name in LOCKED:
        if sha256(texts[name]) != plan.hashes[name]:
            raise Refused(f"{folder.repository}: {name} is not the one this run was started with")
        (folder.recipe / name).write_text(texts[name], "utf-8")
    baseline = Candidate(texts, "baseline", "baseline")
    return Run(
        folder, plan, Ledger(folder.ledger), repository, Bench(folder, plan, repository, texts), baseline
    )


def _with_hashes(plan: Plan, texts: Mapping[str, str]) -> Plan:
    manifest = Path(plan.data, "manifest.json").read_bytes()
    hashes = {name: sha256(texts[name]) for name in LOCKED} | {"data": sha256(manifest)}
    return Plan(**{**asdict(plan), "hashes": hashes})


def _unchanged(plan: Plan, recorded: Mapping[str, Any], folder: Folder) -> None:
    """Compare with what the run was started with."""
    for name, value in asdict(plan).items():
        if value != recorded[name]:
            raise Refused(
                f"{folder.root}: this run was started with {name} = {recorded[name]!r}, not {value!r}",
                "a run's budget, data and metric never change; start another one with --dir",
            )


def sealed(run: Run, split: str = "sealed") -> dict[str, Any]:
    """Ask the sealed split of the baseline's and the best's weights: at most `plan.sealed` times, each logged first.

    Raises:
        Refused: it was read as often as the plan allows.
    """
    archive = Archive(run.ledger.trials)
    assert archive.best is not None
    done = [row for row in run.ledger.sealed if row.get("best") == archive.best and row.get("result")]
    if done:
        return dict(done[-1]["result"])
    reads = [row for row in run.ledger.sealed if "result" not in row]
    if len(reads) >= run.plan.sealed:
        raise Refused(
            f"the sealed split was read {len(reads)} times, all that this run allows",
            "every further look would make it a second selection split",
        )
    run.ledger.append(
        {"event": "sealed", "best": archive.best, "at": _now()}
    )  # before the reading: a crash counts
    found = {
        name: _asked(run, name, split) for name in dict.fromkeys((archive.baseline, archive.best)) if name
    }
    result = {
        "baseline": found[archive.baseline or ""],
        "best": found[archive.best],
        "reads": len(reads) + 1,
        "allowed": run.plan.sealed,
    }
    run.ledger.append({"event": "sealed", "best": archive.best, "result": result, "at": _now()})
    return result


def _asked(run: Run, candidate: str, split: str) -> dict[str, Any]:
    """Mean and spread on a split over all runs of a candidate whose weights are kept."""
    values = []
    for row in run.ledger.trials:
        home = run.folder.trial(row["number"])
        if row["candidate"] == candidate and (home / "out/weights.safetensors").exists():
            run.repository.check_out(row["commit"], home / "tree")
            said = run.bench.judge(home / "tree", home / "out", split, None, home / "sealed.txt")
            run.repository.remove(home / "tree")
            if said["status"] == "ok":
                values.append(said["bpb"])
    mean = statistics.fmean(values) if values else None
    return {"mean": mean, "sd": statistics.stdev(values) if len(values) > 1 else None, "runs": len(values)}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def default_python() -> str:
    """This interpreter; `$SKILLLOOP_PYTHON` where PyTorch lives in another environment."""
    return os.environ.get("SKILLLOOP_PYTHON") or sys.executable
