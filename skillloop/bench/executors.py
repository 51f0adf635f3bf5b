"""Where trainings run. What is proposed, and in which order it counts, is not decided here.

`Local` is this machine, one training a GPU. `Cluster` is an existing Ray cluster, and the door to ray, an optional extra:
the run's folder and its data lie on a file system that all nodes share, under the same path, and skillloop and PyTorch are
installed on each. A training whose node dies is begun again elsewhere (it first clears its trial's folder; its old
processes end with the worker that watched them). The ledger stays with the runner, so no trial is lost or counted twice.
"""

import os
import queue
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from skillloop.bench.candidate import Job, Measurement
from skillloop.bench.measure import Bench
from skillloop.errors import UsageError

RETRIES = 3  # of a training beside the first try, when nodes of a cluster die


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


class Cluster:
    """A slot for each GPU of a Ray cluster, or for each CPU where it has none."""

    def __init__(self, bench: Bench) -> None:
        """Join the cluster. Raises UsageError: ray is not installed, or there is no cluster at RAY_ADDRESS."""
        try:
            import ray
        except ImportError as error:
            raise UsageError("ray is not installed", "pip install 'skillloop[ray]'") from error
        if not ray.is_initialized():
            try:
                ray.init(address="auto", log_to_driver=False)
            except ConnectionError as error:
                raise UsageError(f"no Ray cluster: {error}", "start one with `ray start`") from error
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        self.slots = gpus or max(1, int(resources.get("CPU", 1)))
        wanted: dict[str, Any] = {"num_gpus": 1, "num_cpus": 0} if gpus else {"num_cpus": 1}
        self.remote: Any = ray.remote(Bench.measure).options(max_retries=RETRIES, **wanted)
        self.bench = ray.put(bench)
        self.begun: list[Any] = []

    def submit(self, job: Job) -> Future[Measurement]:
        """Begin as soon as the cluster has a slot."""
        reference = self.remote.remote(self.bench, job)
        self.begun.append(reference)
        future: Future[Measurement] = reference.future()
        return future

    def close(self) -> None:
        """Cancel what is under way; what has ended does not mind."""
        ray = sys.modules["ray"]
        for reference in self.begun:
            ray.cancel(reference, force=True)


Executor = Local | Cluster
