"""The lesson in a disagreement: one imperative sentence, made of the person's own words.

A sentence is only *trimmed*, hardly put differently: pleasantries and lead-ins go ("no, I told you to …"), a few openings
become imperative ("we use" → "Use"), and what is of the day (a path of a home, a line number, a question, a symptom) is
no lesson. A line stands alone: what points back is resolved where that is safe, else a person must look (`Rule.look`).
Invariants: each number, path and identifier of a lesson stands in its quote; negators and scope words keep their order;
the quote is a verbatim span of the turn.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import takewhile

from skillloop.detect import durability
from skillloop.detect.features import Linear, learned
from skillloop.text import lexicon
from skillloop.text.lexicon import tokens, wide
from skillloop.text.words import content_words, polarity

CHANCES = {"may last": 0.15, "lasts": 0.4}
"""Probabilities of being durable from which the rule of a turn speaks for a disagreement."""

MOST = 3  # rules of one turn
ASKED = "it was asked as a question"
"""Why a person must look at a rule that is drawn from a reproach."""

LONGEST = 220  # characters beyond which a sentence is a story, not a rule

_LIMITS = ("only", "except", "if", "without", "before", "after")
"""Classes of words that limit what stands before them."""

PRAISE = 3  # words up to which a sentence that starts with praise is no more than that: "great start"
NAMED = 2  # content words before a pointing word from which the sentence itself may name what it stands for

ENDING = 60
"""Characters at the end of a sentence in which a pleasantry may stand; looking through all of it takes long."""

_OF_THE_DAY = (
    r"\s\s\s|^//|git:\(|^\W*(?:[➜❯$>#]|\w[\w.]* :?= \S)|Error(?<=\wError)\b\W|Exception(?<=\wException)\b\W|:\d+\b|/(?:Users|home)/|[A-Z]:\\"
    r"|[0-9a-f](?<!\w[0-9a-f])[0-9a-f]{6,39}\b|#\d+\b|::(?<=\w::)\w+\("
    r"|\[Image|https?://(?:localhost|127\.)|<all>"
)
_BREAK = r",\s+so\s+|[:;]\s+|,?\s+<spaced>\s+|[，；]|<dense>"  # where the rule may start within a sentence

_TAIL = r"(?:[\s,;]+<spaced>|<dense>)?[\s.!?。！？؟।…,;:–—]*$"
_COMMA = re.compile(r"[,、،，]\s*")
_NAME = re.compile(r"\S*(?:\w[_./:]\w|[a-z][A-Z]|\w\(\))")
"""A first word whose letters are not ours to change."""


@cache
def _end() -> re.Pattern[str]:
    """Compile where a sentence ends: also at a dash, but not before words that limit it ("use sudo - unless …")."""
    limits = "|".join(re.escape(each) for key in _LIMITS for each in lexicon.phrases(f"polarity.{key}"))
    dash = rf"\s+[-–—+]+\s+(?!(?:{limits})\b)"
    return re.compile(
        rf"(?<=[.!?…؟।])(?<!\s\d\.)[\"”’)]*\s+|(?<=[。！？])|\n+|\.{{2,}}\s*|{dash}", re.IGNORECASE
    )


@cache
def _lead() -> lexicon.Finder:
    """Compile what falls off the start: an announcement, asides before a punctuation mark, links before more words."""
    marks = ",.!?:;…，。！？：；、،؛؟।-"
    first = rf"(?:\W*{lexicon.alternatives('lesson.first')}(?=\s))?"
    announced = rf"{lexicon.alternatives('lesson.announced')}(?=\s*[:：])"
    aside = rf"{lexicon.alternatives('lesson.aside')}(?=\s*(?:(?!-\w)[{marks}]|$))"
    link = rf"{lexicon.alternatives('lesson.link', spaced=True)}(?=[\s,:])"
    dense = lexicon.alternatives("lesson.link", spaced=False)
    return lexicon.Finder(rf"{first}(?:\W*(?:{announced}|{aside}|{link}|{dense})[\s{marks}]*)*")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, and the verbatim span of the turn that it was drawn from."""

    text: str
    quote: str
    features: dict[str, float]
    look: tuple[str, ...] = ()  # why a person must look at it


@lru_cache(maxsize=256)
def rules(text: str, model: Linear | None = None, most: int = MOST) -> list[Rule]:
    """Return the parts of a turn that read most like durable rules (to `model`), trimmed, best first; none lies in another."""
    score = (model or learned().durable).score
    found: list[Rule] = []
    for candidate, before in sorted(_candidates(text), key=lambda each: -score(each[0].features)):
        if len(found) == most:
            break
        rule = _standing_alone(candidate, before, text)
        if all(rule.quote not in other.quote and other.quote not in rule.quote for other in found):
            around = durability.surrounding_features(text, rule.quote)
            found.append(replace(rule, features=rule.features | around))
    return found


def rule_features(rule: Rule | None, model: Linear | None = None) -> dict[str, float]:
    """Return what the rule of a turn says of the turn: who says how it always shall be, mostly says that it was not."""
    if rule is None:
        return {}
    chance = (model or learned().durable).confidence(rule.features)
    explicit = {"wish: says that it lasts": 1.0} if durability.EXPLICIT in rule.features else {}
    return explicit | {f"wish: {name}": 1.0 for name, at in CHANCES.items() if chance >= at}


def _candidates(text: str) -> Iterator[tuple[Rule, str]]:
    """Yield each sentence, and what follows a "but", an "I told you to" or a comma that ends a story within it.

    Each comes with the sentence before it.
    """
    before = ""
    for sentence in sentences(text):
        for start in _starts(sentence):
            quote, named = sentence[start:], sentence[:start].rstrip().endswith((":", ";"))
            day = lexicon.finder("lesson.of the day", _OF_THE_DAY).search
            if (rule := trim(quote)) is not None and not day(sentence if named else quote):
                look = (ASKED,) if _reproached(quote[_lead_end(quote) :]) else ()
                yield Rule(rule, quote, durability.features(text, quote, rule), look), before
        before = sentence


def _starts(sentence: str) -> list[int]:
    """Return where in a sentence a rule may start."""
    announced = lexicon.finder("lesson.announces").match(sentence)
    first = announced.end() if announced else 0
    breaks = lexicon.pattern("lesson.turn", _BREAK).finditer(sentence, first)
    starts = [first]
    for match in breaks:
        before = sentence[starts[-1] : match.start()]
        if match[0] not in "，；" or "not" not in polarity(before) or trim(before) is None:
            starts.append(match.end())  # "不要 A，要 B" stays whole, as "don't A, do B" does
    told = first + _lead_end(sentence[first:])
    if (comma := _COMMA.search(sentence, told)) is None:
        return starts
    if lexicon.finder("lesson.told").match(sentence, told):
        return [comma.end(), *(start for start in starts if start > comma.end())]
    question = lexicon.finder("lesson.question").match
    tells = lexicon.finder("lesson.story").match(sentence, told) or question(sentence[told:])
    return [*starts, comma.end()] if tells else starts


@lru_cache(maxsize=64)
def _lead_end(sentence: str) -> int:
    """Return where a sentence starts behind what falls off."""
    lead = _lead().match(sentence)
    return lead.end() if lead else 0


def _reproached(sentence: str) -> str:
    """Return what a reproach in the form of a question asks for: "didn't you read the guide?"; "" where it is none."""
    for pattern, into in lexicon.rewrites("lesson.reproach"):
        if pattern.search(sentence):
            return pattern.sub(into and f"{into} ", sentence)
    return ""


def _standing_alone(rule: Rule, before: str, text: str) -> Rule:
    """Return a rule that makes sense without the sentence before it.

    Where it points back ("we don't use them here"), that sentence is the rule, if it asks for something; else the one noun
    that it can mean is put in. Where neither is sure a person must look, at both sentences.
    """
    at = text.find(before)
    whole = text[at : text.find(rule.quote, at) + len(rule.quote)] if before else rule.quote
    recorded = lexicon.pattern("lasting.recorded").search  # "… Add this to CLAUDE.md"
    if before and ".md" in rule.quote.lower() and recorded(rule.quote):
        return replace(rule, text=trim(before) or before.rstrip(" .!;:"), quote=whole)
    if not (pointing := _points_back(rule.text)):
        return rule
    asked = trim(before)
    stands = asked is not None and not _points_back(asked)
    if asked and stands and durability.STATEMENT not in durability.features(before, before, asked):
        return replace(rule, text=asked, quote=whole)
    orders = durability.STATEMENT not in rule.features
    ends = lexicon.words("gate.frame")  # prepositions
    named = takewhile(lambda word: word not in ends, re.findall(r"[\w'-]+", before.casefold()))
    nouns = [word for word in named if lexicon.pattern("lesson.plural").fullmatch(word)]
    if orders and len(nouns) == 1 and lexicon.whole("lesson.them").fullmatch(pointing):
        line = re.sub(rf"\b{re.escape(pointing)}\b", nouns[0], rule.text, count=1)
        look = (f"“{pointing}” was read as “{nouns[0]}”",)
        return replace(rule, text=line[0].upper() + line[1:], quote=whole, look=look)
    return replace(rule, quote=whole, look=(f"points back: “{pointing}”",))


def _points_back(rule: str) -> str:
    """Return the word of a rule that stands for what another sentence named, or ""."""
    if match := lexicon.finder("lesson.likened", lexicon.WHOLE).search(rule):
        return rule[slice(*match.span())]
    match = lexicon.finder("lesson.pointing", lexicon.WHOLE).search(rule)
    return rule[slice(*match.span())] if match and len(content_words(rule[: match.start()])) < NAMED else ""


@lru_cache(maxsize=16)
def sentences(text: str) -> list[str]:
    """Split a text into its sentences, each a verbatim span of it; a further rule behind a comma is one of its own."""
    found: list[str] = []
    for sentence in filter(None, map(str.strip, _end().split(text))):
        match = lexicon.finder("lesson.further", r"[,;،，]\s*<all>").search(sentence)
        parts = [sentence[: match.start()].rstrip(), sentence[match.end() :]] if match else [sentence]
        # "do this, and never that" is two, unless what the one says may limit the other
        limits = any(name in _LIMITS for part in parts[1:] for name in polarity(part))
        apart = match and not limits and polarity(parts[0])[:1] != ("if",) and all(map(trim, parts))
        found += parts if apart else [sentence]
    return found


@cache
def _head() -> re.Pattern[str]:
    """Compile the frame or the condition that a sentence starts with, up to its comma."""
    opens = {
        *lexicon.words("gate.frame"),
        *lexicon.phrases("polarity.if"),
        *lexicon.phrases("sources.clause"),
    }
    words = "|".join(map(re.escape, sorted(opens, key=len, reverse=True)))
    return re.compile(rf"(?:{words})\b[^,;:()]{{2,80}},\s+(?=\S)", re.IGNORECASE)


@cache
def _opens() -> tuple[lexicon.Finder, lexicon.Finder]:
    """Compile all openings that are worded anew into two, for the start and for anywhere: few rules have any."""
    every = [f"(?:{line.partition(' =>')[0]})" for line in lexicon.lines("lesson.opening")]
    first = [each for each in every if each.startswith("(?:^")]
    return lexicon.Finder("|".join(first)), lexicon.Finder("|".join(x for x in every if x not in first))


def _imperative(clause: str) -> str:
    """Return a clause in the form of a request where it has one of the openings that are worded anew."""
    first, anywhere = _opens()
    opens = first.match(clause) or anywhere.search(clause)
    for pattern, into in lexicon.rewrites("lesson.opening") if opens else ():
        clause = pattern.sub(into and f"{into} ", clause).strip().replace(" ,", ",")
    return clause


@lru_cache(maxsize=256)
def trim(sentence: str) -> str | None:
    """Return a sentence as a rule, or None where it cannot be one."""
    if len(sentence) > LONGEST * 2:
        return None
    lead = _lead_end(sentence)
    rest = sentence[lead:]
    asked = lexicon.whole("gate.request").search(sentence, 0, lead)  # "could you …?" asks for it
    question = lexicon.finder("lesson.question").search
    if wanted := _reproached(rest):
        rest = wanted
    elif (
        (not asked and rest.rstrip().endswith(("?", "？", "؟")))
        or question(rest)
        or lexicon.finder("lesson.past").match(rest)
    ):
        return None
    last = max(0, len(rest) - ENDING)
    tail = lexicon.finder("lesson.tail", _TAIL).search(rest, last)
    rest = (rest[: tail.start()] if tail else rest).strip(" ,;:-–—")
    for mark in "\"'":  # around the whole, or a lost one at an end
        if rest.count(mark) % 2 or (rest[:1] == rest[-1:] == mark and rest.count(mark) == 2):
            rest = rest.strip(mark)
    rest = rest.strip()
    head = _head().match(rest) if "," in rest else None
    worded = _imperative(rest)
    if worded == rest and head:  # "in tests, please …", "when you merge, I want you to …"
        after = rest[head.end() + _lead_end(rest[head.end() :]) :]
        order = _imperative(after)
        worded = head[0] + (order if order == after else order[:1].lower() + order[1:])
    rest = worded.rstrip(" ,;:")
    said = tokens(rest)
    words = len(said) * (0.5 if wide(rest) else 1.0)
    praise = words <= PRAISE and said and said[0] in lexicon.phrases("said.pleased")
    if words < 2 or praise or len(rest) > LONGEST or rest.count("(") != rest.count(")"):
        return None
    meant = lexicon.finder("lesson.meant", r"(?<!\w)<spaced>|<dense>").search(rest)
    if meant or lexicon.finder("lesson.fragment").match(rest):
        return None
    story = lexicon.finder("lesson.story").match(rest) and not lexicon.finder("lesson.asks").match(rest)
    if story and not (durability.announced(sentence) or lexicon.whole("lesson.announced").match(sentence)):
        return None
    return rest if wide(rest) or _NAME.match(rest) else rest[0].upper() + rest[1:]
