"""Free labels: an edit that does just what was said, and the same edit with a defect put into it.

The person's words are a rule that a skill already has; the sound edit brings it back into the text without it. A judge should
take the sound one and not the other (after Self-Taught Evaluators, arXiv 2408.02666). It works in every language that skillloop
knows the negations of, and needs no model. Invariant: judges are chosen by the kinds in `TUNED` alone.
"""

import random
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from skillloop.config.sections import Sources
from skillloop.gate.mentions import SourceRules, known, mentions, plain
from skillloop.skills import document
from skillloop.text import lexicon, words
from skillloop.text.contradiction import contradict, instructs

TUNED = ("deleted", "polarity", "bloat")
UNSEEN = ("contradiction", "source", "scope")
KINDS = (*TUNED, *UNSEEN)
LEAST, MOST = 4, 60  # words of a rule that is used
BLOAT = 3  # further lines that say again what is there
EACH = 70  # of one skill, at most
_CONDITION = ("if", "before", "after", "except", "without")


class Example(NamedTuple):
    """An edit whose worth is known."""

    said: tuple[str, ...]  # the person's words
    old: str
    new: str
    wanted: bool
    kind: str = ""  # of its defect
    edit: str = ""  # id of the proposal, where a person decided it
    why: str = ""  # they turned it down


def examples(text: str, seed: str) -> Iterator[Example]:
    """Yield each rule's sound edit and one with each defect that fits, in an order drawn. Raises SkillFormatError: no SKILL.md."""
    skill, draw = document.parse(text), random.Random(seed)
    found = [
        (at, match["text"])
        for at, line in document.visible(skill.lines, skill.body)
        if (match := document.ITEM.match(line)) and LEAST <= len(words.tokens(match["text"])) <= MOST
    ]
    rules = [(at, rule) for at, rule in found if instructs(rule)]
    negator = next((start for _, rule in rules if (start := _negator(rule))), "")
    for at, said in draw.sample(rules, len(rules)):
        old, sound = (dict(enumerate(skill.lines)) for _ in range(2))
        del old[at]
        before = "".join(old.values())
        yield Example((said,), before, text, wanted=True)
        others = draw.sample(rules, len(rules))
        for kind in KINDS:
            near = [(at, said), *others] if kind in ("polarity", "scope", "source", "bloat") else others
            for spot, rule in near:
                more = [other for _, other in others if other not in (rule, said)]
                put = _damaged(kind, rule, negator, more)
                if put is not None and (spot != at or kind != "deleted"):
                    marker = skill.lines[spot][: skill.lines[spot].index(rule)]
                    lines = "".join(f"{marker}{line}{skill.newline}" for line in put)
                    worse = "".join((sound | {spot: lines}).values())
                    yield Example((said,), before, worse, wanted=False, kind=kind)
                    break


def _damaged(kind: str, rule: str, negator: str, others: Sequence[str]) -> list[str] | None:
    """Return the lines in place of a rule, or None where this defect does not fit it."""
    if kind == "deleted":
        return []
    if kind == "bloat":
        return [rule, *others[:BLOAT]] if len(others) >= BLOAT else None
    if kind == "source":
        named = {each.label for each in mentions(plain(rule), SourceRules(Sources()))}
        more = next(each.hosts[0] for each in known().values() if each.label not in named and not each.tool)
        return [f"{rule.rstrip('.')}, {more}"] if named else None
    if kind == "scope":
        keys = "|".join(lexicon.whole(f"polarity.{name}").pattern for name in _CONDITION)
        wider = re.sub(rf"\s+(?:{keys})[^.,;:()。，；：]*", "", rule, count=1, flags=re.IGNORECASE)
        return [wider] if wider != rule and len(words.tokens(wider)) >= LEAST - 1 else None
    if start := _negator(rule):
        opposite = rule[len(start) :].lstrip()
        opposite = opposite[:1].upper() + opposite[1:]
    elif match := lexicon.whole("polarity.not").search(rule):
        opposite = f"{rule[: match.start()]}{rule[match.end() :].lstrip()}"
    else:
        opposite = f"{negator} {rule[:1].lower()}{rule[1:]}" if negator else rule
    found = [opposite] if kind == "polarity" else [rule, opposite]
    return found if contradict(rule, opposite) else None


def _negator(rule: str) -> str:
    """Return how a rule begins that forbids, up to its negation: "Never", "Do not"; "" for others."""
    match = lexicon.whole("polarity.not").search(rule)
    begins = match and match.start() <= 3 and instructs(rule[match.end() :].lstrip())
    return rule[: match.end()] if match and begins else ""


@lru_cache(maxsize=8)
def pool(texts: tuple[str, ...]) -> list[Example]:
    """Return the examples of some skills, some of each; what is no SKILL.md gives none."""
    made: list[Example] = []
    for number, text in enumerate(texts):
        with suppress(document.SkillFormatError):
            made += islice(examples(text, str(number)), EACH)
    return made


def drawn(texts: Sequence[str], kinds: Sequence[str], count: int) -> list[Example]:
    """Return so many of them, half of them sound and the others of these kinds, always the same ones."""
    made, draw = pool(tuple(texts)), random.Random(count)
    rows = {kind: [each for each in made if each.kind == kind] for kind in ("", *kinds)}
    most = {"": (count + 1) // 2} | {kind: -(-count // 2 // len(kinds)) for kind in kinds}
    return [one for kind, row in rows.items() for one in draw.sample(row, min(len(row), most[kind]))]
