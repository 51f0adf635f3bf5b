"""Tokens that show whose they are: the table of `data/secrets.toml`, compiled when a text holds a rule's literal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from skillloop.text.redact.heuristics import placeholder, table
from skillloop.text.redact.secret import Secret

_LOOKED_UP = re.compile(r"\\?\$|[#{%<]")
_LONGEST_BEFORE = 32
"""Characters that the longest `before` of the table matches."""


@dataclass(frozen=True, slots=True)
class _Rule:
    type: str
    literal: str
    pattern: re.Pattern[str]  # starts with the literal
    before: re.Pattern[str] | None  # must end where the literal starts


@cache
def _literals(*, spaced: bool) -> tuple[tuple[str, dict[str, Any]], ...]:
    rules = (rule for rule in table()["tokens"] if rule.get("spaced", False) is spaced)
    return tuple((literal, rule) for rule in rules for literal in rule["start"])


@cache
def _rule(at: int, *, spaced: bool) -> _Rule:
    literal, raw = _literals(spaced=spaced)[at]
    start = re.escape(literal)
    # The boundary is looked at behind the literal, because a pattern that begins with its literal is searched fast.
    boundary = "" if raw.get("inside", False) else f"(?<![A-Za-z0-9]{start})"
    pattern = re.compile(start + boundary + raw["rest"], re.ASCII)
    before = re.compile(rf"(?:{raw['before']})\Z", re.ASCII) if "before" in raw else None
    return _Rule(raw["type"], literal, pattern, before)


def tokens(view: str, *, spaced: bool) -> Iterator[Secret]:
    """Credentials that a rule of the table matches."""
    for at, (literal, _) in enumerate(_literals(spaced=spaced)):
        if literal in view:
            yield from _matches(_rule(at, spaced=spaced), view)


def _matches(rule: _Rule, view: str) -> Iterator[Secret]:
    grouped = rule.pattern.groups > 0
    written: dict[str, bool] = {}
    for match in rule.pattern.finditer(view):
        start, end = match.span(grouped)
        if rule.before is not None:
            head = rule.before.search(view, max(0, match.start() - _LONGEST_BEFORE), match.start())
            if head is None:
                continue
            start = head.start()
        body = view[start:end].removeprefix(rule.literal)
        real = written.get(body)
        if real is None:  # a text of one line over and over is judged once
            real = written[body] = _written_out(body, grouped=grouped)
        if real:
            yield Secret(start, end, rule.type)


def _written_out(body: str, *, grouped: bool) -> bool:
    """Whether this is a value itself, neither looked up ("$TOKEN") nor standing for another ("your-token")."""
    looked_up = grouped and _LOOKED_UP.match(body)
    return not looked_up and (grouped or len(set(body)) >= 5) and not placeholder(body)
