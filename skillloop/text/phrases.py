"""Fast matching of the lexicon: which classes of phrases a text holds, in one pass over its tokens.

Words are folded (case, accents, apostrophes) so that "Doesn’t", "doesnt" and "DOESN'T" meet; each Chinese or Japanese
character is a token of its own, so that the same n-gram lookup serves languages that write no spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

_TOKEN = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]|[^\W_぀-ヿ㐀-鿿豈-﫿]+(?:[._-][^\W_぀-ヿ㐀-鿿豈-﫿]+)*")
_PLAIN = re.compile(r"[a-zA-Z0-9]+(?:[._-][a-zA-Z0-9]+)*")  # the same for ASCII, twice as fast
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
    if flat.isascii():
        return _PLAIN.findall(flat)
    marked = _DEVANAGARI.search(flat)  # its vowel signs are not matched by \\w
    return (_MARKED if marked else _TOKEN).findall(flat)


REMEMBERED = 16_384
"""Words of which it is kept what they say, so that an endless log cannot fill the memory."""


class _Word(NamedTuple):
    """What a word says."""

    classes: tuple[str, ...]  # its own, and those of its stems
    longest: int  # the greatest length of the phrases that it begins
    seconds: frozenset[str]  # the second words of those


class _Words(dict[str, _Word | None]):
    """What words say, None for nothing; each is looked up once."""

    def __init__(self, look_up: Callable[[str], _Word | None]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, word: str) -> _Word | None:
        if len(self) >= REMEMBERED:
            self.clear()
        self[word] = found = self._look_up(word)
        return found


class Phrases:
    """A set of classes of phrases, compiled for lookup."""

    def __init__(self, table: Mapping[str, Iterable[str]]) -> None:
        self._exact: dict[str, set[str]] = {}
        self._stems: dict[str, set[str]] = {}
        self._begun: dict[str, list[list[str]]] = {}  # the phrases that begin with a word
        for name, entries in table.items():
            for entry in entries:
                self._enter(name, entry)
        self._stem = max(map(len, self._stems), default=0)  # length of the longest
        self._words = _Words(self._look_up)

    def _enter(self, name: str, entry: str) -> None:
        words = tokens(entry)
        if entry.endswith("*") and len(words) == 1:
            self._stems.setdefault(words[0], set()).add(name)
            return
        if len(words) > 1:
            self._begun.setdefault(words[0], []).append(words)
        self._exact.setdefault(" ".join(words), set()).add(name)

    def _look_up(self, word: str) -> _Word | None:
        """What a word says, by itself or by a stem of it."""
        found = set(self._exact.get(word, ()))
        for end in range(2, min(len(word), self._stem) + 1):
            if word[:end] in self._stems:
                found |= self._stems[word[:end]]
        begun = self._begun.get(word, [])
        if not (found or begun):
            return None
        longest, seconds = max(map(len, begun), default=1), frozenset(phrase[1] for phrase in begun)
        return _Word(tuple(sorted(found)), longest, seconds)

    def find(self, words: list[str]) -> dict[str, int]:
        """Each class that occurs, with the position of the first token of its first occurrence."""
        found: dict[str, int] = {}
        last = len(words) - 1
        for i, said in enumerate(map(self._words.__getitem__, words)):
            if said is None:
                continue
            classes, longest, seconds = said
            for name in classes:
                if name not in found:
                    found[name] = i
            if seconds and i < last and words[i + 1] in seconds:
                for size in range(2, longest + 1):
                    for name in sorted(self._exact.get(" ".join(words[i : i + size]), ())):
                        found.setdefault(name, i)
        return found


def wide(text: str) -> bool:
    """Whether the text is mostly Chinese or Japanese, where a token is a character."""
    return not text.isascii() and len(_WIDE.findall(text)) * 3 > len(text.replace(" ", ""))
