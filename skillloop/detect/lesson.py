"""The lesson in a disagreement: one imperative sentence, made of the person's own words.

A sentence is only *trimmed*, never put differently: pleasantries and lead-ins go ("no, I told you to …"), a few openings
become imperative ("we use" → "Use"), and what is of the day (a path of a home, a line number, a question, a symptom) is
no lesson. Invariants: each content word, number, path and identifier of a lesson stands in its quote; negators and scope
words keep their order; the quote is a verbatim span of the turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from skillloop.detect import durability
from skillloop.detect.classifier import Linear, learned
from skillloop.text import lexicon
from skillloop.text.phrases import tokens, wide

WISHES = {"may last": 0.15, "lasts": 0.4}
"""Probabilities of being durable from which the rule of a turn speaks for a disagreement."""

LONGEST = 220
"""Characters beyond which a sentence is a story, not a rule."""

_END = re.compile(r"(?<=[.!?…])[\"”’)]*\s+|(?<=[。！？])|\n+|\.{2,}\s*|\s+[-–—+]+\s+")

ENDING = 60
"""Characters at the end of a sentence in which a pleasantry may stand; looking through all of it takes long."""

_OF_THE_DAY = (
    r"\s{3}|^\W*[➜❯$>#]|\w(?:Error|Exception)\b\W|:\d+\b|/(?:Users|home)/|[A-Z]:\\|\b[0-9a-f]{7,40}\b|#\d+\b|\w::\w+\("
    r"|\[Image|https?://(?:localhost|127\.)|<all>"
)
_TURN = r",\s+so\s+|[:;]\s+|,?\s+<spaced>\s+|[，；]|<dense>"
"""Where the rule may start within a sentence."""

_TAIL = r"(?:[\s,;]+<spaced>|<dense>)?[\s.!?。！？…,;:]*$"
_COMMA = re.compile(r"[,、،，]\s*")
_NAME = re.compile(r"\S*(?:\w[_./:]\w|[a-z][A-Z]|\w\(\))")
"""A first word whose letters are not ours to change."""


@cache
def _lead() -> re.Pattern[str]:
    """What falls off the start: asides before a punctuation mark, links before more words."""
    marks = ",.!?:;…，。！？：；、،؛؟।-"
    aside = rf"{lexicon.alternatives('lesson.aside')}(?=\s*[{marks}]|\s*$)"
    link = rf"{lexicon.alternatives('lesson.link', spaced=True)}(?=[\s,:])"
    dense = lexicon.alternatives("lesson.link", spaced=False)
    return re.compile(rf"(?:\W*(?:{aside}|{link}|{dense})[\s{marks}]*)+", re.IGNORECASE)


@cache
def _openings() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Openings that become imperative, each with what it becomes."""
    pairs = (line.split(" =>") for line in lexicon.lines("lesson.opening"))
    return tuple((re.compile(old, re.IGNORECASE), new and f"{new.strip()} ") for old, new in pairs)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A rule, and the verbatim span of the turn that it was drawn from."""

    text: str
    quote: str
    features: dict[str, float]


def draw(text: str, model: Linear | None = None) -> Lesson | None:
    """The part of a turn that reads most like a standing rule, trimmed; None where nothing can be one.

    Args:
        text: All that the person said in the turn.
        model: What weighs the features of each candidate; the learned one by default.
    """
    score = (model or learned().durable).score
    best = max(_candidates(text), key=lambda lesson: score(lesson.features), default=None)
    return best and replace(best, features=best.features | durability.around(text, best.quote))


def rule_features(rule: Lesson | None, model: Linear | None = None) -> dict[str, float]:
    """What the rule of a turn says of the turn: who tells how it always shall be, mostly says that it was not.

    Args:
        rule: As drawn from the turn.
        model: What weighs its features; the learned one by default.
    """
    if rule is None:
        return {}
    chance = (model or learned().durable).confidence(rule.features)
    found = {
        "wish: says that it lasts": durability.EXPLICIT in rule.features,
        **{f"wish: {name}": chance >= at for name, at in WISHES.items()},
    }
    return {name: 1.0 for name, true in found.items() if true}


def _candidates(text: str) -> Iterator[Lesson]:
    """Each sentence, and what follows a "but" or an "I told you to" within it."""
    for sentence in sentences(text):
        if lexicon.pattern("lesson.of the day", _OF_THE_DAY).search(sentence):
            continue
        announced = lexicon.pattern("lesson.announces").match(sentence)
        first = announced.end() if announced else 0
        for start in (first, *_starts(sentence, first)):
            quote = sentence[start:]
            trimmed = trim(quote)
            if trimmed is not None:
                yield Lesson(trimmed, quote, durability.features(text, quote, trimmed))


def _starts(sentence: str, first: int) -> Iterator[int]:
    """Where a rule may begin within a sentence: after a turn of it, or after a comma that ends a story."""
    yield from (match.end() for match in lexicon.pattern("lesson.turn", _TURN).finditer(sentence, first))
    comma = _COMMA.search(sentence, first)
    if comma is not None and any(
        lexicon.pattern(key).match(sentence, first) for key in ("lesson.told", "lesson.story")
    ):
        yield comma.end()


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, each a verbatim span of it."""
    at = 0
    for match in _END.finditer(text):
        if part := text[at : match.start()].strip():
            yield part
        at = match.end()
    if part := text[at:].strip():
        yield part


def _unquoted(sentence: str) -> str:
    """Without quotation marks around the whole, or a lost one at an end."""
    for mark in "\"'":
        if sentence.count(mark) % 2 or (sentence[:1] == sentence[-1:] == mark and sentence.count(mark) == 2):
            sentence = sentence.strip(mark)
    return sentence


def trim(sentence: str) -> str | None:
    """A sentence as a rule, or None where it cannot be one."""
    if len(sentence) > LONGEST * 2:
        return None
    lead = _lead().match(sentence)
    rest = sentence[lead.end() :] if lead else sentence
    if lexicon.pattern("lesson.question", r"[?？]\s*$|<all>").search(rest):
        return None
    rest = _unquoted(
        (rest[:-ENDING] + lexicon.pattern("lesson.tail", _TAIL).sub("", rest[-ENDING:])).strip(" ,;:-–—")
    )
    for pattern, into in _openings():
        rest = pattern.sub(into, rest)
    words = len(tokens(rest)) * (0.5 if wide(rest) else 1.0)
    if (
        words < 2
        or len(rest) > LONGEST
        or lexicon.pattern("lesson.fragment").match(rest)
        or lexicon.pattern("lesson.meant", r"(?<!\w)<spaced>|<dense>").search(rest)
        or rest.count("(") != rest.count(")")
        or (lexicon.pattern("lesson.story").match(rest) and not lexicon.pattern("lesson.asks").match(rest))
    ):
        return None
    return rest if wide(rest) or _NAME.match(rest) else rest[0].upper() + rest[1:]
