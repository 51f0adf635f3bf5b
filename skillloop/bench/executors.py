"""Where trainings run: this machine, one training a GPU, or a Ray cluster (`search.cluster`).

What is proposed, and in which order it counts, is not decided here.
"""

import os
import queue
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from skillloop.bench.candidate import Job, Measurement
from skillloop.bench.measure import Bench
from skillloop.search.cluster import Cluster


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
