"""Words of many languages, folded so that two ways of writing one thing meet.

Used to ask whether two lines say the same (`similarity`), whether a line holds only what a person said
(`content_words`), and whether it says it the same way round (`polarity`). Everything is linear in the text and needs
no model. Invariant: text that differs only in case, width, apostrophe or accent composition gives the same words.

Stop words and polarity are known of the languages that have them in `data/lang`; every language gets tokens.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache

from skillloop.text import lexicon

# Scripts written without spaces (Han, kana, Thai, Lao, Khmer, Burmese) and Hangul, whose particles stick to words:
# one token a character, and content words are pairs of neighbours.
_RUN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u200c\u200d"
_TOKEN = rf"[{_RUN}]|(?:(?![{_RUN}])[\w{_MARKS}])+(?:'(?:(?![{_RUN}])[\w{_MARKS}])+)*"  # these two take long to compile
_PLAIN = re.compile(r"\w+(?:'\w+)*")  # the same for ASCII, several times as fast
_IS_RUN = f"[{_RUN}]"
_KANA_ONLY = re.compile("[\u3041-\u309f]+")
_RUSSIAN_ENDING = re.compile(
    "(?<=[а-яё]{3})(?:ами|ями|ого|его|ому|ему|ов|ев|ах|ях|ом|ем|ой|ей|ый|ий|ая|яя|ое|ее|ые|ие|ую|юю|[аеиоуыэюяйь])$"
)
_LATIN_ENDING = re.compile("(?:ies|ied|ing|ed|es|s|e)$")
_WORD = re.compile(r"\w+(?:[.-]\w+)*")
_NAME = re.compile(r"(?<=[^\s.!?:–—-][ ,])[A-ZÀ-ÖØ-ÞА-Я]\w*(?:[.-]\w+)*|\b\w+(?:\.\w{2,})+")


def fold(text: str) -> str:
    """Fold a text: NFKC, caseless, with one kind of apostrophe. Accents stay, because they tell words apart."""
    if text.isascii():
        return text.lower()
    caseless = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return caseless.replace("’", "'").replace("‘", "'").replace("ʼ", "'")


def tokens(text: str) -> list[str]:
    """Split a text into its folded words, in order; one token a character in scripts that do not space words."""
    folded = fold(text)
    return _PLAIN.findall(folded) if folded.isascii() else lexicon.expression(_TOKEN).findall(folded)


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Cut the commonest endings off a folded word, so that "test", "tests" and "testing" meet. Not a dictionary form."""
    if len(word) < 3 or not word.isalpha():
        return word
    if "а" <= word[0] <= "я":
        return _RUSSIAN_ENDING.sub("", word)
    ending = _LATIN_ENDING.search(word)
    if ending is None or word.endswith(("ss", "us", "is")):
        base = word
    elif ending[0] in ("ies", "ied"):
        base = word[:-3] + "y"
    else:
        base = word[: ending.start()]
    if len(base) < 2 or not re.search("[aeiouyáéíóúäöüàèìòùâêîôûãõ]", base):
        return word
    doubled = len(base) > 2 and base[-1] == base[-2]
    return base[:-1] if doubled else base


@lru_cache(maxsize=4096)
def content_words(text: str) -> frozenset[str]:
    """Return the stems that carry meaning: no stop words and no negators; pairs of neighbours where words are not spaced."""
    words = tokens(text)
    negators = {at for name, start, end in polar(words) if name == "not" for at in range(start, end)}
    stop = lexicon.words("text.stop")
    found: set[str] = set()
    before = ""
    for at, word in enumerate(words):
        if at in negators or word in stop:
            before = ""
        elif not word.isascii() and lexicon.expression(_IS_RUN).match(word):
            if before and not _KANA_ONLY.fullmatch(before + word):
                found.add(before + word)
            before = word
        else:
            before = ""
            found.add(stem(word))
    return frozenset(found)


def counted(number: int, noun: str) -> str:
    """`1 session`, `2 sessions`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def similarity(a: str, b: str) -> float:
    """Return how much two lines say the same, 0 to 1: the Dice coefficient of their content words."""
    mine, theirs = content_words(a), content_words(b)
    if not mine or not theirs:
        return float(tokens(a) == tokens(b))
    return 2 * len(mine & theirs) / (len(mine) + len(theirs))


def alike(one: str, other: str, least: float) -> bool:
    """Return whether two lines are at least so similar, and neither forbids, limits or names what the other does not."""
    return similarity(one, other) >= least and polarity(one) == polarity(other) and same_names(one, other)


def same_names(one: str, other: str) -> bool:
    """Return whether neither of two lines names what the other does not."""
    (mine, these), (theirs, those) = _named(one), _named(other)
    return mine <= those and theirs <= these


@lru_cache(maxsize=4096)
def _named(text: str) -> tuple[set[str], set[str]]:
    """Return the stems of names and of all words: names have a capital letter, but for the first word, or a dot, as hosts have."""
    return {stem(fold(name)) for name in _NAME.findall(text)}, set(map(stem, _WORD.findall(fold(text))))


@lru_cache(maxsize=4096)
def polarity(text: str) -> tuple[str, ...]:
    """Return the words of negation, quantity and scope in order, by meaning; a "no" that answers ("No, use tabs") is none."""
    return tuple(name for name, _, _ in polar(tokens(unanswered(fold(text)))))


def unanswered(folded: str) -> str:
    """Return a folded text without the "no" that it answers with."""
    return lexicon.pattern("text.answer", r"^\W*<all>\s*[,.!:;，。、！；–—-]+\s*").sub("", folded)


def polar(words: list[str]) -> list[tuple[str, int, int]]:
    """Find the polarity words in a list of tokens: class, and where the phrase starts and ends in the list."""
    by_first = _phrases()
    found = []
    at = 0
    while at < len(words):
        for phrase, name in by_first.get(words[at], ()):
            if tuple(words[at : at + len(phrase)]) == phrase:
                found.append((name, at, at + len(phrase)))
                at += len(phrase) - 1
                break
        else:
            if words[at].endswith("n't"):
                found.append(("not", at, at + 1))
        at += 1
    return found


@cache
def scope() -> frozenset[str]:
    """Return the stems of polarity words, which say how, and not what."""
    rows = lexicon.classes("polarity").values()
    return frozenset(stem(word) for row in rows for phrase in row for word in tokens(phrase))


@cache
def _phrases() -> dict[str, list[tuple[tuple[str, ...], str]]]:
    """Return the tokens of every polarity phrase with its class, by its first token, the longest first."""
    phrases = {tuple(tokens(p)): name for name, row in lexicon.classes("polarity").items() for p in row}
    by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for phrase in sorted(phrases, key=len, reverse=True):
        by_first.setdefault(phrase[0], []).append((phrase, phrases[phrase]))
    return by_first


def shared(one: Sequence[str], other: Sequence[str]) -> int:
    """Count the characters that two texts begin with alike, or the lines: by halving, since comparing slices is what Python does fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
