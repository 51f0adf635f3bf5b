"""Start a run folder or resume one, and read the sealed test split.

What no trial may change (budget, data, metric) is written down when the run starts. A later start with another recipe,
data folder or budget is refused instead of mixing two experiments in one ledger.
"""

import json
import lzma
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from skillloop.bench import sandbox
from skillloop.bench.candidate import EDITABLE, LOCKED, Candidate, Folder, Plan, Repository
from skillloop.bench.measure import Bench
from skillloop.errors import Refused, UsageError
from skillloop.model import sha256
from skillloop.search.ledger import Ledger
from skillloop.store.database import now

NEEDED = ("torch", "numpy", "safetensors", "tokenizers")


class Run(NamedTuple):
    """An open run."""

    folder: Folder
    plan: Plan
    ledger: Ledger
    repository: Repository
    bench: Bench
    baseline: Candidate


def recipe_folder() -> Path:
    """Return where our recipe lies: in the wheel, else beside the package. Raises UsageError: in neither place."""
    package = Path(__file__).parents[1]
    for folder in (package / "recipe", package.parent / "skills/gpu-benchmark"):
        if (folder / EDITABLE).exists():
            return folder
    raise UsageError("the gpu-benchmark skill was not found", "name its folder with --recipe")


def prepare(data: Path, recipe: Path, python: str, corpus: Sequence[str]) -> None:
    """Make the data folder unless it is there; `corpus` is what prepare.py is to be called with, or a packed folder.

    Raises UsageError: the interpreter lacks a module, the packed folder cannot be read, or prepare.py failed.
    """
    packed = corpus[1].endswith(".tar.xz")
    made = packed or (data / "manifest.json").exists()
    needed = NEEDED[:-1] if made else NEEDED  # tokenizers are for preparing alone
    code = f"import importlib.util as u; print(*[m for m in {needed!r} if u.find_spec(m) is None])"
    if missing := subprocess.check_output([python, "-c", code], text=True).split():
        raise UsageError(
            f"{python} has no {', '.join(missing)}",
            "pip install torch safetensors tokenizers, or name another interpreter with --python",
        )
    if (data / "manifest.json").exists():
        return
    if packed:
        try:
            with tarfile.open(corpus[1]) as tar:
                tar.extractall(data, filter="data")
        except (OSError, EOFError, tarfile.TarError, lzma.LZMAError) as error:
            raise UsageError(f"{corpus[1]}: not a packed data folder: {error}") from error
        return
    command = [python, str(recipe / "prepare.py"), *corpus, "--out", str(data)]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        raise UsageError(f"prepare.py failed: {' '.join(command)}")


def start(root: Path, recipe: Path, wanted: Plan) -> Run:
    """Open a run's folder, making it on first use.

    Raises Refused: it holds a run with another recipe, data or budget; UsageError: it, or the data, lies where trials may read.
    """
    for place in (root, Path(wanted.data)):
        if (inside := sandbox.exposed(place, wanted.python)) is not None:
            raise UsageError(f"{place} lies in {inside}, which trials may read", "choose another place")
    texts = {name: (recipe / name).read_text("utf-8") for name in (EDITABLE, *LOCKED)}
    hashes = {name: sha256(texts[name]) for name in LOCKED}
    hashes["data"] = sha256(Path(wanted.data, "manifest.json").read_bytes())
    plan, folder = replace(wanted, hashes=hashes), Folder(root)
    if folder.plan.exists():
        recorded = json.loads(folder.plan.read_bytes())
        for name, value in asdict(plan).items():
            if value != recorded[name]:
                raise Refused(
                    f"{root}: this run was started with {name} = {recorded[name]!r}, not {value!r}",
                    "a run's budget, data and metric never change; start another one with --dir",
                )
        return resume(folder, plan)
    root.mkdir(parents=True, exist_ok=True)
    repository = Repository(folder.repository)
    repository.git("update-ref", "refs/heads/baseline", repository.commit(texts, "baseline", None, 0))
    folder.plan.write_text(json.dumps(asdict(plan), indent=1), "utf-8")  # last: it makes the folder a run
    return resume(folder, plan)


def resume(folder: Folder, plan: Plan) -> Run:
    """Open a run that was started before. Raises Refused: the locked files in its repository have other hashes than its plan."""
    repository = Repository(folder.repository)
    texts = repository.files("refs/heads/baseline")
    folder.recipe.mkdir(exist_ok=True)
    for name in LOCKED:
        if sha256(texts[name]) != plan.hashes[name]:
            raise Refused(f"{folder.repository}: {name} is not the one this run was started with")
        (folder.recipe / name).write_text(texts[name], "utf-8")
    ledger, bench = Ledger(folder.ledger, "bpb"), Bench(folder, plan, repository, texts)
    return Run(folder, plan, ledger, repository, bench, Candidate(texts, "baseline", "baseline"))


def note_optuna(run: Run) -> str:
    """Record in the ledger which Optuna proposes from now on; return what to say where it is another than before."""
    version = "none"
    with suppress(metadata.PackageNotFoundError):
        version = metadata.version("optuna")
    before = next((row["installed"] for row in reversed(run.ledger.events("optuna"))), "")
    if before == version:
        return ""
    run.ledger.append({"event": "optuna", "installed": version, "at": now()})
    told = f"this run began with optuna {before} and goes on with {version}"
    return f"{told}: the same seed may propose otherwise" if before else ""


def read_sealed_test(run: Run) -> dict[str, Any]:
    """Return mean and spread of baseline and best on the sealed split; each read is logged. Raises Refused: no more reads."""
    archive, events = run.ledger.archive(), run.ledger.events("sealed")
    for row in reversed(events):
        if row["best"] == archive.best and "result" in row:
            return dict(row["result"])
    reads = sum("result" not in row for row in events)
    if reads >= run.plan.sealed:
        raise Refused(
            f"the sealed split was read {reads} times, all that this run allows",
            "every further look would make it a second selection split",
        )
    event = {"event": "sealed", "best": archive.best}
    run.ledger.append(event | {"at": now()})  # before the reading: a crash counts
    values: dict[str | None, list[float]] = {archive.baseline: [], archive.best: []}
    for row in run.ledger.trials:
        home = run.folder.trial(row["number"])
        if row["candidate"] in values and (home / "out/weights.safetensors").exists():
            run.repository.check_out(row["commit"], home / "tree")
            answer = run.bench.judge(home / "tree", home / "out", "sealed", None, home / "sealed.txt")
            run.repository.remove(home / "tree")
            if answer["status"] == "ok":
                values[row["candidate"]].append(answer["bpb"])
    result: dict[str, Any] = {"reads": reads + 1, "allowed": run.plan.sealed}
    for name, found in (("baseline", values[archive.baseline]), ("best", values[archive.best])):
        mean, sd = statistics.fmean(found) if found else None, statistics.stdev(found) if found[1:] else None
        result[name] = {"mean": mean, "sd": sd, "runs": len(found)}
    run.ledger.append(event | {"result": result, "at": now()})
    return result
