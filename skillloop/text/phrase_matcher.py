"""Fast matching of the lexicon: which classes of phrases a text holds, in one pass over its tokens.

Words are as bare as people type them in haste: unlike `words.fold`, which serves the gate, this drops accents and the
apostrophes of contractions, so that "Doesn’t", "doesnt" and "DOESN'T" meet. Each Chinese or Japanese character is a token
of its own, so that the same n-gram lookup serves languages that write no spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import NamedTuple

from skillloop.text import lexicon

_WIDE = r"[぀-ヿ㐀-鿿豈-﫿]"  # these two take long to compile, and much text needs none of them
_TOKEN = rf"{_WIDE}|[^\W_぀-ヿ㐀-鿿豈-﫿]+(?:[._-][^\W_぀-ヿ㐀-鿿豈-﫿]+)*"
_PLAIN = re.compile(r"[a-zA-Z0-9]+(?:[._-][a-zA-Z0-9]+)*")  # the same for ASCII, twice as fast
_MARKED = re.compile(r"(?:[^\W_]|[\u0900-\u0963])+")
_DEVANAGARI = re.compile("[\u0900-\u097f]")
_CONTRACTION = re.compile(r"'(?=(?:t|s|re|m|ll|ve|d)\b)")
_ACCENTS = re.compile("[\u0300-\u036f]")


@lru_cache(maxsize=256)
def tokens(text: str) -> list[str]:
    """Split a text into bare words, each wide character on its own: lower, without accents and contraction marks."""
    flat = text.replace("\u2019", "'").lower()
    if not flat.isascii():
        flat = unicodedata.normalize("NFKC", _ACCENTS.sub("", unicodedata.normalize("NFKD", flat)))
    flat = _CONTRACTION.sub("", flat) if "'" in flat else flat
    if flat.isascii():
        return _PLAIN.findall(flat)
    marked = _DEVANAGARI.search(flat)  # its vowel signs are not matched by \\w
    return _MARKED.findall(flat) if marked else re.findall(_TOKEN, flat)


REMEMBERED = 16_384
"""Words of which it is kept what they say, so that an endless log cannot fill the memory."""


class _Word(NamedTuple):
    """What a word says."""

    classes: tuple[str, ...]  # its own, and those of its stems
    longest: int  # the greatest length of the phrases that it begins
    seconds: frozenset[str]  # the second words of those


class _Tables(NamedTuple):
    """What a `Phrases` looks up."""

    exact: Mapping[str, set[str]]  # the classes of a phrase
    stems: Mapping[str, set[str]]  # the classes of a stem
    begun: Mapping[str, list[list[str]]]  # the phrases of several words by their first
    longest: int  # characters of the longest stem


class Phrases:
    """A set of classes of phrases, by a table or by the group of the lexicon that holds them; compiled when first asked."""

    def __init__(self, table: Mapping[str, Iterable[str]] | str) -> None:
        self._table = table
        self._word = lru_cache(maxsize=REMEMBERED)(self._look_up)

    @cached_property
    def _tables(self) -> _Tables:
        exact: dict[str, set[str]] = defaultdict(set)
        stems: dict[str, set[str]] = defaultdict(set)
        begun: dict[str, list[list[str]]] = defaultdict(list)
        table = lexicon.classes(self._table) if isinstance(self._table, str) else self._table
        for name, entries in table.items():
            for entry in entries:
                words = tokens(entry)
                if entry.endswith("*") and len(words) == 1:
                    stems[words[0]].add(name)
                    continue
                exact[" ".join(words)].add(name)
                if len(words) > 1:
                    begun[words[0]].append(words)
        return _Tables(exact, stems, begun, max(map(len, stems), default=0))

    def _look_up(self, word: str) -> _Word | None:
        """Return what a word says, by itself or by a stem of it."""
        tables = self._tables
        found = set(tables.exact.get(word, ()))
        for end in range(2, min(len(word), tables.longest) + 1):
            if named := tables.stems.get(word[:end]):
                found |= named
        phrases = tables.begun.get(word, [])
        if not (found or phrases):
            return None
        longest, seconds = max(map(len, phrases), default=1), frozenset(phrase[1] for phrase in phrases)
        return _Word(tuple(sorted(found)), longest, seconds)

    def find(self, words: list[str]) -> dict[str, int]:
        """Find each class that occurs, with the position of the first token of its first occurrence."""
        found: dict[str, int] = {}
        last = len(words) - 1
        for i, said in enumerate(map(self._word, words)):
            if said is None:
                continue
            classes, longest, seconds = said
            for name in classes:
                if name not in found:
                    found[name] = i
            if seconds and i < last and words[i + 1] in seconds:
                for size in range(2, longest + 1):
                    for name in sorted(self._tables.exact.get(" ".join(words[i : i + size]), ())):
                        found.setdefault(name, i)
        return found


@lru_cache(maxsize=256)
def wide(text: str) -> bool:
    """Say whether a text is mostly Chinese or Japanese, where a token is a character."""
    return not text.isascii() and len(re.findall(_WIDE, text)) * 3 > len(text.replace(" ", ""))
