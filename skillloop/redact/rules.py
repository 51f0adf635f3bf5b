"""Tokens that show whose they are: the table of `rules.toml`, compiled when a text holds a rule's literal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from skillloop.redact.secret import Secret
from skillloop.redact.shapes import placeholder, table

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    before = re.compile(f"(?:{raw['before']})$", re.ASCII) if "before" in raw else None
    return _Rule(raw["type"], literal, pattern, before)


def tokens(view: str, *, spaced: bool) -> Iterator[Secret]:
    """Credentials that a rule of the table matches."""
    for at, (literal, _) in enumerate(_literals(spaced=spaced)):
        if literal in view:
            yield from _matches(_rule(at, spaced=spaced), view)


def _matches(rule: _Rule, view: str) -> Iterator[Secret]:
    for match in rule.pattern.finditer(view):
        start, end = match.span(match.re.groups and 1)
        if rule.before is not None:
            head = rule.before.search(view, max(0, match.start() - 64), match.start())
            if head is None:
                continue
            start = head.start()
        body = view[start:end].removeprefix(rule.literal)
        if match.re.groups and re.match(r"\\?\$|[#{%<]", body):
            continue  # looked up, not written out
        if not placeholder(body) and (len(set(body)) >= 5 or match.re.groups):
            yield Secret(start, end, rule.type)
