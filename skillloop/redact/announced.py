"""Values that a word announces: "password = …", "the token for staging is …"."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from skillloop.redact.secret import Secret
from skillloop.redact.shapes import code, keylike, long_key, looks_random, passwordlike, placeholder, table

if TYPE_CHECKING:
    from collections.abc import Iterator

# What may stand between the word and the value: the rest of a name, then a sign or a verb.
_LINK = (
    r"[a-z0-9_.-]{0,32}+[\"'`\])*]{0,3}+(?: ?\([^()\n]{0,40}+\))?(?: [\w-]{1,15}+){0,4}?[\"'`* ]{0,3}+"
    r"(?:\s{0,4}(?::=|=>|->|=|:|：|＝|\|)\s{0,4}|\b\s?(?:is|was|are|to|as|ist|lautet|es|est|é|è|это|है|هي)\s(?:now\s)?|[はが是为為는은]\s?|>|\s?,\s?)"
    r"(?:(?:bearer|token|basic|str|string)\s{1,3}|[br]?(?=[\"']))?"
)
_VALUE = r"(?:\"([^\"\n]{3,300})\"|'([^'\n]{3,300})'|`([^`\n]{3,300})`|([^\s\"'`<>]{3,300}))"
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9+/=_.~-]{15,400}", re.ASCII)


@cache
def _announced(word: str) -> re.Pattern[str]:
    return re.compile(re.escape(word) + _LINK + _VALUE)


@cache
def _no_key() -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{'|'.join(table()['no_key'])})[-_. ]?$")


def assigned(view: str) -> Iterator[Secret]:
    """Values after "password =", "the token is" and the like, and long random tokens that soon follow the word."""
    lowered = view.lower()
    if len(lowered) != len(view):  # some letter grew: fold only the ASCII ones
        lowered = view.translate({c: c + 32 for c in range(65, 91)})
    for kind, words in (("password", table()["passwords"]), ("key", table()["keys"])):
        for word in words:
            if word in lowered:
                yield from _values(view, lowered, word, kind)
                yield from _near(view, lowered, word)


def _announces(lowered: str, at: int, word: str) -> bool:
    """Whether the word at this place speaks of a credential: "key" does not after "cache", "primary" and the like."""
    if word != "key":
        return True
    after = lowered[at + 3 : at + 5]
    longer = after.isalpha() and after not in ("id", "to")  # "keyword" and "keyboard", not "keyId"
    return not longer and not _no_key().search(lowered, max(0, at - 20), at)


def _values(view: str, lowered: str, word: str, kind: str) -> Iterator[Secret]:
    for match in _announced(word).finditer(lowered):
        if not _announces(lowered, match.start(), word):
            continue
        group = match.lastindex or 4
        start, end = match.span(group)
        value = view[start:end]
        value = value.rstrip(",;.)]}|\\&" if group == 4 else None)
        judged = passwordlike(value, quoted=group != 4) if kind == "password" else keylike(value)
        if judged and not placeholder(value) and not code(value):
            yield Secret(start, start + len(value), kind)


def _near(view: str, lowered: str, word: str) -> Iterator[Secret]:
    """Random tokens within some words of the announcing one, in prose."""
    end = 0
    for match in re.finditer(re.escape(word), lowered):
        if match.start() < end or not _announces(lowered, match.start(), word):
            continue
        end = match.end() + 64
        window = view[match.end() : end + 300].split("\n", 1)[0]
        for run in RUN.finditer(window):
            if run.start() > 64:
                break
            end = max(end, match.end() + run.end())
            token = run.group().rstrip(".-~_/")
            likely = looks_random(token) or (run.start() <= 2 and long_key(token))
            if likely and not placeholder(token) and not code(token):
                yield Secret(match.end() + run.start(), match.end() + run.start() + len(token), "key")
