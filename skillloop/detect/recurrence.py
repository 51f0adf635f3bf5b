"""What the person asked for in earlier sessions, so that a request that comes again is known.

Invariant: `EarlierRules.repeated` answers as if a text were compared with each of them by `words.similarity`; only those that
share a word with it are compared, and they are found by their words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import cached_property

from skillloop.text import words

RECURS = 0.6  # similarity from which a request is the same as one of an earlier session

LEAST_WORDS = 3
"""Content words that a rule needs to be recognized in other words; with one less, it has to have just those words."""


class EarlierRules:
    """Lessons and quotes of earlier sessions. They are fetched when the first question comes."""

    def __init__(self, earlier: Callable[[], Mapping[str, str]]) -> None:
        self._load = earlier

    @cached_property
    def _earlier(self) -> Mapping[str, str]:
        return self._load()

    def recurs(self, saying: str, rule: str, *texts: str) -> bool:
        """Return whether a rule has enough words to be recognized, and it or any of these texts was said before.

        Args:
            saying: Id of the turn. The copy of a known one, in a fork or a branch, is no second saying.
            rule: What it says.
            texts: In other words.
        """
        if not self._earlier or saying in self._earlier:
            return False
        stems = words.content_words(rule)
        if len(stems) < LEAST_WORDS - 1:
            return False
        if len(stems) < LEAST_WORDS:
            return stems in map(words.content_words, self._earlier.values())
        return any(map(self.repeated, dict.fromkeys((rule, *texts))))

    def repeated(self, text: str) -> bool:
        """Return whether a text is at least `RECURS` similar to one of an earlier session."""
        stems = words.content_words(text)
        if not stems:
            return bool(self._earlier) and tuple(words.tokens(text)) in self._wordless
        sizes, numbers = self._by_word
        shared = Counter(number for word in stems for number in numbers.get(word, ()))
        return any(2 * count / (len(stems) + sizes[number]) >= RECURS for number, count in shared.items())

    @cached_property
    def _by_word(self) -> tuple[list[int], dict[str, list[int]]]:
        """Return how many content words each text has, and the numbers of the texts that hold each word."""
        sizes: list[int] = []
        numbers: dict[str, list[int]] = defaultdict(list)
        for number, text in enumerate(self._earlier.values()):
            stems = words.content_words(text)
            sizes.append(len(stems))
            for word in stems:
                numbers[word].append(number)
        return sizes, numbers

    @cached_property
    def _wordless(self) -> frozenset[tuple[str, ...]]:
        """Return the tokens of the texts that have no content words."""
        return frozenset(
            tuple(words.tokens(text)) for text in self._earlier.values() if not words.content_words(text)
        )
