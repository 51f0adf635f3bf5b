"""Fast matching of the lexicon: which classes of phrases a text holds, in one pass over its tokens.

Words are folded (case, accents, apostrophes) so that "Doesn’t", "doesnt" and "DOESN'T" meet; each Chinese or Japanese
character is a token of its own, so that the same n-gram lookup serves languages that write no spaces.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]|[^\W_぀-ヿ㐀-鿿豈-﫿]+(?:[._-][^\W_぀-ヿ㐀-鿿豈-﫿]+)*")
_MARKED = re.compile(r"(?:[^\W_]|[\u0900-\u0963])+")
_DEVANAGARI = re.compile("[\u0900-\u097f]")
_CONTRACTION = re.compile(r"'(?=(?:t|s|re|m|ll|ve|d)\b)")
_ACCENTS = re.compile("[\u0300-\u036f]")
_WIDE = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]")


def fold(text: str) -> str:
    """Lower case, without accents and contraction marks; compatibility forms made plain."""
    flat = text.replace("\u2019", "'").lower()
    if not flat.isascii():
        flat = unicodedata.normalize("NFKC", _ACCENTS.sub("", unicodedata.normalize("NFKD", flat)))
    return _CONTRACTION.sub("", flat) if "'" in flat else flat


def tokens(text: str) -> list[str]:
    """The words of folded text, each wide character on its own."""
    flat = fold(text)
    marked = not flat.isascii() and _DEVANAGARI.search(flat)  # its vowel signs are not matched by \\w
    return (_MARKED if marked else _TOKEN).findall(flat)


REMEMBERED = 16_384
"""Words whose classes are kept, so that an endless log cannot fill the memory."""


class Phrases:
    """A set of classes of phrases, compiled for lookup."""

    def __init__(self, table: Mapping[str, Mapping[str, str]]) -> None:
        self._exact: dict[str, set[str]] = {}
        self._stems: dict[str, set[str]] = {}
        self._longest: dict[str, int] = {}  # the greatest length of the phrases that begin with a token
        self._seconds: dict[str, set[str]] = {}  # the second tokens of those phrases
        for name, languages in table.items():
            for entries in languages.values():
                for entry in entries.split("|"):
                    self._enter(name, entry)
        self._stem = max(map(len, self._stems), default=0)  # length of the longest
        self._known: dict[str, tuple[tuple[str, ...], int] | None] = {}  # what `_look_up` gave

    def _enter(self, name: str, entry: str) -> None:
        words = tokens(entry)
        if entry.endswith("*") and len(words) == 1:
            self._stems.setdefault(words[0], set()).add(name)
            return
        if len(words) > 1:
            self._longest[words[0]] = max(self._longest.get(words[0], 0), len(words))
            self._seconds.setdefault(words[0], set()).add(words[1])
        self._exact.setdefault(" ".join(words), set()).add(name)

    def _look_up(self, word: str) -> tuple[tuple[str, ...], int] | None:
        """The classes of a word (itself, or a stem of it) and the longest phrase it begins; None if it says nothing."""
        found = set(self._exact.get(word, ()))
        for end in range(2, min(len(word), self._stem) + 1):
            if word[:end] in self._stems:
                found |= self._stems[word[:end]]
        longest = self._longest.get(word, 1)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[word] = known = (tuple(sorted(found)), longest) if found or longest > 1 else None
        return known

    def find(self, words: list[str]) -> dict[str, int]:
        """Each class that occurs, with the position of the first token of its first occurrence."""
        found: dict[str, int] = {}
        seen = self._known
        for i, word in enumerate(words):
            known = seen[word] if word in seen else self._look_up(word)
            if known is None:
                continue
            for name in known[0]:
                found.setdefault(name, i)
            if known[1] == 1 or i + 1 == len(words) or words[i + 1] not in self._seconds[word]:
                continue
            for size in range(2, known[1] + 1):
                for name in self._exact.get(" ".join(words[i : i + size]), ()):
                    found.setdefault(name, i)
        return found


def wide(text: str) -> bool:
    """Whether the text is mostly Chinese or Japanese, where a token is a character."""
    return not text.isascii() and len(_WIDE.findall(text)) * 3 > len(text.replace(" ", ""))
