"""A client that asks nobody: `digest --plan` runs the real pipeline with it, and prints what it recorded.

Invariants: nothing is sent, reserved or written. What was answered before is answered again, so that the plan goes the
way the real run will go; any other question gets no answer, as from a model that refuses, and the pipeline goes on as it
would offline. What an answer will lead to (other words for a lesson, its proof) is not known before there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

from skillloop.config import Config
from skillloop.llm.client import BACKENDS, Estimate, ModelClient, choose, estimate, remembered
from skillloop.llm.request import Backend, Reply, Request
from skillloop.store import Store


@dataclass(frozen=True, slots=True)
class Planned:
    """A request that would be sent, to which back end, and its cost."""

    request: Request
    backend: str
    cost: Estimate
    known: bool  # answered before: it would not be sent again


class RecordingClient(ModelClient):
    """A client that adds each request to `planned`."""

    asks = False

    def __init__(self, backend: Backend, store: Store, planned: list[Planned]) -> None:
        super().__init__(backend, store, {}, "", "")
        self._planned = planned

    def complete(self, request: Request) -> Reply:
        """Record a request; answer it only if the very same question was answered before."""
        reply = remembered(self._store, request)
        cost = estimate(request, self.backend)
        self._planned.append(Planned(request, self.backend.name, cost, reply is not None))
        return reply or Reply(None, "nothing was asked: this is a plan")


def connect(config: Config, store: Store, planned: list[Planned]) -> RecordingClient | None:
    """Return a recording client on the back end that would be asked; None where it is offline."""
    name, _ = choose(config)
    return RecordingClient(BACKENDS[name](), store, planned) if name in BACKENDS else None
