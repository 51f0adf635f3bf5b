"""An existing Ray cluster that evaluates candidates, and the door to ray, an optional extra.

The folders that are used lie on a file system that all nodes share, under the same path, and skillloop is installed on
each. What runs on a node that dies is begun again elsewhere (a training first clears its trial's folder; its old processes
end with the worker that watched them). The ledger stays with the runner, so no trial is lost or counted twice.
"""

import sys
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Concatenate, Generic, TypeVar

from skillloop.errors import UsageError

S = TypeVar("S")
R = TypeVar("R")
RETRIES = 3  # of an evaluation beside the first try, when nodes die


class Cluster(Generic[S, R]):
    """Calls of a function of something that is sent once, each on a GPU of the cluster, or on a CPU where it has none."""

    def __init__(self, function: Callable[Concatenate[S, ...], R], shared: S, *, gpus: bool = True) -> None:
        """Join the cluster. Raises UsageError: ray is not installed, or there is no cluster at RAY_ADDRESS."""
        try:
            import ray
        except ImportError as error:
            raise UsageError("ray is not installed", "pip install 'skillloop[ray]'") from error
        if not ray.is_initialized():
            try:
                ray.init(address="auto", log_to_driver=False, logging_level="WARNING")
            except ConnectionError as error:
                raise UsageError(f"no Ray cluster: {error}", "start one with `ray start`") from error
        resources = ray.cluster_resources()
        found = int(resources.get("GPU", 0)) if gpus else 0
        self.slots = found or max(1, int(resources.get("CPU", 1)))
        wanted: dict[str, Any] = {"num_gpus": 1, "num_cpus": 0} if found else {"num_cpus": 1}
        self.remote: Any = ray.remote(function).options(max_retries=RETRIES, **wanted)
        self.shared = ray.put(shared)
        self.begun: list[Any] = []

    def submit(self, *args: object) -> Future[R]:
        """Begin as soon as the cluster has a slot."""
        reference = self.remote.remote(self.shared, *args)
        self.begun.append(reference)
        future: Future[R] = reference.future()
        return future

    def close(self) -> None:
        """Cancel what is under way; what has ended does not mind."""
        ray = sys.modules["ray"]
        for reference in self.begun:
            ray.cancel(reference, force=True)
