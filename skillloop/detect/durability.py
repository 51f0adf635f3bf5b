"""Compute what speaks for a rule being durable, as named numbers: in its sentence, and around it in the turn.

"Always run the linter" is a rule, "it always fails" is not, and "make this one bigger" is for today: no single word decides.
So the classes of words (`data/lang`), where they stand, the form of the sentence and a few pairs become features, the
same in every language; their weights are learned (`features`), and the sum is the log-odds that the rule is durable.

Everywhere `text` is all that the person said in the turn, `quote` the span of it that may hold the rule, and `rule` the
same, trimmed.
"""

import re
from collections.abc import Mapping, Sequence

from skillloop.detect.features import PERSON, learned, pairs, patterns, sigmoid
from skillloop.text import lexicon
from skillloop.text.lexicon import Phrases, tokens, wide

_REQUEST = Phrases("wished")  # the classes of words in which people ask for something

EXPLICIT = "rule: says that it lasts"
"""The feature of a rule of which the person says themselves that it is for good."""

NORM = "rule: reads like a norm"
"""The feature of a rule that has the form of one, and points at nothing of the moment."""

SHALL = {"rule: should", "told: should"}
"""The features of a sentence that says how something shall be: nobody orders one piece of work so."""

STATEMENT = "told: only told"
"""The feature of a sentence that starts like no order: most such tell how things are."""

WINDOW = 1500  # characters of a turn that are looked at around the rule
NEAR = 120  # characters before and after a rule in which "from now on" and "I told you" are about it
LISTED = 3  # items from which a turn holds a list: of tasks, findings or a specification

_NEAR_CLASSES = {"from now on", "said before"}
_AROUND_CLASSES = {"fault", "temper", "broken", "asks why", "new work", "go on", "pleased"}
"""Classes that tell also where they stand outside the rule."""

_ITEM = re.compile(r"^[ \t]*(?:[-*•+]|\d+[.)])[ \t]", re.MULTILINE)
_FORMS_AT_HAND = re.compile(r"\d{3,}|[a-z]\.[a-z]+\(|\w/\w+\.\w", re.IGNORECASE)


def chances(turn: Mapping[str, float], rules: Sequence[Mapping[str, float]]) -> list[float]:
    """Return the chance, 0 to 1, that each rule of a turn is durable, by its features and the turn's; the bias counts once."""
    lesson = learned().lesson
    known = lesson.score({name: value for name, value in turn.items() if name != "bias"}) if rules else 0.0
    return [sigmoid(known + lesson.score(rule)) for rule in rules]


def features(text: str, quote: str, rule: str) -> dict[str, float]:
    """Return every feature of a sentence as a rule that is not 0: its words, those that it starts with, its form, pairs."""
    words = tokens(rule)
    lead, token_size = (6, 0.6) if wide(rule) else (2, 1.0)
    classes, asked, said = PERSON.find(words), _REQUEST.find(words), tokens(quote)
    starts = {name for found in (classes, asked) for name, at in found.items() if at < lead}
    contains = {*(asked if said == words else _REQUEST.find(said)), *classes} - {"asks"}
    contains |= {name for name, pattern in patterns("rule").items() if pattern.search(rule)}
    if contains & {"names a guide", "names a source file"}:
        contains.discard("names a file")
    size = (len(words) or 1) * token_size
    form = {
        "short": size <= 5,
        "long": size > 22,
        "one clause": not re.search(r"[,;:，；：、]", rule),
        "always at the head": _always(rule, "rule.head", "rule.wish"),
        "bare object": lexicon.finder("rule.bare object").match(rule),
    }
    contains |= {name for name, true in form.items() if true}
    contains |= set(pairs("rule-pairs", contains))
    mood = "told" if starts.isdisjoint(lexicon.table("detector")["orders"]["classes"]) else "rule"
    names = {f"{mood}: {name}" for name in contains} | {f"{mood}: starts {name}" for name in starts}
    if mood == "told":
        names.add(STATEMENT)
    if is_explicit(text, quote, rule):
        names.add(EXPLICIT)
    if reads_like_a_norm(text, quote, rule):
        names.add(NORM)
    return {"bias": 1.0} | dict.fromkeys(sorted(names), 1.0)


def surrounding_features(text: str, quote: str = "") -> dict[str, float]:
    """Return every feature of what stands around a rule that is not 0. The quote is empty where no sentence can be one."""
    at = text.find(quote)
    near = text[max(0, at - NEAR) : at] + " " + text[at + len(quote) :][:NEAR]
    rest = text[:WINDOW].replace(quote, " ", 1) if quote else text[:WINDOW]
    words = tokens(rest)
    classes = _NEAR_CLASSES & _REQUEST.find(tokens(near)).keys() | _AROUND_CLASSES & PERSON.find(words).keys()
    names = {f"around: {name}" for name in classes}
    if "?" in rest or "？" in rest:
        names.add("around: asks")
    if len(words) > 40:
        names.add("around: long")
    if len(_ITEM.findall(rest)) >= LISTED:
        names.add("around: a list")
    present = dict.fromkeys(sorted(names), 1.0)
    if quote:
        own = len(tokens(quote))
        return present | {"rule: share of the turn": round(own / (own + len(words)), 2)}
    return {"bias": 1.0, "rule: none": 1.0} | present


def _always(rule: str, adverb: str, wish: str) -> bool:
    """Return whether "always" is at the head of a rule, or anywhere in a language that puts the verb, and so the request, last."""
    if lexicon.finder(adverb).match(rule):
        return True
    return bool(lexicon.finder(f"{adverb} anywhere").search(rule) and lexicon.finder(wish).search(rule))


def is_explicit(text: str, quote: str, rule: str) -> bool:
    """Return whether a person's own words say that a rule is for good: "from now on", "never", "house rule: …".

    "Always run the linter" is a rule, "it always fails" is not; so each expression is tied to where it stands: the scope
    in time anywhere in the sentence, the adverb at the head of the rule or right behind its first word, the reminder
    only before a rule that reads like one.
    """
    sentence = sentence_of(text, quote)
    commands = lexicon.finder("lasting.command", r"(?:please\s+)?<all>(?!\w)").match(rule)
    return bool(
        announced(sentence)
        or (".md" in sentence and lexicon.pattern("lasting.recorded").search(sentence))
        or lexicon.finder("lasting.from now on", lexicon.WHOLE).search(sentence)
        or _always(rule, "lasting.adverb", "lasting.wish")
        or lexicon.finder("lasting.enough", r"<spaced>(?!\w)").match(sentence.strip())
        or lexicon.finder("lasting.enough", "<dense>").search(sentence)
        or (commands and lexicon.whole("lasting.custom").search(sentence))
        or (commands and lexicon.whole("lasting.reminder").search(sentence))
        or lexicon.finder("lasting.reminder", "<dense>").search(sentence)
    )


def announced(sentence: str) -> bool:
    """Return whether a sentence starts by saying that a rule comes, or something to remember."""
    return bool(lexicon.finder("lasting.marked", r"\W*<all>").match(sentence))


def reads_like_a_norm(text: str, quote: str, rule: str) -> bool:
    """Return whether a rule has the form of one, and nothing in its sentence points at the moment; see `is_explicit`."""
    if not lexicon.finder("lasting.norm").match(rule):
        return False
    sentence, at_hand = sentence_of(text, quote), lexicon.finder("lasting.at hand", lexicon.WHOLE)
    return not (at_hand.search(sentence) or _FORMS_AT_HAND.search(sentence))


def sentence_of(text: str, quote: str, reach: int = NEAR) -> str:
    """Return the quote with what stands before it in its sentence, where "from now on" and "I told you to" are."""
    at = max(text.find(quote), 0)
    before = re.split(r"[.!?؟।](?=\s)|[。！？\n]", text[max(0, at - reach) : at])[-1]
    return before + quote
