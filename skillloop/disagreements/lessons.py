"""The lesson in a disagreement: one imperative sentence, made of the person's own words.

A sentence is only *trimmed*, never put differently: pleasantries and lead-ins go ("no, I told you to …"), a few openings
become imperative ("we use" → "Use"), and what is of the day (a path of a home, a line number, a question, a symptom) is
no lesson. Invariants: each content word, number, path and identifier of a lesson stands in its quote; negators and scope
words keep their order; the quote is a verbatim span of the turn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skillloop.disagreements.features import said
from skillloop.disagreements.phrases import tokens, wide

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 220
"""Characters beyond which a sentence is a story, not a rule."""

_END = re.compile(r"(?<=[.!?…])[\"”’)]*\s+|(?<=[。！？])|\n+|\.{2,}\s*|\s+[-–—]+\s+")

_LEAD = re.compile(
    r"""(?:\W*(?:
      (?:no+|nope|nah|ok(?:ay)?|yes|yeah|well|good|great|nice|cool|perfect|hm+|wait|w8|hey|hi|dude|man|no\ man|please|pls|also|and|but|so|again
       |actually|sorry|look|listen|u+h+|o+h+|stop|seriously|btw|ugh+|right|thanks|come\ on|hold\ on|as\ always|wrong|one\ thing|careful|remember)(?=[\s,.!:;?…-])
    | sorry\ for\ \w+ | (?:as|like)\ i\ (?:already\ )?(?:said|told\ you|mentioned)(?:\ before|\ already|\ earlier)?
    | how\ (?:many\ times|often)\ .*?[:?] | i(?:'ve|\ have)?\ (?:already\ )?(?:said|told|asked)(?:\ you)?(?:\ (?:before|already|again|\w+\ times))?(?:\ that(?=\s)|\ to(?=\s)|\s*[:,])
    | (?:i\ (?:just\ )?(?:want(?:ed)?|need)\ to\ )?remind\ you(?:\ that|\ to)?(?=\s) | i\ (?:want|need|would\ like|'d\ like)\ you\ to(?=\s) | i'd\ like\ you\ to(?=\s)
    | (?:can|could|would|will)\ you(?:\ please)?(?=\s) | (?:from\ now\ on|going\ forward|in\ (?:the\ )?future|next\ time)(?=[\s,]) | you\ should(?=\s+(?!n't|not\b|have\b))
    | remember\ (?:to|that)(?=\s) | keep\ in\ mind\ that(?=\s)
    | (?:vale|bien|bueno|oye|espera|por\ favor|pero|y|ya\ te\ dije(?:\ que)?|te\ (?:dije|ped[ií])(?:\ que)?|recuerda\ que|quiero\ que|(?:de\ ahora\ en\ adelante|a\ partir\ de\ ahora)|la\ pr[oó]xima\ vez)(?=[\s,.:!])
    | (?:nein|ok|gut|super|bitte|aber|und|halt|warte|also|wie\ gesagt|ich\ (?:hatte|habe)\ (?:dir\ )?(?:doch\ )?gesagt|ab\ (?:jetzt|sofort)|n[äa]chstes\ mal|schon\ wieder)(?=[\s,.:!])
    | (?:non|bon|bien|super|attends|mais|et|s'il\ te\ pla[iî]t|je\ t'(?:ai|avais)\ (?:dit|demand[ée])(?:\ de)?|[àa]\ partir\ de\ maintenant|d[ée]sormais|la\ prochaine\ fois|encore)(?=[\s,.:!])
    | (?:n[ãa]o|bom|beleza|espera|mas|e|por\ favor|eu\ j[áa]\ (?:falei|disse)(?:\ (?:pra|que))?|j[áa]\ (?:falei|disse)(?:\ (?:pra|que))?|a\ partir\ de\ agora|de\ agora\ em\ diante|da\ pr[óo]xima\ vez|de\ novo\ isso)(?=[\s,.:!])
    | (?:no|bene|aspetta|ma|e|per\ favore|ti\ (?:ho|avevo)\ detto(?:\ di|\ che)?|d'ora\ in\ poi|da\ ora\ in\ poi|la\ prossima\ volta|ancora)(?=[\s,.:!])
    | (?:нет|ну|так|стой|подожди|но|и|пожалуйста|я\ же\ (?:просил|говорил|сказал)|я\ (?:просил|говорил|сказал)|с\ этого\ момента|впредь|в\ следующий\ раз|опять)(?=[\s,.:!])
    | (?:不对|不是|等等|等一下|停|好的?|请|麻烦|但是|我说过|我说了|我都说了|以后|从现在(?:起|开始)|下次|又来了|拜托)(?=[\s,，。:：！!])? [,，。:：！!]?
    | (?:違います|いや|いいえ|待って|ちょっと|でも|あの|すみません|お願いだから|今後は|これからは|次からは|次回から|また？)[、,。！!]?
    )[\s,.!:;…、，。-]*)+""",
    re.VERBOSE | re.IGNORECASE,
)
"""What comes before the rule itself, in nine languages."""

_TAIL = re.compile(
    r"(?:[\s,;]+(?:please|pls|ok(?:ay)?|thanks|thank you|thx|man|dude|again|right|por favor|gracias|bitte|danke|s'il te pla[iî]t|merci|obrigad[oa]|grazie|per favore|пожалуйста|спасибо|lol|haha)|谢谢|吧)?[\s.!?。！？…,;:]*$",
    re.IGNORECASE,
)

_OPENINGS = tuple(
    (re.compile(pattern, re.IGNORECASE), into)
    for pattern, into in (
        (r"^i(?:'d| would)? pref+er (?=\w)", "Prefer "),
        (r"^i do(?:n'?t| not) want you to (?=\w)", "Do not "),
        (r"^i do(?:n'?t| not) (?:want|like|need) (?:any |the )?(?=[\w-]+)", "No "),
        (
            r"^(?:here |in this (?:project|repo(?:sitory)?|codebase) )?we (?=(?:use|always|never|do not|don't|keep|write|put|store|run|follow)\b)",
            "",
        ),
        (r"^you (?=(?:always|never)\b)", ""),
        (r"^do not (?:you )?(?=\w)", "Do not "),
        (r"^wir (?:verwenden|nutzen|benutzen) (?:hier )?(?=\w)", "Verwende "),
    )
)
"""Openings that become imperative. A person's "I don't like X" stays a negation: "No X"."""

_OF_THE_DAY = re.compile(
    r"\bline \d+|:\d+\b|/(?:Users|home)/|[A-Z]:\\|\b[0-9a-f]{7,40}\b|#\d+\b|\bCan(?:'t| not) find\b|\[Image|https?://(?:localhost|127\.)|\b(?:yesterday|today|tonight|this morning|ten minutes)\b",
)
_QUESTION = re.compile(
    r"[?？]\s*$|^(?:why|what|how|where|which|who|did|do you|does|is|are|can we|por qu[eé]|warum|wieso|pourquoi|perch[eé]|почему|зачем|为什么|なぜ)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A rule, and the verbatim span of the turn that it was drawn from."""

    text: str
    quote: str
    features: dict[str, float]


def draw(text: str) -> Lesson | None:
    """The sentence of a turn that reads most like a rule, trimmed; None where no sentence does."""
    best = max(_candidates(text), key=_strength, default=None)
    return best if best is not None and _strength(best) > 0 else None


def plain(text: str) -> Lesson | None:
    """The first sentence that can be trimmed at all: for a wish that is known to be one because it came before."""
    return next(_candidates(text), None)


def _candidates(text: str) -> Iterator[Lesson]:
    for quote in sentences(text):
        trimmed = trim(quote)
        if trimmed is not None:
            yield Lesson(trimmed, quote, rule_features(trimmed))


def _strength(lesson: Lesson) -> float:
    return sum(_STRENGTH.get(name, 0.0) for name in lesson.features)


_STRENGTH = {
    "rule: lasting": 2.0,
    "rule: prohibition": 1.5,
    "rule: taste": 1.5,
    "rule: means": 1.0,
    "rule: starts means": 1.0,
    "rule: starts prohibition": 1.0,
    "rule: practice": 0.5,
    "rule: change": 0.25,
    "rule: should": 0.5,
    "rule: starts change": 0.5,
    "rule: new work": 0.25,
    "rule: this one": -0.25,
    "rule: observes": -1.0,
    "rule: fault": -1.0,
    "rule: broken": -0.5,
    "rule: asks why": -1.5,
    "rule: not meant": -0.5,
}
"""How much each class of words makes a sentence read like a rule; only to choose among the sentences of one turn."""


def rule_features(sentence: str) -> dict[str, float]:
    """What a sentence looks like as a rule: its classes of words, and its length."""
    size = len(tokens(sentence)) * (0.6 if wide(sentence) else 1.0)
    found = {
        name.replace("says: ", "rule: ").replace("starts: ", "rule: starts "): 1.0 for name in said(sentence)
    }
    found["rule: short"] = float(size <= 5)
    found["rule: long"] = float(size > 22)
    return {name: value for name, value in found.items() if value}


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, each a verbatim span of it."""
    at = 0
    for match in _END.finditer(text):
        if part := text[at : match.start()].strip():
            yield part
        at = match.end()
    if part := text[at:].strip():
        yield part


def trim(sentence: str) -> str | None:
    """A sentence as a rule, or None where it cannot be one."""
    if len(sentence) > LONGEST * 2 or _OF_THE_DAY.search(sentence):
        return None
    lead = _LEAD.match(sentence)
    rest = sentence[lead.end() :] if lead else sentence
    asks = _QUESTION.search(sentence.strip()) or _QUESTION.search(rest)
    rest = _TAIL.sub("", rest).strip(" ,;:-–—\"'")
    for pattern, into in _OPENINGS:
        rest = pattern.sub(into, rest)
    if asks or not len(tokens(rest)) * (0.5 if wide(rest) else 1) >= 2 or len(rest) > LONGEST:
        return None
    return rest[0].upper() + rest[1:] if rest else None
