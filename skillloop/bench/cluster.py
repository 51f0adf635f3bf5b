"""Trainings on the nodes of an existing Ray cluster, one a GPU. The door to ray, an optional extra.

The run's folder and its data lie on a file system that all nodes share, under the same path, and skillloop and PyTorch are
installed on each. A training whose node dies is begun again elsewhere (it first clears its trial's folder; its old
processes end with the worker that watched them). The ledger stays with the runner, so no trial is lost or counted twice.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skillloop.bench.candidate import Folder, Job, Measurement, Plan
from skillloop.bench.measure import Bench
from skillloop.bench.worktree import Repository
from skillloop.errors import UsageError

RETRIES = 3  # beginnings of a training beside the first, when nodes die


class Cluster:
    """An executor with a slot for each GPU of the cluster, or for each CPU where it has none."""

    def __init__(self, bench: Bench, address: str = "auto") -> None:
        """Join the cluster.

        Raises:
            UsageError: ray is not installed, or there is no cluster at the address.
        """
        try:
            import ray
        except ImportError as error:
            raise UsageError("ray is not installed", "pip install 'skillloop[ray]'") from error
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False)
            except ConnectionError as error:
                raise UsageError(
                    f"no Ray cluster at {address}: {error}", "start one with `ray start`"
                ) from error
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        self.slots = gpus or max(1, int(resources.get("CPU", 1)))
        wanted: dict[str, Any] = {"num_gpus": 1, "num_cpus": 0} if gpus else {"num_cpus": 1}
        self.remote: Any = ray.remote(measure).options(max_retries=RETRIES, **wanted)
        self.shared = ray.put((str(bench.folder.root), asdict(bench.plan), dict(bench.recipe), bench.preload))
        self.begun: list[Any] = []

    def submit(self, job: Job) -> Future[Measurement]:
        """Begin as soon as the cluster has a slot."""
        reference = self.remote.remote(self.shared, job)
        self.begun.append(reference)
        future: Future[Measurement] = reference.future()
        return future

    def close(self) -> None:
        """Cancel what is under way; what has ended does not mind."""
        ray = sys.modules["ray"]
        for reference in self.begun:
            ray.cancel(reference, force=True)


def measure(
    shared: tuple[str, Mapping[str, Any], Mapping[str, str], tuple[str, ...]], job: Job
) -> Measurement:
    """What a node does: measure one job in the run's folder."""
    root, plan, recipe, preload = shared
    folder = Folder(Path(root))
    bench = Bench(folder, Plan(**plan), Repository(folder.repository), recipe)
    bench.preload = preload
    return bench.measure(job)
