"""A credential as a span of a text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential in a text: text[start:end], and whose it is ("github", "password", …)."""

    start: int
    end: int
    type: str
