"""What speaks for a wish that is meant to last, as named numbers: in the sentence that holds it, and around it in the turn.

"Always run the linter" is a rule, "it always fails" is not, and "make this one bigger" is for today: no single word decides.
So the classes of words (`data/lang`), where they stand, the form of the sentence and a few pairs become features, the
same in every language; their weights are learned (`classifier`), and the sum is the log-odds that the wish is durable.
"""

from __future__ import annotations

import re

from skillloop.detect.features import classes
from skillloop.text import lexicon
from skillloop.text.phrases import Phrases, tokens, wide

_WISHED = Phrases("wished")

EXPLICIT = "rule: says that it lasts"
"""The feature of a rule of which the person says themselves that it is for good."""

STATEMENT = "told: only told"
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
_FORMS_AT_HAND = re.compile(r"\d{3,}|[a-z]\.[a-z]+\(|\w/\w+\.\w", re.IGNORECASE)

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
        names.add(EXPLICIT)
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
    return names | {STATEMENT} if mood == "told" else names


def _form(rule: str, size: float) -> dict[str, bool]:
    return {
        "short": size <= 5,
        "long": size > 22,
        "one clause": not re.search(r"[,;:，；：、]", rule),
        "number": bool(re.search(r"\d", rule)),
        "always at the head": _always(rule, "rule.head", "rule.wish"),
        "bare object": bool(lexicon.pattern("rule.bare object").match(rule)),
        "names a guide": bool(_GUIDE.search(rule)),
        "names a source file": bool(_SOURCE.search(rule)),
        "names a file": bool(_FILE.search(rule)) and not _GUIDE.search(rule) and not _SOURCE.search(rule),
        "names a thing": bool(_NAME.search(rule)),
        "quotes something": bool(_QUOTED.search(rule)),
    }


def _always(rule: str, adverb: str, wish: str) -> bool:
    """Whether "always" is at the head of a rule, or anywhere in a language that puts the verb, and so the wish, last."""
    if lexicon.pattern(adverb).match(rule):
        return True
    return bool(lexicon.pattern(f"{adverb} anywhere").search(rule) and lexicon.pattern(wish).search(rule))


def meant_to_last(text: str, quote: str, rule: str) -> bool:
    """Say whether a person's own words mean a wish for good: "from now on", "never", "I told you", "we use".

    "Always run the linter" is a rule, "it always fails" is not; so each expression is tied to where it stands: the scope
    in time anywhere in the sentence, the adverb at the head of the rule or right behind its first word, the reminder
    only before a rule that reads like one.

    Args:
        text: All that they said in the turn.
        quote: The span of it that holds the wish.
        rule: The same, trimmed.
    """
    sentence = _sentence(text, quote)
    return bool(
        lexicon.whole("lasting.from now on").search(sentence)
        or _always(rule, "lasting.adverb", "lasting.wish")
        or lexicon.pattern("lasting.enough", r"<spaced>(?!\w)").match(sentence.strip())
        or lexicon.pattern("lasting.enough", "<dense>").search(sentence)
        or (
            lexicon.pattern("lasting.command", r"(?:please\s+)?<all>(?!\w)").match(rule)
            and (
                lexicon.whole("lasting.custom").search(sentence)
                or lexicon.whole("lasting.reminder").search(sentence)
            )
        )
        or lexicon.pattern("lasting.reminder", "<dense>").search(sentence)
    )


def reads_like_a_norm(text: str, quote: str, rule: str) -> bool:
    """Say whether a wish has the form of a rule, and nothing in its sentence points at the moment; see `meant_to_last`."""
    if not lexicon.pattern("lasting.norm").match(rule):
        return False
    sentence = _sentence(text, quote)
    return not (lexicon.whole("lasting.at hand").search(sentence) or _FORMS_AT_HAND.search(sentence))


def _sentence(text: str, quote: str) -> str:
    """The quote with what stands before it in its sentence, where "from now on" and "I told you to" are."""
    at = max(text.find(quote), 0)
    before = re.split(r"[.!?。！？\n]", text[max(0, at - 120) : at])[-1]
    return before + quote
