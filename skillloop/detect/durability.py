"""What speaks for a wish that is meant to last, as named numbers: in the sentence that holds it, and around it in the turn.

"Always run the linter" is a rule, "it always fails" is not, and "make this one bigger" is for today: no single word decides.
So the classes of words (`wished`, `lexicon`), where they stand, the form of the sentence and a few pairs become features, the
same in every language; their weights are learned (`classifier`), and the sum is the log-odds that the wish is durable.
"""

from __future__ import annotations

import re

from skillloop.detect.durable_phrases import meant_to_last, reads_like_a_norm
from skillloop.detect.features import classes
from skillloop.detect.phrases import Phrases, tokens, wide
from skillloop.text import lexicon

_WISHED = Phrases(lexicon.classes("wished"))

SAYS_SO = "rule: says that it lasts"
"""The feature of a rule of which the person says themselves that it is for good."""

ONLY_TOLD = "told: only told"
"""The feature of a sentence that starts like no order: most such tell how things are."""

HEARD = 1500
"""Characters of a turn that are looked at around the rule."""

NEAR = 120
"""Characters before and after a rule in which "from now on" and "I told you" are about it."""

LONGEST_PHRASE = 8
"""Tokens of the longest phrase of a class."""

LISTED = 3
"""Items from which a turn holds a list: of tasks, findings or a specification."""

_AROUND = {"from now on", "said before"}
_AROUND_SAID = {"fault", "temper", "broken", "asks why", "new work", "go on", "pleased"}
"""Classes that tell also where they stand outside the rule."""

_GUIDE = re.compile(r"\b[A-Z][A-Z_]{2,}\.md\b")
_SOURCE = re.compile(
    r"\b[\w-]+\.(?:py|pyi|[jt]sx?|mjs|vue|svelte|go|rs|rb|php|java|kt|swift|cs|cpp|cc|[ch]|hpp|sql|css|scss|html?)\b(?!\()"
)
_FILE = re.compile(r"\b[\w-]+\.[a-z]{1,5}\b(?!\()|(?<!\w)[.~]?/\w|\w/\w[\w.-]*/|\w/(?!\w)")
_ITEM = re.compile(r"^[ \t]*(?:[-*•+]|\d+[.)])[ \t]", re.MULTILINE)
_NAME = re.compile(r"\w_\w|[a-z][A-Z]\w|\w\(\)|@\w|`")
_QUOTED = re.compile(r"[\"“«「„].+[\"”»」“]")
_BARE = re.compile(
    r"""(?:do\ not|don['’]?t|never|no|avoid|stop|use|prefer|always|write|keep)\s+(?:(?:\w+ing|use|add|write|put|create|make|include|mention|ever|any|leave|commit|mix|hardcode)\s+)?
        (?!(?:the|this|that|these|those|it|its|my|your|their|our|them|him|her|me|us|to|a|an|in|on|at|for|not|one)\b)
        (?!(?:use|add|write|put|create|make|include|mention|leave|mix|hardcode|want|need|think|say|know|care|like|see|have|be|do|let|get|go|run|touch|forget|worry|bother|change|ask|show|push|keep)\b)[a-z][\w-]*
    | keine?[nmrs]?\s+\w | \w+\s+(?:bitte\s+)?keine?[nmrs]?\s+\w | pas\s+d['’e] | (?:nada|niente|nulla|niets)\s+(?:de\s+|di\s+)?\w | (?:sin|sem|senza|sans|ohne|zonder|без|geen)\s+\w | никак\w+\s+\w
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""A rule whose object has no article or pointer: "no emojis", "don't add comments", "keine Emojis"."""

_HEAD = re.compile(
    r"""(?:(?:you|we|and|but|please|so)\s+)*(?:(?:must|should|need\ to|have\ to)\s+)?(?:always|never(?!\s+mind)|do(?:n['’]?t|\ not)\ ever)\s+(?!been\b|was\b|had\b|works?\b|the\ same)
    | make\ sure\ (?:you\ |to\ |that\ you\ )*(?:always|never)\b
    | (?:use|write|put|keep|add|run|name|quote|cite|show|say|give|ask|read|check)\b.{0,120}\balways$
    | (?:siempre|nunca|jam[áa]s)\s+(?!\w+[ae]\s+(?:el|la|los|las|lo|un)\b) | (?!la\b|el\b|los\b|las\b|se\b|me\b|esto\b|est[ae]\b)(?:no\s+)?\w+\s+(?:siempre|nunca|jam[áa]s)\b
    | (?:immer|nie|niemals|stets)\s | (?!ist|sind|war|wird|es|das|die|der|da|ich|er|sie)\w+\s+(?:bitte\s+|hier\s+)?(?:immer|nie|niemals|stets)\b | (?!es|das|ist)\w+\s+(?:immer|nie)\s+(?:\w+\s+){0,3}\w+(?:en|ern|eln)$
    | (?:toujours|jamais)\s | (?!c['’]est|est|il|ça|la|le|ce)\w+\s+toujours\b | n(?:e\s+|['’])(?!a\b|est\b)\w+\s+jamais\b
    | (?:sempre|jamais|nunca)\s+(?!\w+[ae]\s+(?:o|a|os|as|il|lo|la|gli)\b) | (?!é|está|foi|è|ha|a|o|il|la|lo)\w+\s+sempre\b | non\s+\w+\s+mai\b
    | (?:всегда|никогда)\s+(?!выход|появля|получа|падает) | (?!он|она|это|таблица)\w+\s+(?:всегда|никогда)\b
    | (?:altijd|nooit)\s | (?!er|het|de|dat|is|ik)\w+\s+(?:dan\s+|hier\s+)?(?:altijd|nooit)\b
    | (?:her\ zaman|asla|mutlaka|daima)\s | (?:لا\s+)?\w+\s+(?:\w+\s+)?(?:دائم|أبد|ابد)\w* | (?:हमेशा|कभी)\s
    | (?:请|你)?(?:总是先|永远不|永远|始终|绝不|绝对不|决不|务必|一定要|一律|统一|任何时候|无论如何)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HEAD_RUN = re.compile(
    r"(?:必ず|常に|絶対に?|決して|いつも|毎回|항상|반드시|절대로?|언제나|꼭)|一律|必须先|हमेशा|हर\s"
)
_WISH_RUN = re.compile(
    r"(?:くだ|下)さい|ないで|すること|しろ|するな|して[。！!]?$|使って|書いて|ように|세요|십시오|마라|말 것|합니다|해야|用|先|(?:ो|ें|िए|ना|है|हैं)[।!]?$"
)
"""In Chinese, Japanese, Korean and Hindi the verb, and so the wish, may come last."""

_ORDERS = {
    "means", "prohibition", "negated verb", "no", "taste", "should", "change", "lasting", "working", "enough", "always", "every", "must",
    "our way", "limit", "instead", "from now on",
}  # fmt: skip
"""A sentence that starts with none of these tells something, and the same words weigh differently in it."""

_PAIRS = (
    ("always at the head", "practice"),
    ("always at the head", "working"),
    ("always", "working"),
    ("always", "practice"),
    ("every", "must"),
    ("every", "prohibition"),
    ("condition", "working"),
    ("condition", "prohibition"),
    ("prohibition", "practice"),
    ("prohibition", "working"),
    ("means", "practice"),
    ("instead", "means"),
    ("negated verb", "practice"),
    ("bare object", "prohibition"),
    ("bare object", "practice"),
    ("at hand", "product"),
    ("at hand", "prohibition"),
    ("at hand", "practice"),
    ("our way", "at hand"),
    ("said before", "working"),
    ("taste", "practice"),
    ("must", "practice"),
    ("definite", "product"),
    ("no need", "our way"),
    ("tells", "our way"),
)
"""Features of the rule that mean more, or less, together."""


def features(text: str, quote: str, rule: str) -> dict[str, float]:
    """Every feature of a sentence as a rule that is not 0.

    Args:
        text: All that the person said in the turn.
        quote: The span of it that may hold the rule.
        rule: The same, trimmed.
    """
    names = _rule(quote, tokens(rule), rule)
    if meant_to_last(text, quote, rule):
        names.add(SAYS_SO)
    if reads_like_a_norm(text, quote, rule):
        names.add("rule: reads like a norm")
    return {"bias": 1.0} | dict.fromkeys(sorted(names), 1.0)


def around(text: str, quote: str = "") -> dict[str, float]:
    """Every feature of what stands around a rule that is not 0.

    Args:
        text: All that the person said in the turn.
        quote: The span of it that holds the rule; empty where no sentence can be one.
    """
    rest = text[:HEARD].replace(quote, " ", 1) if quote else text[:HEARD]
    words = tokens(rest)
    names = {f"around: {name}" for name in _near(text, quote)}
    names |= {f"around: {name}" for name in _AROUND_SAID & classes(words).keys()}
    if "?" in rest or "？" in rest:
        names.add("around: asks")
    if len(words) > 40:
        names.add("around: long")
    if len(_ITEM.findall(rest)) >= LISTED:
        names.add("around: a list")
    found = dict.fromkeys(sorted(names), 1.0)
    if quote:
        own = len(tokens(quote))
        return found | {"rule: share of the turn": round(own / (own + len(words)), 2)}
    return {"bias": 1.0, "rule: none": 1.0} | found


def _near(text: str, quote: str) -> set[str]:
    """A scope in time, or a reminder, close to the rule."""
    at = text.find(quote)
    near = text[max(0, at - NEAR) : at] + " " + text[at + len(quote) :][:NEAR]
    return _AROUND & _WISHED.find(tokens(near)).keys()


def _rule(quote: str, words: list[str], rule: str) -> set[str]:
    """The classes of words of the sentence, those that it starts with, its form, and the pairs among them."""
    lead = 6 if wide(rule) else 2
    heard = classes(words)
    starts = {name for name, at in heard.items() if at < lead}
    starts |= {name for name, at in _WISHED.find(words[: lead + LONGEST_PHRASE]).items() if at < lead}
    holds = {*_WISHED.find(tokens(quote)), *heard} - {"asks"}
    size = (len(words) or 1) * (0.6 if wide(rule) else 1.0)
    holds |= {name for name, true in _form(rule, size).items() if true}
    holds |= {f"{a} + {b}" for a, b in _PAIRS if {a, b} <= holds}
    mood = "rule" if starts & _ORDERS else "told"
    names = {f"{mood}: {name}" for name in holds} | {f"{mood}: starts {name}" for name in starts}
    return names | {ONLY_TOLD} if mood == "told" else names


def _form(rule: str, size: float) -> dict[str, bool]:
    return {
        "short": size <= 5,
        "long": size > 22,
        "one clause": not re.search(r"[,;:，；：、]", rule),
        "number": bool(re.search(r"\d", rule)),
        "always at the head": bool(_HEAD.match(rule) or (_HEAD_RUN.search(rule) and _WISH_RUN.search(rule))),
        "bare object": bool(_BARE.match(rule)),
        "names a guide": bool(_GUIDE.search(rule)),
        "names a source file": bool(_SOURCE.search(rule)),
        "names a file": bool(_FILE.search(rule)) and not _GUIDE.search(rule) and not _SOURCE.search(rule),
        "names a thing": bool(_NAME.search(rule)),
        "quotes something": bool(_QUOTED.search(rule)),
    }
