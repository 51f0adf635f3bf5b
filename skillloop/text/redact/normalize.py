"""A text as a person means it, not as it is encoded: what the rules see."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata

_UNSEEN = re.compile(
    "[\u00ad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_ESCAPES = (("\\n", "  "), ("\\r", "  "), ("\\t", "  "), ('\\"', ' "'), ("\\'", " '"))


class _Folding(dict[int, str]):
    """What each character stands for: its NFKC form, or nothing where it cannot be seen. For str.translate."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        folded = "" if _UNSEEN.match(char) else unicodedata.normalize("NFKC", char)
        folded = "I" if folded == "\u0130" else folded  # the one letter that grows when lowered
        if len(self) < 10_000:
            self[code] = folded
        return folded


_FOLDING = _Folding()


def folded(text: str) -> tuple[str, list[int] | None]:
    """The text as it is meant, and for each of its characters the offset it came from (None: the same)."""
    view, offsets = text, None
    if not text.isascii() and (
        _UNSEEN.search(text) or "\u0130" in text or not unicodedata.is_normalized("NFKC", text)
    ):
        view = text.translate(_FOLDING)
        offsets = [at for at, char in enumerate(text) for _ in _FOLDING[ord(char)]]
    if "\\" in view:
        for escape, plain in _ESCAPES:  # same length: offsets stay
            view = view.replace(escape, plain)
    return view, offsets


def decoded(run: str) -> str:
    """The printable text that a run of base64 stands for, or ""."""
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        plain = base64.b64decode(body + "=" * (-len(body) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return plain if plain.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else ""
