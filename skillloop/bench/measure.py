"""Measure candidates: check one out, train it in a sandbox and under a clock, have its weights judged; one on each GPU.

Nothing that the candidate prints or writes is believed, but for facts that cannot help it: its configuration, its
loss curve and its speed are recorded as what *it* says. The number that counts comes from the evaluator, a process that
runs the recorded evaluate.py on data the candidate cannot open.
"""

import json
import os
import queue
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from skillloop.bench import sandbox
from skillloop.bench.candidate import EDITABLE, LOCKED, Folder, Job, Measurement, Plan, Repository, Status
from skillloop.model import sha256
from skillloop.search.cluster import Cluster

JUDGE_LIMIT = 1200.0  # seconds for an evaluation
# -9: the kernel's killer, ours is known as late
_CODES: dict[int, Status] = {42: "oom", 43: "nan", -9: "oom"}
_SUMMARY = re.compile(r"^([a-z_A-Z]+): +(\S+)$", re.MULTILINE)
_KEPT = "PATH LANG LD_LIBRARY_PATH CUDA_HOME CUDA_PATH CUDA_VISIBLE_DEVICES OMP_NUM_THREADS".split()
Tell = Callable[[str], None]  # is told each line of a training's output
_git = Lock()  # worktrees of one repository are made one at a time


def grace(seconds: float) -> float:
    """Return when a training is killed: a little after its time, since clocks and schedulers are not exact."""
    return seconds * 1.02 + 1.0


class Bench:
    """Where and under what plan trainings are measured."""

    def __init__(self, folder: Folder, plan: Plan, repository: Repository, recipe: Mapping[str, str]) -> None:
        self.folder, self.plan, self.repository, self.recipe = folder, plan, repository, recipe
        self.data = Path(plan.data)
        self.preload: tuple[str, ...] = ("torch",)  # imported before the clock starts

    def measure(self, job: Job, device: str | None = None, on_line: Tell = lambda _: None) -> Measurement:
        """Train and evaluate. Never raises for what the candidate does."""
        start = time.monotonic()
        home = self.folder.trial(job.number)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        tree = home / "tree"
        with _git:
            self.repository.check_out(job.commit, tree)
            (home / "change.diff").write_text(self.repository.diff(job.commit), "utf-8", "surrogateescape")
        measured, early = None, None
        names = {path.name for path in tree.iterdir() if path.name != ".git"}
        wrong = [f"{name}: only {EDITABLE} may differ" for name in sorted(names ^ {EDITABLE, *LOCKED})] or [
            f"{name} is locked and was changed"
            for name in LOCKED
            if sha256((tree / name).read_bytes()) != self.plan.hashes[name]
        ]
        if wrong:
            measured = Measurement("tampered", reason=wrong[0])
        elif self.plan.early:
            stage = self._train(job, home, self.plan.seconds * self.plan.early, device, lambda _: None)
            early = stage.bpb
            if stage.status != "ok":
                measured = replace(stage, bpb=None)
            elif early is not None and job.hopeless is not None and early > job.hopeless:
                reason = f"hopeless: {early:.4f} after the first stage, above {job.hopeless:.4f}"
                measured = replace(stage, bpb=None, reason=stage.reason or reason)
        measured = measured or self._train(job, home, self.plan.seconds, device, on_line)
        with _git:
            self.repository.remove(tree)
        return replace(measured, early=early, spent=time.monotonic() - start)

    def _train(self, job: Job, home: Path, seconds: float, device: str | None, on_line: Tell) -> Measurement:
        """Train for so many seconds, and have the weights judged."""
        tree, out, log = home / "tree", home / "out", home / "log.txt"
        shutil.rmtree(out, ignore_errors=True)
        for folder in (out, out / "home", out / "tmp"):
            folder.mkdir()
        argv = [tree / EDITABLE, "--data", self.data / "train", "--out", out]
        ended = sandbox.run(
            [*map(str, argv), "--seconds", f"{seconds:g}", "--seed", str(job.seed)],
            python=self.plan.python,
            policy=sandbox.Policy((tree, self.data / "train"), (out,), (self.data, self.folder.root)),
            cwd=tree,
            seconds=grace(seconds),
            log=log,
            clock=self.plan.clock,
            preload=self.preload,
            env=environment(out, device),
            on_line=on_line,
        )
        for scratch in ("home", "tmp"):
            shutil.rmtree(out / scratch, ignore_errors=True)
        text, config = log.read_text("utf-8", "replace"), None
        status, reason = status_of(ended, text, seconds)
        with suppress(OSError, ValueError):
            config = json.loads((out / "config.json").read_bytes())
        trained = Measurement(
            status,
            reason=reason,
            seconds=ended.seconds,
            config=config if isinstance(config, dict) else {},
            summary=dict(_SUMMARY.findall(text.rpartition("\n---\n")[2])),
            landlock=ended.landlock,
        )
        if (changed := self._changed()) is not None:
            return replace(trained, status="tampered", reason=changed)
        if status != "ok":
            return trained
        answer = self.judge(tree, out, "selection", device, home / "judge.txt")
        judged: Status = answer["status"] if answer["status"] in ("ok", "tampered") else "crash"
        bpb, anchor = answer.get("bpb"), answer.get("anchor")
        return replace(trained, status=judged, bpb=bpb, anchor=anchor, reason=answer.get("reason", ""))

    def judge(self, tree: Path, out: Path, split: str, device: str | None, log: Path) -> dict[str, Any]:
        """Return the evaluator's JSON object, with `status` crash where it could not say."""
        scratch = out / "tmp"
        scratch.mkdir(exist_ok=True)
        policy = sandbox.Policy((tree, out, self.folder.recipe), (scratch,), (self.data, self.folder.root))
        wrap = json.dumps(policy.prefix(self.plan.python))
        command = [self.plan.python, "-B", self.folder.recipe / "evaluate.py", "--data", self.data / "judge"]
        command += ["--split", split, "--wrap", wrap, "--tree", tree, "--out", out]
        argv, env, pipe = list(map(str, command)), environment(out, device), subprocess.PIPE
        with log.open("wb") as errors:
            try:
                done = subprocess.run(
                    argv, stdout=pipe, stderr=errors, env=env, timeout=JUDGE_LIMIT, check=False
                )
            except subprocess.TimeoutExpired:
                return {"status": "crash", "reason": f"the evaluation took more than {JUDGE_LIMIT:g} s"}
        shutil.rmtree(scratch, ignore_errors=True)
        text = log.read_text("utf-8", "replace")
        if touched := re.search(r"^touched (.+)$", text, re.MULTILINE):
            return {"status": "tampered", "reason": f"while it was evaluated it touched {touched[1]}"}
        try:
            answer: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            return {"status": "crash", "reason": f"the evaluator failed: {text.strip()[-300:]}"}
        return answer

    def _changed(self) -> str | None:
        """Say which of the judge's own things is not as recorded; None where all are. Its scripts are restored."""
        for name in LOCKED:
            path = self.folder.recipe / name
            if not path.exists() or sha256(path.read_bytes()) != self.plan.hashes[name]:
                path.write_text(self.recipe[name], "utf-8")
                return f"the runner's {name} was changed while it ran; restored"
        for name, sha in json.loads((self.data / "manifest.json").read_bytes())["sha256"].items():
            if sha256((self.data / name).read_bytes()) != sha:
                return f"the data file {name} was changed while it ran"
        return None


def environment(out: Path, device: str | None) -> dict[str, str]:
    """Return a training's environment: no credentials, no caches of others, its own home and scratch folder."""
    made = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "HOME": str(out / "home"),
        "TMPDIR": str(out / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(out / "tmp/inductor"),
        "TRITON_CACHE_DIR": str(out / "tmp/triton"),
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTORCH_ALLOC_CONF": "expandable_segments:True",
    }
    return made | ({"CUDA_VISIBLE_DEVICES": device} if device is not None else {})


def status_of(ended: sandbox.Result, text: str, seconds: float) -> tuple[Status, str]:
    """Return a training's status and reason by how its process ended. What it touched or left behind weighs most."""
    if ended.touched:
        return "tampered", f"it touched what is not its own: {ended.touched[0]}"
    if ended.left:
        return "tampered", f"it left a process behind: {ended.left[0]}"
    if ended.late:
        return "timeout", f"still running {grace(seconds) - seconds:.1f} s after its {seconds:g} s"
    if ended.returncode:
        tail = next((line for line in reversed(text.splitlines()) if line.strip()), "no output").strip()[:300]
        return "oom" if "out of memory" in tail.lower() else _CODES.get(ended.returncode, "crash"), tail
    return "ok", ""


class Local:
    """One training at a time on each visible GPU; on a machine without one, `slots` at a time on the CPU."""

    def __init__(self, bench: Bench, on_line: Callable[[int, str], None], slots: int | None = None) -> None:
        gpus = visible_gpus()
        self.bench, self.on_line = bench, on_line
        self.slots = slots or max(1, len(gpus))
        self.devices: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        for number in range(self.slots):
            self.devices.put(gpus[number % len(gpus)] if gpus else None)
        self.pool = ThreadPoolExecutor(self.slots)

    def submit(self, job: Job) -> Future[Measurement]:
        """Begin as soon as a slot is free."""

        def measure() -> Measurement:
            device = self.devices.get()
            try:
                return self.bench.measure(job, device, lambda line: self.on_line(job.number, line))
            finally:
                self.devices.put(device)

        return self.pool.submit(measure)

    def close(self) -> None:
        """Cancel what has not begun, wait for what has."""
        self.pool.shutdown(cancel_futures=True)


def visible_gpus() -> list[str]:
    """Return the usable NVIDIA GPUs, as CUDA_VISIBLE_DEVICES names them; [] where there is no driver."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    gpus = [str(number) for number in range(done.stdout.count("GPU "))] if done.returncode == 0 else []
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return gpus if chosen is None or not gpus else [name for name in chosen.split(",") if name.strip()]


Executor = Local | Cluster[Bench, Measurement]
