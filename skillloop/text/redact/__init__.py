"""Credentials in a text: found, and replaced by typed placeholders before anything is stored, shown or sent.

The rules are data (`data/secrets.toml`). A text is looked at as a person means it, not as it is encoded: compatibility
forms folded (NFKC), invisible characters dropped, escapes of a JSON string undone, and one layer of base64 opened.
Invariants: the allow-list of placeholders sees only the value, never the words around it, so that writing "example"
beside a secret hides nothing; and every pattern is bounded, so that time grows with the length of the text.

Not covered: secrets that are spelled out, reversed or encrypted. The gate sends any long random token to a person.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from skillloop.text.redact.assignments import RUN, assigned
from skillloop.text.redact.heuristics import looks_random
from skillloop.text.redact.normalize import decoded, folded
from skillloop.text.redact.rules import tokens
from skillloop.text.redact.secret import Secret

__all__ = ["Secret", "random_tokens", "redact", "secrets"]

_LONG = 16  # letters; no rule that is not `spaced` matches less
_GENERAL = frozenset({"key", "password"})
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}", re.ASCII)


def secrets(text: str) -> list[Secret]:
    """The credentials in `text`, in order and without overlaps; offsets are into `text` as given."""
    view, offsets = folded(text)
    found = [*tokens(view, spaced=True), *assigned(view), *_dense(view)]
    if offsets is not None:
        found = [Secret(offsets[s.start], offsets[s.end - 1] + 1, s.type) for s in found]
    return _merged(found)


def redact(text: str) -> str:
    """The text with each credential replaced by `<SECRET:type>`; idempotent."""
    parts, end = [], 0
    for secret in secrets(text):
        parts += [text[end : secret.start], f"<SECRET:{secret.type}>"]
        end = secret.end
    return "".join([*parts, text[end:]])


def random_tokens(text: str) -> list[str]:
    """Long tokens that look random whatever they are: no skill line needs one, so the gate asks a person."""
    runs = (match.group().rstrip(".-~_/") for match in RUN.finditer(text))
    return [run for run in runs if len(run) >= 20 and looks_random(run)]


def _merged(found: Iterable[Secret]) -> list[Secret]:
    """Overlapping finds joined, under the type that was found first (provider rules come before general ones)."""
    merged: list[Secret] = []
    for new in sorted(found, key=lambda s: (s.start, s.end)):
        if merged and new.start < merged[-1].end:
            old = merged[-1]
            kind = new.type if old.type in _GENERAL else old.type
            merged[-1] = Secret(old.start, max(old.end, new.end), kind)
        else:
            merged.append(new)
    return merged


def _dense(view: str) -> Iterator[Secret]:
    """What only a long word can hold. Prose has few of them, so most of it is never searched."""
    words = [word for word in view.split() if len(word) >= _LONG]
    dense = "\n".join(words)
    hits = [*tokens(dense, spaced=False), *_encoded(dense)]
    if not hits:
        return
    at, into, places = 0, 0, []
    for word in words:
        at = view.index(word, at)
        places.append((into, at - into))
        at, into = at + len(word), into + len(word) + 1
    for hit in hits:
        shift = places[bisect_right(places, (hit.start, len(view))) - 1][1]
        yield Secret(hit.start + shift, hit.end + shift, hit.type)


def _encoded(view: str) -> Iterator[Secret]:
    """Runs of base64 whose content is text that holds a credential."""
    for run in _BASE64.finditer(view):
        plain = decoded(run.group())
        if plain:
            inner = [*tokens(plain, spaced=False), *tokens(plain, spaced=True), *assigned(plain)]
            yield from (Secret(run.start(), run.end(), found.type) for found in inner[:1])
