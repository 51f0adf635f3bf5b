"""Choose what of a session may be sent to a model: turns around a disagreement, redacted and short, never a tool's result.

Invariant: every text is redacted whole before it is cut, so that no cut can hide a credential from the rules.
"""

from __future__ import annotations

from typing import Any

from skillloop.model import Disagreement, Lesson, Session
from skillloop.text import redact

REQUEST = 240
ANSWER = 350
CORRECTION = 900
"""Longest texts that are sent, in characters: of the request before, of the assistant's answer, of the correction."""

_TOOLS = 3
_TOOL = 120


def scene(session: Session, item: Disagreement | Lesson) -> dict[str, Any]:
    """Return what the person had asked, what the assistant answered and did, and the correction, as JSON values.

    Of the assistant's last tool calls the name and the command or path are told, not what came of them.
    """
    before = session.turns[: item.turn]
    request = next((turn for turn in reversed(before) if turn.role == "human"), None)
    answer = next((turn for turn in reversed(before) if turn.role == "assistant"), None)
    tools = answer.tools[-_TOOLS:] if answer else ()
    return {
        "asked": clean(request.text, REQUEST) if request else None,
        "assistant": clean(answer.text, ANSWER) if answer else None,
        "did": [clean(f"{tool.name}: {tool.brief}", _TOOL) for tool in tools],
        "person": around(session.turns[item.turn].text, item.evidence.quote),
        "evidence": item.id,
    }


def around(text: str, quote: str) -> str:
    """Return the person's words, redacted; of long ones the part around the quote."""
    text, quote = redact.redact(text).strip(), redact.redact(quote).strip()
    at = text.find(quote)
    if len(text) <= CORRECTION or at < 0:
        return clean(text, CORRECTION)
    spare = max(0, CORRECTION - len(quote)) // 2
    start, end = max(0, at - spare), min(len(text), at + len(quote) + spare)
    return "… " * (start > 0) + text[start:end] + " …" * (end < len(text))


def clean(text: str, longest: int) -> str:
    """Redact a text, then cut it in the middle to at most `longest` characters."""
    text = redact.redact(text).strip()
    if len(text) <= longest:
        return text
    half = (longest - 3) // 2
    return f"{text[:half]} … {text[-half:]}"
