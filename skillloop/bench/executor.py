"""Where trainings run: on this machine, one a GPU. What is proposed, and in which order it counts, is not decided here."""

from __future__ import annotations

import os
import queue
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from skillloop.bench.candidate import Job, Measurement
from skillloop.bench.measure import Bench


class Executor(Protocol):
    """Measures jobs, `slots` of them at once."""

    slots: int

    def submit(self, job: Job) -> Future[Measurement]:
        """Begin to measure."""
        ...

    def close(self) -> None:
        """Forget what has not begun, wait for what has."""
        ...


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
        return self.pool.submit(self._measure, job)

    def _measure(self, job: Job) -> Measurement:
        device = self.devices.get()
        try:
            return self.bench.measure(job, device, lambda line: self.on_line(job.number, line))
        finally:
            self.devices.put(device)

    def close(self) -> None:
        """Forget what has not begun, wait for what has."""
        self.pool.shutdown(cancel_futures=True)


def visible_gpus() -> list[str]:
    """The NVIDIA GPUs that may be used, as CUDA_VISIBLE_DEVICES names them; [] where there is no driver."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    found = [str(number) for number in range(done.stdout.count("GPU "))] if done.returncode == 0 else []
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return found if chosen is None or not found else [name for name in chosen.split(",") if name.strip()]
