"""How a credential shows itself: a token of a known shape ("ghp_…"), or a value that a word announces ("password = …").

The shapes and the words are data, `data/secrets.toml`. A shape is compiled when a text holds its literal, and its pattern
begins with that literal, because such a pattern is searched fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from string import ascii_lowercase
from typing import Any

from skillloop.text.redact.values import (
    Secret,
    code,
    keylike,
    long_key,
    looks_random,
    passwordlike,
    placeholder,
    table,
)

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
    # the boundary is looked at behind the literal, so that the pattern begins with it
    boundary = "" if raw.get("inside", False) else f"(?<![A-Za-z0-9]{start})"
    pattern = re.compile(start + boundary + raw["rest"], re.ASCII)
    before = re.compile(rf"(?:{raw['before']})\Z", re.ASCII) if "before" in raw else None
    return _Rule(raw["type"], literal, pattern, before)


def tokens(view: str, *, spaced: bool) -> Iterator[Secret]:
    """Yield the credentials that a rule of the table matches."""
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
    """Say whether this is a value itself, neither looked up ("$TOKEN") nor standing for another ("your-token")."""
    looked_up = grouped and _LOOKED_UP.match(body)
    return not looked_up and (grouped or len(set(body)) >= 5) and not placeholder(body)


# What may stand between the word and the value: the rest of a name, then a sign or a verb.
_LINK = (
    r"[a-z0-9_.-]{0,32}+[\"'`\])*]{0,3}+(?: ?\([^()\n]{0,40}+\))?(?: [\w-]{1,15}+){0,4}?[\"'`* ]{0,3}+"
    r"(?:\s{0,4}(?::=|=>|->|=|:|：|＝|\|)\s{0,4}|\b\s?(?:is|was|are|to|as|ist|lautet|es|est|é|è|это|है|هي)\s(?:now\s)?|[はが是为為는은]\s?|>|\s?,\s?)"
    r"(?:(?:bearer|token|basic|str|string)\s{1,3}|[br]?(?=[\"']))?"
)
_VALUE = r"(?:\"([^\"\n]{3,300})\"|'([^'\n]{3,300})'|`([^`\n]{3,300})`|([^\s\"'`<>]{3,300}))"
JUDGED = 4096
"""Different values behind one word that are looked at; a text that announces more is a dump, and the rest counts as secret."""
_BEFORE = 20
"""Characters before "key" that are looked at: more than the longest word of `no_key` and a joint."""
_JOINTS = ("-", "_", ".", " ")
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9+/=_.~-]{15,400}", re.ASCII)


@cache
def _announced(word: str) -> re.Pattern[str]:
    return re.compile(re.escape(word) + _LINK + _VALUE)


@cache
def _no_key() -> frozenset[str]:
    return frozenset(table()["no_key"])


def assigned(view: str) -> Iterator[Secret]:
    """Yield values after "password =", "the token is" and the like, and long random tokens that soon follow the word."""
    lowered = view.lower()
    if len(lowered) != len(view):  # some letter grew: fold only the ASCII ones
        lowered = view.translate({c: c + 32 for c in range(65, 91)})
    for kind, words in (("password", table()["passwords"]), ("key", table()["keys"])):
        for word in words:
            if word in lowered:
                yield from _values(view, lowered, word, kind)
                yield from _near(view, lowered, word)


def _announces(lowered: str, at: int, word: str) -> bool:
    """Say whether the word at this place speaks of a credential: "key" does not after "cache", "primary" and the like."""
    if word != "key":
        return True
    after = lowered[at + 3 : at + 5]
    longer = after.isalpha() and after not in ("id", "to")  # "keyword" and "keyboard", not "keyId"
    if longer:
        return False
    before = lowered[max(0, at - _BEFORE) : at].removesuffix("\n")
    before = before[:-1] if before.endswith(_JOINTS) else before
    return before[len(before.rstrip(ascii_lowercase)) :] not in _no_key()


def _values(view: str, lowered: str, word: str, kind: str) -> Iterator[Secret]:
    seen: dict[tuple[str, bool], bool] = {}
    for match in _announced(word).finditer(lowered):
        if not _announces(lowered, match.start(), word):
            continue
        group = match.lastindex or 4
        start, end = match.span(group)
        value = view[start:end]
        value = value.rstrip(",;.)]}|\\&" if group == 4 else None)
        key = value, group != 4
        if key not in seen:  # a text of one line over and over is judged once
            seen[key] = len(seen) >= JUDGED or _secret(value, kind, quoted=group != 4)
        if seen[key]:
            yield Secret(start, start + len(value), kind)


def _secret(value: str, kind: str, *, quoted: bool) -> bool:
    judged = passwordlike(value, quoted=quoted) if kind == "password" else keylike(value)
    return judged and not placeholder(value) and not code(value)


def _near(view: str, lowered: str, word: str) -> Iterator[Secret]:
    """Yield random tokens within some words of the announcing one, in prose."""
    end = 0
    seen: dict[tuple[str, bool], bool] = {}
    for match in re.finditer(re.escape(word), lowered):
        if match.start() < end or not _announces(lowered, match.start(), word):
            continue
        at = match.end()
        end = at + 64
        stop = view.find("\n", at, end + 300)
        for run in RUN.finditer(view, at, stop if stop >= 0 else end + 300):
            if run.start() > at + 64:
                break
            end = max(end, run.end())
            token = run.group().rstrip(".-~_/")
            key = token, run.start() <= at + 2
            if key not in seen:
                seen[key] = len(seen) >= JUDGED or _random(token, adjoining=key[1])
            if seen[key]:
                yield Secret(run.start(), run.start() + len(token), "key")


def _random(token: str, *, adjoining: bool) -> bool:
    likely = looks_random(token) or (adjoining and long_key(token))
    return likely and not placeholder(token) and not code(token)
