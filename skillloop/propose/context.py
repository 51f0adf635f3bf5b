"""Choose what of a session may be sent to a model: turns of the person, redacted and short, never a tool's result.

Invariant: every text is redacted whole before it is cut, so that no cut can hide a credential from the rules.
"""

from __future__ import annotations

from typing import Any

from skillloop.model import Session, Turn
from skillloop.text import redact

CORRECTION = 900
"""Longest words of a person that are sent or kept, in characters."""

_TOOL = 120


def scene(session: Session, turn: Turn, quote: str = "", *, brief: bool = False) -> dict[str, Any]:
    """Return what the assistant answered and did before a turn, and what the person said, as JSON values.

    Of the assistant's last tool calls the name and the command or path are told, not what came of them. Of long words of the
    person the part around a quote is told.
    """
    person, most, calls = (
        (500, 100, 0) if brief else (CORRECTION, 350, 3)
    )  # characters, characters, tool calls
    before = session.turns[turn.index - 1] if turn.index else None
    answer = before if before is not None and before.role == "assistant" else None
    tools = answer.tools[-calls:] if answer and calls else ()
    told = {
        "before": clean(answer.text, most) if answer else "",
        "did": [clean(f"{tool.name}: {tool.brief}", _TOOL) for tool in tools],
        "person": around(turn.text, quote, person),
        "stopped the assistant": turn.interrupted or turn.denied,
    }
    return {name: value for name, value in told.items() if value}


def around(text: str, quote: str, longest: int = CORRECTION) -> str:
    """Return the person's words, redacted; of long ones the part around the quote."""
    text, quote = redact.redact(text).strip(), redact.redact(quote).strip()
    at = text.find(quote)
    if len(text) <= longest or at < 0 or not quote:
        return clean(text, longest)
    spare = max(0, longest - len(quote)) // 2
    start, end = max(0, at - spare), min(len(text), at + len(quote) + spare)
    return "… " * (start > 0) + text[start:end] + " …" * (end < len(text))


def clean(text: str, longest: int) -> str:
    """Redact a text, then cut it in the middle to at most `longest` characters."""
    text = redact.redact(text).strip()
    if len(text) <= longest:
        return text
    half = (longest - 3) // 2
    return f"{text[:half]} … {text[-half:]}"
