"""Check that what a skill says of a trusted source stays: every mention, its force, and the order of preference.

Order is read from the text: within each section, and over the whole file, the trusted sources appear in the order
in which the person prefers them. A mention inside a comment, struck out or in a fence says nothing to a reader, so
hiding one is removing it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from skillloop.gate.sources.mentions import mentions, plain
from skillloop.gate.sources.rules import Mention, SourceRules, phrases, squeezed
from skillloop.gate.sources.stance import Stance, stance
from skillloop.text import lexicon

_UNREAD = re.compile(
    r"<!--.*?(?:-->|\Z)|~~.{1,2000}?~~|<del>[^<]{0,2000}</del>|^(```|~~~).*?(?:^\1|\Z)",
    re.DOTALL | re.MULTILINE,
)
_HEADING = re.compile(r"#{1,6}\s")

_CONDITION = re.compile(r"\b(?:unless|only if)\b[^,.;:!?]*$")

MOST = 20  # mentions of a line that are weighed; no rule names more


class Found(NamedTuple):
    """The entry whose rule is broken ("" for none), why, whether that is certain (if not, a person decides), and the rule's key."""

    entry: str
    why: str
    hard: bool = True
    key: str = "sources.trusted"


def harm_to_trusted(
    base: str, text: str, rules: SourceRules, added: Sequence[str], removed: Sequence[str]
) -> Iterator[Found]:
    """Yield each way in which the change harms a trusted source."""
    if not rules.kept:
        return
    before, after = _outline(base, rules), _outline(text, rules)
    if before or any(_kept(plain(line), rules) for line in added):
        yield from _lost(before, after, rules)
        yield from _weakened(before, rules, added, removed)
        yield from _outranked(before, rules, added)
        yield from _undermined(base, text, rules, added)


def _outline(text: str, rules: SourceRules) -> list[tuple[str, str]]:
    """Return (heading, label) of each mention of a kept source that a reader sees, in order."""
    lines = ((heading, line) for heading, rows in _sections(_UNREAD.sub("", text)) for _, line in rows)
    return [(heading, m.label) for heading, line in lines for m in _kept(line, rules)]


def _kept(line: str, rules: SourceRules) -> list[Mention]:
    """Return the mentions of kept sources in a line, with a cheap first look."""
    if line not in rules.read:
        squeeze = squeezed(line)
        possible = any(needle in squeeze for needle in rules.needles)
        found = mentions(plain(line), rules) if possible else []
        rules.read[line] = [m for m in found if m.label in rules.kept or (m.host and rules.keeps(m.host))]
    return rules.read[line]


def _lost(before: list[tuple[str, str]], after: list[tuple[str, str]], rules: SourceRules) -> Iterator[Found]:
    """Yield mentions that are gone or out of order, and sources that stand where another stood first."""
    rest = iter(after)  # `in` consumes it: what comes after must go on from there
    missing = next((one for one in before if one not in rest), None)
    if missing is not None:
        label = missing[1]
        fewer = sum(name == label for _, name in after) < sum(name == label for _, name in before)
        why = f"a mention of {label} is removed" if fewer else f"{label} changes its place"
        yield Found(rules.entry(label), why)
        return
    for heading in dict.fromkeys(heading for heading, _ in before):
        old, new = (list(dict.fromkeys(n for h, n in side if h == heading)) for side in (before, after))
        if [name for name in new if name in old] != old or new[0] != old[0]:
            yield Found(rules.entry(old[0]), f"another source comes before {old[0]}")


def _weakened(
    before: list[tuple[str, str]], rules: SourceRules, added: Iterable[str], removed: Iterable[str]
) -> Iterator[Found]:
    """Yield lines that say less of a trusted source than the text did, or speak against it."""
    old = {mention.label: line.lower() for line in map(plain, removed) for mention in _kept(line, rules)}
    known = {label for _, label in before}
    for line in map(plain, added):
        for mention in _kept(line, rules)[:MOST]:
            label, said = mention.label, line.lower()
            way = stance(said, mention)
            if label in old and phrases("against").search(old[label]):
                way = Stance.FOR
            if way is not Stance.FOR:
                sure = way is Stance.AGAINST
                verb = "speaks" if sure else "may speak"
                yield Found(rules.entry(label), f"{verb} against {label}, which is trusted", hard=sure)
            elif label in known and (soft := _soft(said, mention) - _soft(old.get(label, ""))):
                why = f"softens what is said of {label}: {', '.join(sorted(soft))}"
                yield Found(rules.entry(label), why)
            elif label in old and phrases("force").search(old[label]) and not phrases("force").search(said):
                yield Found(rules.entry(label), f"takes the force out of what is said of {label}")


def _soft(line: str, mention: Mention | None = None) -> set[str]:
    """Return the weakening words of a line; verbs of permission count only where no word of force stands beside them.

    "Unless PubMed …" makes the source the condition of something else, and weakens that.
    """
    before = line[: mention.start] if mention else ""
    conditional = mention is not None and _CONDITION.search(before)
    words = set(phrases("soft").findall(line.replace(conditional[0], " ") if conditional else line))
    return words if phrases("force").search(line) else words | set(phrases("modal").findall(line))


def _outranked(before: list[tuple[str, str]], rules: SourceRules, added: Iterable[str]) -> Iterator[Found]:
    """Yield added lines that put a trusted source above one that the text, or else the person's list, prefers to it.

    One that the text has not named yet may be called first ("use the official docs first"): no stated order changes.
    """
    ranks = list(dict.fromkeys([*(label for _, label in before), *rules.kept]))
    stated = {label for _, label in before}
    for line in map(plain, added):
        if not phrases("lead").search(line):
            continue
        named = list(dict.fromkeys(m.label for m in _kept(line, rules)))
        places = [ranks.index(label) for label in named if label in ranks]
        if places != sorted(places):
            yield Found(rules.entry(ranks[min(places)]), f"puts {named[0]} above {ranks[min(places)]}")
            continue
        alone = len(places) == 1 and 0 < places[0] < len(stated)
        if alone and lexicon.whole("sources.first").search(line.lower()):
            yield Found(rules.entry(ranks[0]), f"puts {named[0]} above {ranks[0]}")


def _undermined(base: str, text: str, rules: SourceRules, added: Sequence[str]) -> Iterator[Found]:
    """Yield added lines that weaken trusted mentions beside them ("The sources below are optional."), or put a source above them."""
    fresh = set(added) - set(base.split("\n"))
    for heading, lines in _sections(text):
        old = ((at, _kept(line, rules)) for at, line in lines if line not in fresh)
        first, label = next(((at, found[0].label) for at, found in old if found), (-1, ""))
        if first < 0:
            continue
        for at, line in lines:
            if line not in fresh:
                continue
            said = plain(line)
            pointed = None if _kept(line, rules) else _points(said.lower())
            if pointed is not None:
                why = f"weakens what {heading.strip('# ') or 'the text'} says of {label}"
                yield Found(rules.entry(label), why, hard=pointed)
            elif at < first and mentions(said, rules):
                yield Found(rules.entry(label), f"another source comes before {label}")


def _sections(text: str) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Yield each heading with its numbered lines."""
    heading, lines = "", list[tuple[int, str]]()
    for at, line in enumerate(text.split("\n")):
        if _HEADING.match(line):
            yield heading, lines
            heading, lines = line.strip(), []
        lines.append((at, line))
    yield heading, lines


def _points(line: str) -> bool | None:
    """Return whether a line weakens its neighbours: True where it points at them, False where it may; None where it does not."""
    soft, against = phrases("soft").search(line), phrases("against").search(line)
    if lexicon.whole("sources.pointing").search(line) and (soft or against):
        return True
    return (False if soft or against else None) if lexicon.whole("sources.at large").search(line) else None
