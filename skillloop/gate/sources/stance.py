"""Which way a sentence leans toward a source that it names: for it, against it, or in doubt.

A negation governs the verb of its own clause and what that verb takes. A source in a subordinate clause ("never cite
a blog when the study is on PubMed"), after a contrast ("not a blog but PubMed") or beside a verb that does not use it
("never paraphrase PubMed") is not spoken against by it. Invariant: AGAINST is said only where a negator, or a verb
that gives up ("skip"), reaches the source with nothing in between that may turn it; whatever is merely likely is
DOUBTFUL, which a person decides.
"""

from __future__ import annotations

import re
from enum import Enum

from skillloop.gate.sources.rules import Mention, phrases
from skillloop.text import lexicon
from skillloop.text.lexicon import expression

Stance = Enum("Stance", ["FOR", "DOUBTFUL", "AGAINST"])  # what a sentence wants done with a source

# Full-width marks arrive folded, without a space beside them.
_SENTENCE = re.compile(r"[.;!?](?=\s|$)|(?<=[^\x00-\x7f])[;!?]|[。؛]")
_PART = re.compile(r"[,:](?=\s|$)|(?<=[^\x00-\x7f])[,:]|[、،—–]|\s-\s|\s\(|[。](?=.)")
_ASIDE = re.compile(r"\s\([^()]{0,200}\)(?=[\s.,;:!?]|$)")

_NEGATED_STATE = r"<sources.not> (?:\w+ ){0,2}?<sources.at>\b|<sources.absent>"
_LIST = r"\s*(?:<sources.join>|\W)*\s*"
_NOR = r"<sources.nor>(?: (?:the|on|from|in))?\s*$"
_BARE = r"\W*(?:<sources.bare>\W*)+"
_VERB_AFTER = r"(?<=\w )<sources.imperative>\b"
_AND_VERB = r"\b<sources.and> (?:<sources.then> )?<sources.imperative>\b"
_ABOVE = re.compile(
    r"\b(?:above|over|ahead of|higher than|better than|more than|to be)\s+(?:the )?$|\bprefer\w*\b.{1,80}\bto\s*$"
)

_LATE = re.compile("[\u3040-\u30ff\uac00-\ud7af\u0900-\u097f\u0600-\u06ff]")  # the verb comes last
_HEAD_FINAL = re.compile("[\u3040-\u30ff\uac00-\ud7af\u0900-\u097f]")  # what is before governs nothing behind
_HAN_CLAUSE = re.compile(r"^.{0,12}?(?:时候|的时候|时(?!间)|的话|情况下)")
_GERMAN_END = re.compile(r"(?:\s+\w+){0,2}?\s+(?:nicht|nie|niemals)(?P<verb>\s+\w+(?:en|t|n))?\W*$")


def stance(line: str, mention: Mention) -> Stance:
    """Return which way a lower-case line leans toward what it mentions."""
    start = max((m.end() for m in _SENTENCE.finditer(line, 0, mention.start)), default=0)
    end = stop.start() if (stop := _SENTENCE.search(line, mention.end)) else len(line)
    idle = lexicon.whole("sources.idle")
    parts = _PART.split(_ASIDE.sub("", idle.sub(" ", line[start : mention.start])))
    before = parts.pop()
    behind = _PART.split(idle.sub(" ", line[mention.end : end]))[0]
    reached = None if _HEAD_FINAL.search(before + behind) else _reached(before)
    if reached is Stance.AGAINST:
        # the words behind may turn it once more ("sin PubMed no …"), or open a clause
        without = expression(r"(?:<sources.without>(?: \w{1,4})?\s*)$").search(before)
        if without and phrases("negator").search(behind):
            return Stance.FOR
        return Stance.DOUBTFUL if _HAN_CLAUSE.match(behind) else reached
    if reached is not None:
        return reached
    if _carried(parts, before, behind):
        nor = expression(_NOR).search(before) and expression(_LIST).fullmatch(before)
        return Stance.AGAINST if nor or expression(_BARE).fullmatch(parts[0]) else Stance.DOUBTFUL
    if expression(r"<sources.demotes>\s*$").search(before):
        return Stance.DOUBTFUL
    found = _subject(behind)
    if phrases("clause").search(before) or expression("<sources.relative>").search(before):  # subordinate
        sure = found is not Stance.AGAINST or _LATE.search(behind)
        return Stance.FOR if sure else Stance.DOUBTFUL
    return found


def _odd(text: str) -> bool:
    return len(phrases("against").findall(text)) % 2 == 1


def _reached(before: str) -> Stance | None:
    """Return what the negations of the clause up to the mention make of it; None where there is none."""
    against = phrases("against")
    if not against.search(before):
        return None
    opener = _opener(before)
    if opener is None:
        return _governed(before) if _odd(before) else Stance.FOR
    outer, own = before[: opener.start()], before[opener.end() :]
    relative = expression("<sources.relative>")
    if not against.search(outer):  # a state ("if it is not on PubMed"), or perhaps a prohibition
        if not _odd(own):
            return Stance.FOR
        if phrases("clause").fullmatch(opener[0]) or relative.fullmatch(opener[0]):
            return Stance.FOR if expression(_NEGATED_STATE).search(own) else Stance.DOUBTFUL
        return _governed(own)
    if against.search(own):
        return Stance.FOR if _odd(outer) == _odd(own) else Stance.DOUBTFUL
    if not _odd(outer):
        return Stance.FOR
    at_once = not against.split(outer)[-1].strip() and not phrases("turning").fullmatch(opener[0])
    if expression(_AND_VERB).fullmatch(opener[0]):
        hangs = not expression(r"\W*(?:please )?<sources.gives up>\b").match(before)
    else:  # the clause may still say what the negation is about ("never cite a paper if it is on …")
        hangs = relative.match(before, opener.start()) is not None
    return Stance.DOUBTFUL if at_once or hangs else Stance.FOR


def _opener(before: str) -> re.Match[str] | None:
    """Return the last word that begins another clause, a contrast or a limit; not "instead of", which negates."""
    found = [*phrases("clause", "turning", "contrast").finditer(before)]
    found += expression("<sources.relative>").finditer(before)
    found += [match for match in (_ABOVE.search(before),) if match]
    if expression(r"\W*<sources.instead>\b").match(before):
        found += expression(_VERB_AFTER).finditer(before)
    found += expression(_AND_VERB).finditer(before)
    taken = {match.end() for match in phrases("against").finditer(before)}  # the "than" of "rather than"
    return max((m for m in found if m.end() not in taken), key=lambda match: match.start(), default=None)


def _governed(clause: str) -> Stance:
    """Return whether the negated verb is one of use, and the source what it takes."""
    last = list(phrases("against").finditer(clause))[-1]
    between = clause[last.end() :]
    verb = phrases("using").search(between)
    rest = between[verb.end() :] if verb else ""
    if expression(r"\b<sources.of>\b").search(rest if verb else between):
        return Stance.DOUBTFUL
    for match in expression(_VERB_AFTER).finditer(rest):  # a second verb, without a comma
        if not re.search(r"\b(?:to|or|nor|and)\s*$", rest[: match.start()]):
            return Stance.DOUBTFUL
    # "no PubMed", "never on PubMed": nothing but articles and prepositions parts the negator from the source.
    articles = lexicon.words("sources.article").issuperset(re.findall(r"[^\W\d_]+", between))
    plain = articles and len(re.findall(r"\w+", between)) <= 2
    gives_up = not phrases("negator").fullmatch(last[0])
    return Stance.AGAINST if verb or gives_up or plain else Stance.DOUBTFUL


def _carried(parts: list[str], before: str, behind: str) -> bool:
    """Return whether the mention is the member of a list that began under a negation ("never blogs, news or PubMed")."""
    if not parts:
        return False
    if phrases("using", "contrast", "force").search(before) or phrases("clause").search(before):
        return bool(expression(_BARE).fullmatch(parts[0])) and not phrases("contrast").search(before)
    listed = expression(_LIST).fullmatch(before) or expression(_NOR).search(before)
    ends = not re.search(r"\w", behind) or expression(r"\s*<sources.also>\b").match(behind)
    begun = any(_odd(part) and re.search(r"\w+\W+\w|[不别勿]", part) for part in parts)
    return bool(listed and ends) and begun


def _subject(behind: str) -> Stance:
    """Return what is said of the source as the subject, or by a verb that comes last."""
    if expression("<sources.given up>").match(behind):
        return Stance.AGAINST
    if _LATE.search(behind):
        clause = expression("<sources.late>").search(behind)
        own = behind[: clause.start()] if clause else behind
        if clause and not own.strip():
            return Stance.DOUBTFUL if _turned(behind) else Stance.FOR
        return Stance.AGAINST if _turned(own) else Stance.FOR
    if denied := expression("<sources.denied>").match(behind):
        rest = next(group for group in denied.groups() if group is not None)
        if phrases("against").search(rest) or phrases("soft").search(rest):
            return Stance.FOR
        if lexicon.whole("sources.needed").search(rest) or re.search(r"sert|serve", denied[0]):
            return Stance.AGAINST
        state = re.match(r"\W*(?:is|are|isn't|aren't|ist|sind|est|es|è|é)\b", denied[0].strip())
        return Stance.DOUBTFUL if state else Stance.FOR
    german = _GERMAN_END.match(behind)
    return Stance.AGAINST if german and not (german["verb"] and _odd(german["verb"])) else Stance.FOR


def _turned(text: str) -> bool:
    against = len(phrases("against").findall(text))
    turned = len(phrases("turning").findall(text)) if against else 0
    return (against + turned) % 2 == 1
