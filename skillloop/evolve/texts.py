"""Candidates are whole texts of one SKILL.md: what of it may change, by which operators, and the edits that lead to one.

An operator sees list items that stand on one line, in lists of rules, and that the person's constraints let go: a locked or
protected line is never offered. The operators here need no model, and lose nothing silently: what is dropped is said by
another line, or says nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import permutations, zip_longest
from typing import NamedTuple

from skillloop import gate
from skillloop.config.sections import Config
from skillloop.errors import SkillloopError
from skillloop.gate.fidelity import technical
from skillloop.gate.input import lines_of
from skillloop.model import Edit, Outcome
from skillloop.skills import document, placement
from skillloop.text import words
from skillloop.text.contradiction import contradict
from skillloop.text.lexicon import expression

NEAR = 0.5  # similarity from which of two rules one may say all that the other does


@dataclass(frozen=True, slots=True)
class Draft:
    """A new text, and how it was made."""

    text: str
    operator: str
    what: str  # one line for a person
    by: str = "evolve"  # its drafter: with back end, model and prompt, where a model worded it
    changes: tuple[tuple[str, str], ...] = ()  # those that made it of its parent: operator and what
    refused: str = ""  # why it is not to be measured


class Item(NamedTuple):
    """A rule that may change: its 0-based line, its marker and its text."""

    line: int
    marker: str
    text: str


def offered(text: str, config: Config) -> list[Item]:
    """Return the rules of a SKILL.md that an operator may see, from top to bottom."""
    skill, found = document.parse(text), []
    for listed in placement.lists(text):
        for item in listed.items if placement.holds_rules(listed) else ():
            match = document.ITEM.match(skill.lines[item.line].rstrip("\r\n"))
            if match and skill.item_end(item.line) == item.line + 1:
                without = changed(text, {item.line: []})
                if gate.compare(text, without, config).outcome is not Outcome.DISCARD:
                    found.append(Item(item.line, match["marker"], match["text"]))
    return found


def changed(text: str, lines: Mapping[int, Sequence[str]]) -> str:
    """Return a text in which other lines stand in the place of these, by their 0-based number; [] is none."""
    skill = document.parse(text)
    new = {n: "".join(row + skill.newline for row in rows) for n, rows in lines.items()}
    return "".join(new.get(n, old) for n, old in enumerate(skill.lines))


# --- operators that need no model -------------------------------------------------------------------------------------


def merged(text: str, items: Sequence[Item]) -> Iterator[Draft]:
    """Yield the text without a rule that another one says, too: no word, name or figure of it is lost."""
    for keep, drop in permutations(items, 2):
        near = words.alike(keep.text, drop.text, NEAR) and not contradict(keep.text, drop.text)
        said = words.content_words(drop.text) <= words.content_words(keep.text)
        equal = words.content_words(drop.text) == words.content_words(keep.text) and drop.line < keep.line
        if near and said and not equal and set(technical(drop.text)) <= set(technical(keep.text)):
            yield Draft(changed(text, {drop.line: []}), "merge", f"{keep.text!r} says {drop.text!r}, too")


def shortened(text: str, items: Sequence[Item]) -> Iterator[Draft]:
    """Yield the text with one rule without what says nothing: "remember to", "please"."""
    for item in items:
        said = item.text.split(" ")
        while len(said) > 2 and (size := _filler(said)):
            said = said[size:]
        while len(said) > 2 and expression("(?:<gate.tail>)$").match(words.fold(said[-1].rstrip(".!,"))):
            said = [*said[:-2], said[-2].rstrip(",") + "." * said[-1].endswith(".")]
        new = " ".join(said)
        new = new[:1].upper() + new[1:] if item.text[:1].isupper() else new
        before, after = ((words.polarity(each), technical(each)[-9:]) for each in (item.text, new))
        if len(new) < len(item.text) and before == after:
            without = changed(text, {item.line: [item.marker + new]})
            yield Draft(without, "shorten", f"{item.text!r} in fewer words")


def _filler(said: Sequence[str]) -> int:
    """Return how many of the first words only say that something is asked for."""
    for size in range(min(6, len(said) - 2), 0, -1):
        lead = words.fold(" ".join(said[:size])).rstrip(",:")
        if expression("(?:<gate.lead>)$").match(lead) and not words.polarity(lead):
            return size
    return 0


OFFLINE = {"merge": merged, "shorten": shortened}

# --- from two texts to edits --------------------------------------------------------------------------------------------


def edits_between(base: str, text: str, cites: Mapping[str, Sequence[str]]) -> tuple[Edit, ...]:
    """Return edits of single list items from one text to another, or (); `cites` has the evidence's ids of the base's rules."""
    rows, new, made = lines_of(base), lines_of(text), list[Edit]()
    blocks = SequenceMatcher(None, rows, new, autojunk=False).get_opcodes()
    try:
        for _, start, end, first, last in [each for each in blocks if each[0] != "equal"][::-1]:
            pairs = enumerate(zip_longest(rows[start:end], new[first:last]))
            for n, (gone, line) in [*pairs][::-1]:  # from below: what is above keeps its number
                at = end - 1 if gone is None else start + n
                skill = document.parse("\n".join(rows))
                heading = skill.section_at(max(at, skill.body)).heading
                above = rows[at] if gone is None else None
                matches = (document.ITEM.match(each) for each in (gone, line) if each is not None)
                about = (cites.get(match["text"], ()) for match in matches if match)
                ids = tuple(dict.fromkeys(name for each in about for name in each))
                nth = skill.items_like(heading, above).index(at) if above else 0
                rest = (heading, gone, line, ids, above, nth)
                made += [Edit("delete" if line is None else "insert" if gone is None else "replace", *rest)]
                rows[at : at + 1] = [each for each in (above, line) if each is not None]
        return tuple(made) if document.apply(base, made) == text else ()
    except (SkillloopError, ValueError, IndexError):
        return ()
