"""Candidates are whole texts of one SKILL.md: what of it may change, by which operators, and the edits that lead to one.

An operator sees list items that stand on one line, in lists of rules, and that the person's constraints let go: a locked or
protected line is never offered. The operators here need no model, and lose nothing silently: what is dropped is said by
another line, or says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

from skillloop import gate
from skillloop.config import Config
from skillloop.errors import SkillloopError
from skillloop.gate.fidelity import technical
from skillloop.gate.input import lines_of
from skillloop.model import Edit, Outcome
from skillloop.skills import document, placement
from skillloop.text import words
from skillloop.text.contradiction import contradict
from skillloop.text.lexicon import expression

NEAR = 0.5
"""Similarity from which of two rules one may say all that the other does."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A new text, and how it was made."""

    text: str
    operator: str
    what: str  # one line for a person
    by: str = "evolve"  # its drafter: with back end, model and prompt, where a model worded it
    changes: tuple[tuple[str, str], ...] = ()  # those that made it of its parent: operator and what
    refused: str = ""  # why it is not to be measured


@dataclass(frozen=True, slots=True)
class Item:
    """A rule that may change: its 0-based line, the number of its list, its marker and its text."""

    line: int
    group: int
    marker: str
    text: str


def offered(text: str, config: Config) -> list[Item]:
    """Return the rules of a SKILL.md that an operator may see, from top to bottom."""
    skill, found = document.parse(text), []
    for group, listed in enumerate(placement.lists(text)):
        for item in listed.items if placement.holds_rules(listed) else ():
            match = document.ITEM.match(skill.lines[item.line].rstrip("\r\n"))
            if match and skill.item_end(item.line) == item.line + 1:
                without = changed(text, {item.line: []})
                if gate.compare(text, without, config).outcome is not Outcome.DISCARD:
                    found.append(Item(item.line, group, match["marker"], match["text"]))
    return found


def changed(text: str, lines: Mapping[int, Sequence[str]]) -> str:
    """Return a text in which other lines stand in the place of these, by their 0-based number; [] is none."""
    skill = document.parse(text)
    rows = (
        [row + skill.newline for row in lines[n]] if n in lines else [old]
        for n, old in enumerate(skill.lines)
    )
    return "".join(row for each in rows for row in each)


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
        same = (
            words.polarity(new) == words.polarity(item.text)
            and technical(new)[-9:] == technical(item.text)[-9:]
        )
        if len(new) < len(item.text) and same:
            yield Draft(
                changed(text, {item.line: [item.marker + new]}), "shorten", f"{item.text!r} in fewer words"
            )


def _filler(said: Sequence[str]) -> int:
    """Return how many of the first words only say that something is asked for."""
    for size in range(min(6, len(said) - 2), 0, -1):
        lead = words.fold(" ".join(said[:size])).rstrip(",:")
        if expression("(?:<gate.lead>)$").match(lead) and not words.polarity(lead):
            return size
    return 0


def raised(text: str, items: Sequence[Item]) -> Iterator[Draft]:
    """Yield the text with one rule first in its list."""
    for item in items:
        first = next(other for other in items if other.group == item.group)
        if first.line < item.line:
            rows = [item.marker + item.text, first.marker + first.text]
            moved = changed(text, {first.line: rows, item.line: []})
            yield Draft(moved, "move up", f"{item.text!r} comes first")


OFFLINE = {"merge": merged, "shorten": shortened, "move up": raised}

# --- from two texts to edits --------------------------------------------------------------------------------------------


def edits_between(base: str, text: str, cites: Mapping[str, Sequence[str]]) -> tuple[Edit, ...]:
    """Return edits that lead from one text to another, or () where list items of single lines cannot.

    Args:
        base: The live text.
        text: The candidate.
        cites: Ids of the evidence that a rule of the base, without its marker, rests on.
    """
    rows, new, made, n = lines_of(base), lines_of(text), list[Edit](), 0

    def edit(gone: str | None, line: str | None, at: int, above: str | None = None) -> None:
        skill = document.parse("\n".join(rows))
        heading = skill.section_at(max(at, skill.body)).heading
        about = (cites.get(m["text"], ()) for x in (gone, line) if x and (m := document.ITEM.match(x)))
        ids = tuple(dict.fromkeys(name for each in about for name in each))
        nth = skill.items_like(heading, above).index(at) if above else 0
        op: Literal["insert", "replace", "delete"] = (
            "insert" if gone is None else "replace" if line else "delete"
        )
        made.append(Edit(op, heading, gone, line, ids, above, nth))

    def insert(line: str) -> None:
        if document.ITEM.match(rows[n - 1]):
            edit(None, line, n - 1, rows[n - 1])
        else:  # the first of its list: it takes the place of the next one, which goes below it
            below, rows[n] = rows[n], line
            edit(below, line, n)
            edit(None, below, n, line)
            rows.insert(n + 1, below)
            return
        rows.insert(n, line)

    try:
        while rows != new:
            here, line = (each[n] if n < len(each) else None for each in (rows, new))
            if here == line:
                n += 1
            elif here is not None and here not in new[n:]:
                stays = line is not None and line not in rows[n:]
                edit(here, line if stays else None, n)
                rows[n : n + 1] = [line] if stays and line else []
            else:
                assert line is not None
                if line in rows[n:]:  # it comes up
                    at = rows.index(line, n)
                    edit(line, None, at)
                    del rows[at]
                insert(line)
        return tuple(made) if document.apply(base, made) == text else ()
    except (SkillloopError, ValueError, IndexError):
        return ()
