"""What of a session may be sent to a model: the turns around a disagreement, redacted and short. Never a tool's result.

Invariant: every text is redacted whole before it is cut, so that no cut can hide a credential from the rules.
"""

from __future__ import annotations

from typing import Any

from skillloop.model import Disagreement, Session, Turn
from skillloop.text import redact

ASKED = 240
SAID = 350
PERSON = 900
"""Longest texts that are sent, in characters: of the request before, of the assistant's answer, of the correction."""

_TOOLS = 3
_BRIEF = 120


def scene(session: Session, found: Disagreement) -> dict[str, Any]:
    """What the person had asked, what the assistant answered and did, and the correction, as JSON values."""
    before = session.turns[: found.turn]
    asked = next((turn for turn in reversed(before) if turn.role == "human"), None)
    answered = next((turn for turn in reversed(before) if turn.role == "assistant"), None)
    return {
        "asked": clean(asked.text, ASKED) if asked else None,
        "assistant": clean(answered.text, SAID) if answered else None,
        "did": _did(answered),
        "person": _around(session.turns[found.turn].text, found.evidence.quote),
        "evidence": found.id,
    }


def _around(text: str, quote: str) -> str:
    """The person's words, redacted; of long ones the part around the quote."""
    text, quote = redact.redact(text).strip(), redact.redact(quote).strip()
    at = text.find(quote)
    if len(text) <= PERSON or at < 0:
        return clean(text, PERSON)
    spare = max(0, PERSON - len(quote)) // 2
    start, end = max(0, at - spare), min(len(text), at + len(quote) + spare)
    return "… " * (start > 0) + text[start:end] + " …" * (end < len(text))


def clean(text: str, longest: int) -> str:
    """Redacted, then cut in the middle to at most `longest` characters."""
    text = redact.redact(text).strip()
    if len(text) <= longest:
        return text
    half = (longest - 3) // 2
    return f"{text[:half]} … {text[-half:]}"


def _did(turn: Turn | None) -> list[str]:
    """The last tool calls of a turn: name and command or path, not what came of them."""
    if turn is None:
        return []
    return [clean(f"{tool.name}: {tool.brief}", _BRIEF) for tool in turn.tools[-_TOOLS:]]
