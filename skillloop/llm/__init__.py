"""Questions to a model: what is sent, to whom, what it costs. Everything of use to other folders is named here."""

from skillloop.llm.client import (
    BACKENDS,
    TRIES,
    ModelClient,
    Planned,
    choose,
    connect,
    estimate,
    limited,
    limits,
)
from skillloop.llm.request import ModelError, Prompt, Request, prompt, schema, versioned
from skillloop.store import BudgetExceeded

__all__ = [
    "BACKENDS", "TRIES", "BudgetExceeded", "ModelClient", "ModelError", "Planned", "Prompt", "Request", "choose", "connect",
    "estimate", "limited", "limits", "prompt", "schema", "versioned",
]  # fmt: skip
