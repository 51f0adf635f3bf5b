"""What the person wished in earlier sessions, so that a wish that comes again is known.

Invariant: `again` answers as if the wish were compared with each of them by `words.similarity`; only those that share a
word with it are, though, and they are found by their words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from functools import cached_property

from skillloop.text import words

RECURS = 0.6
"""Similarity from which a wish is the one of an earlier session."""


class Wishes:
    """Wishes of earlier sessions. Their words are looked at when the first question comes."""

    def __init__(self, texts: Collection[str]) -> None:
        self._texts = texts

    def again(self, wish: str) -> bool:
        """Whether one of them is at least `RECURS` similar to this wish."""
        mine = words.content_words(wish)
        if not mine:
            return bool(self._texts) and tuple(words.tokens(wish)) in self._wordless
        sizes, holding = self._by_word
        shared = Counter(number for word in mine for number in holding.get(word, ()))
        return any(2 * count / (len(mine) + sizes[number]) >= RECURS for number, count in shared.items())

    @cached_property
    def _by_word(self) -> tuple[list[int], dict[str, list[int]]]:
        """How many content words each wish has, and which wishes hold a word, by their numbers."""
        sizes: list[int] = []
        holding: dict[str, list[int]] = defaultdict(list)
        for number, text in enumerate(self._texts):
            found = words.content_words(text)
            sizes.append(len(found))
            for word in found:
                holding[word].append(number)
        return sizes, holding

    @cached_property
    def _wordless(self) -> frozenset[tuple[str, ...]]:
        """The tokens of the wishes that have no content words."""
        return frozenset(tuple(words.tokens(text)) for text in self._texts if not words.content_words(text))
