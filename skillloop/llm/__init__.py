"""Questions to a model: what is sent, to whom, what it costs. Everything of use to other folders is named here."""

from skillloop.llm.client import (
    BACKENDS,
    TRIES,
    Estimate,
    ModelClient,
    choose,
    connect,
    estimate,
    limits,
    remembered,
)
from skillloop.llm.recording import Planned
from skillloop.llm.request import (
    Answer,
    Backend,
    ModelError,
    Prompt,
    Reply,
    Request,
    Usage,
    prompt,
    schema,
    versioned,
)
from skillloop.store import BudgetExceeded, Spend

__all__ = [
    "BACKENDS", "TRIES", "Answer", "Backend", "BudgetExceeded", "Estimate", "ModelClient", "ModelError", "Planned", "Prompt",
    "Reply", "Request", "Spend", "Usage", "choose", "connect", "estimate", "limits", "prompt", "remembered", "schema", "versioned",
]  # fmt: skip
