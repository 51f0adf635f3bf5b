"""A second opinion on what the detector is unsure of: a cheap model is asked whether a turn is a disagreement.

Invariants: only the uncertain middle is asked about; an answer of no use leaves the detector's own confidence; what a
model alone made sure enough to draft for is decided by a person (see `raised`), since words in a transcript could talk
the model into it.
"""

from __future__ import annotations

from skillloop import detect, llm
from skillloop.llm import ModelClient, Request
from skillloop.model import Check, Disagreement, Lesson, Session
from skillloop.propose import context

PROMPT = "doubt.v1"

CHANCE = {"no": 0.05, "probably not": 0.2, "unclear": None, "probably": 0.75, "yes": 0.95}
"""Probability that each answer counts as; the detector keeps its own where there is none."""

SCHEMA = llm.schema(disagrees={"type": "string", "enum": list(CHANCE)})


def request(disagreement: Disagreement, session: Session, model: str) -> Request:
    """Return what is asked about one turn."""
    scene = context.scene(session, disagreement)
    del scene["evidence"]  # an id, of use to a drafter alone
    return Request("doubt", model, llm.prompt(PROMPT), scene, SCHEMA, max_tokens=2000)


def ask(client: ModelClient, disagreement: Disagreement, session: Session, model: str) -> float | None:
    """Return the probability that a turn is a disagreement; None where the answer is of no use.

    Raises:
        BudgetExceeded, ModelError: see `ModelClient.complete`.
    """
    value = client.complete(request(disagreement, session, model)).value
    return None if value is None else CHANCE[value["disagrees"]]


def raised(lesson: Lesson) -> Check | None:
    """Return a failed soft check where only a model made a disagreement sure enough to draft for."""
    added = sum(signal.weight for signal in lesson.signals if signal.name == detect.OPINION)
    before = round(lesson.confidence - added, 3)  # as both are kept
    if added <= 0 or before >= detect.DRAFT_AT:
        return None
    why = f"the detector was {before:.0%} sure; a model made it {lesson.confidence:.0%}"
    return Check("second opinion", passed=False, hard=False, detail=why)
