"""Credentials in a text: found, and replaced by typed placeholders before anything is stored, shown or sent.

The rules are data (`data/secrets.toml`). A text is looked at as a person means it, not as it is encoded: compatibility
forms folded (NFKC), invisible characters dropped, escapes of a JSON string undone, and one layer of base64 opened.
Invariants: the allow-list of placeholders sees only the value, never the words around it, so that writing "example"
beside a secret hides nothing; and every pattern is bounded, so that time grows with the length of the text.

Not covered: secrets that are spelled out, reversed or encrypted. The gate sends any long random token to a person.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from skillloop.text.redact.rules import RUN, Secret, assigned, looks_random, tokens

__all__ = ["ROLE_MARK", "Secret", "decoded", "random_tokens", "redact", "secrets", "shown"]

_LONG = 16  # letters; no rule that is not `spaced` matches less
_GENERAL = frozenset({"key", "password"})
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}", re.ASCII)
_UNSEEN = re.compile(
    "[\u00ad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_ESCAPES = (("\\n", "  "), ("\\r", "  "), ("\\t", "  "), ('\\"', ' "'), ("\\'", " '"))


def secrets(text: str) -> list[Secret]:
    """Find the credentials in `text`, in order and without overlaps; offsets are into `text` as given."""
    view, offsets = _folded(text)
    found = [*tokens(view, spaced=True), *assigned(view), *_dense(view)]
    if offsets is not None:
        found = [Secret(offsets[s.start], offsets[s.end - 1] + 1, s.type) for s in found]
    merged: list[Secret] = []
    for new in sorted(found, key=lambda s: (s.start, s.end)):
        if merged and new.start < merged[-1].end:  # provider rules come before general ones
            old = merged.pop()
            kind = new.type if old.type in _GENERAL else old.type
            merged.append(Secret(old.start, max(old.end, new.end), kind))
        else:
            merged.append(new)
    return merged


def redact(text: str) -> str:
    """Replace each credential by `<SECRET:type>`; idempotent."""
    return _redacted_before(text) if len(text) <= _SHORT else _redacted(text)


def _redacted(text: str) -> str:
    parts, end = [], 0
    for secret in secrets(text):
        parts += [text[end : secret.start], f"<SECRET:{secret.type}>"]
        end = secret.end
    return "".join([*parts, text[end:]])


_SHORT = 200
"""Letters of a text that is likely to come again: a name, an id, a check's sentence."""
_redacted_before = lru_cache(maxsize=4096)(_redacted)

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
ROLE_MARK = re.compile(
    r"\[(?=/?inst\])|<(?=/?(?:\||<?/?sys>|system[>\s-]|assistant[>\s_-]|human[>\s_-]|user[_-]|tool_|function_|teammate-|task-n|"
    r"local-command-|command-(?:name|args|message)))",
    re.IGNORECASE,
)
"""What begins a mark by which a transcript or a prompt tells who speaks: `<system-reminder>`, `<|im_start|>`, `[INST]`."""


def shown(text: str) -> str:
    """Return a text as everything that a person or an assistant reads shows it: the one place before every output.

    Credentials are taken out; every control, format, surrogate, private or separator character stands as `<U+XXXX>`, but
    newlines and tabs; and what begins a role's mark does too, so that no text can pass for another speaker.
    """
    text = ROLE_MARK.sub(lambda mark: f"<U+{ord(mark[0]):04X}>", redact(text))
    return "".join(
        char if char in "\n\t" or unicodedata.category(char) not in _HIDDEN else f"<U+{ord(char):04X}>"
        for char in text
    )


def as_json(value: Mapping[str, Any], *, sort_keys: bool = False) -> str:
    """Return an object as JSON for a program or a model: the one place before it is printed or sent.

    Credentials are taken out of every text in it, and what begins a role's mark is escaped.
    """

    def plain(item: Any) -> Any:
        if isinstance(item, str):
            return redact(item)
        if isinstance(item, Mapping):
            return {key: plain(each) for key, each in item.items()}
        return [plain(each) for each in item] if isinstance(item, list | tuple) else item

    text = json.dumps(plain(value), ensure_ascii=False, sort_keys=sort_keys)
    return ROLE_MARK.sub(lambda mark: f"\\u{ord(mark[0]):04x}", text)


def random_tokens(text: str) -> list[str]:
    """Find long tokens that look random, whatever they are: no skill line needs one, so the gate asks a person."""
    runs = (match.group().rstrip(".-~_/") for match in RUN.finditer(text))
    return [run for run in runs if len(run) >= 20 and looks_random(run)]


def _dense(view: str) -> Iterator[Secret]:
    """Find what only a long word can hold. Prose has few of them, so most of it is never searched."""
    words = [word for word in view.split() if len(word) >= _LONG]
    if not words:
        return
    dense = "\n".join(words)
    hits = list(tokens(dense, spaced=False))
    for run in _BASE64.finditer(dense):  # whose content may be a text that holds a credential
        plain = decoded(run.group())
        inner = (*tokens(plain, spaced=False), *tokens(plain, spaced=True), *assigned(plain)) if plain else ()
        hits += (Secret(run.start(), run.end(), found.type) for found in inner[:1])
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


@lru_cache(maxsize=10_000)
def _meant(char: str) -> str:
    """Return what a character stands for: its NFKC form, or nothing where it cannot be seen."""
    folded = "" if _UNSEEN.match(char) else unicodedata.normalize("NFKC", char)
    return "I" if folded == "\u0130" else folded  # the one letter that grows when lowered


def _folded(text: str) -> tuple[str, list[int] | None]:
    """Return the text as it is meant, and for each of its characters the offset it came from (None: the same)."""
    view, offsets = text, None
    if not text.isascii() and (
        _UNSEEN.search(text) or "\u0130" in text or not unicodedata.is_normalized("NFKC", text)
    ):
        parts = [_meant(char) for char in text]
        view, offsets = "".join(parts), [at for at, part in enumerate(parts) for _ in part]
    if "\\" in view:
        for escape, plain in _ESCAPES:  # same length: offsets stay
            view = view.replace(escape, plain)
    return view, offsets


def decoded(run: str) -> str:
    """Return the printable text that a run of base64 stands for, or ""."""
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        plain = base64.b64decode(body + "=" * (-len(body) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return plain if plain.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else ""
