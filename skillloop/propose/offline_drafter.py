"""From a lesson to the smallest edit that would have prevented it.

The offline drafter uses the person's own words and needs no model: the lesson becomes one bullet. It looks, in this
order, for a rule that says the same already (a *recurrence*: nothing is added), for a rule that the lesson
contradicts (that line is replaced), and for the list that the lesson fits best (it is appended there), else it goes
under the heading for learned rules. Numbered lists are steps, not rules, and are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from skillloop.model import Edit, Lesson, Proposal, sha256
from skillloop.skills import document
from skillloop.skills.document import LEARNED, Bullet, Section, SkillFile
from skillloop.text import lexicon, words

SAME = 0.75
"""Similarity from which two rules with the same polarity say the same."""

CONTAINED = 0.6
"""Share of a clause's content words that a rule must hold for the clause to speak about that rule."""

FITS = 0.2
"""Share of a lesson's content words that a list's text must hold for the lesson to belong there."""

_CLAUSE = re.compile(r"\s*(?:[;:.!?。！？；，,]+|\s[-–—]+\s)\s*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The rule is there already: in the skill, at its 1-based line, or in a proposal that waits (line 0)."""

    lesson: Lesson  # that met it again
    path: str
    line: int
    rule: str
    proposal: str | None = None  # id of the one that waits


def draft(lesson: Lesson, text: str, path: str, *, avoid: Collection[str] = ()) -> Proposal | Recurrence:
    """Draft the edit that a lesson asks for.

    Args:
        lesson: What was taught.
        text: The SKILL.md as it is now.
        path: Its absolute path.
        avoid: Headings to draft nothing under, case-insensitively (the person protects them).

    Raises:
        SkillFormatError: `text` is not a SKILL.md.
    """
    line = " ".join(lesson.text.split())
    skill = document.parse(text, path)
    avoided = {heading.casefold() for heading in avoid}
    rules = [
        (section, bullet)
        for section in skill.sections
        if (section.heading or "").casefold() not in avoided
        for bullet in section.bullets
        if not re.search(r"\d", bullet.marker)
    ]
    for _, bullet in rules:
        if (
            words.similarity(line, bullet.text) >= SAME
            and words.polarity(line) == words.polarity(bullet.text)
            and sorted(_NUMBER.findall(line)) == sorted(_NUMBER.findall(bullet.text))
        ):
            return Recurrence(lesson, path, bullet.line + 1, bullet.text)
    edit, why = _replacement(skill, line, rules) or _insertion(skill, line, rules)
    return proposal(lesson, text, path, (replace(edit, evidence=(lesson.id,)),), why, "offline")


def proposal(
    lesson: Lesson, text: str, path: str, edits: tuple[Edit, ...], why: str, drafter: str
) -> Proposal:
    """Return a proposal that answers a lesson with these edits to a text."""
    return Proposal(
        id=proposal_id(path, edits),
        skill=lesson.skill.name if lesson.skill else Path(path).parent.name,
        path=path,
        base=sha256(text),
        edits=edits,
        evidence=(lesson.evidence,),
        rationale=why,
        drafter=drafter,
        session_id=lesson.evidence.session_id,
        look=lesson.look,
    )


def proposal_id(path: str, edits: tuple[Edit, ...]) -> str:
    """Return twelve hex digits that depend on what is changed and on what evidence, not on when or on which base."""
    return sha256(repr((path, edits)))[:12]


def _replacement(
    skill: SkillFile, lesson: str, rules: list[tuple[Section, Bullet]]
) -> tuple[Edit, str] | None:
    """Replace the one-line rule that the lesson contradicts, unless that would lose what else the rule says."""
    for section, bullet in rules:
        about = words.content_words(bullet.text)
        loses = len(about - words.content_words(lesson)) > max(1, len(about) // 2)
        if bullet.end == bullet.line + 1 and not loses and _contradicts(lesson, bullet.text):
            old = skill.lines[bullet.line].rstrip("\r\n")
            edit = Edit("replace", section.heading, old, bullet.marker + lesson)
            return edit, f"line {bullet.line + 1} says the opposite of what the person asked for"
    return None


def _contradicts(lesson: str, rule: str) -> bool:
    """Return whether a clause of the lesson speaks of the rule with the other polarity, or with another number."""
    ruled = words.content_words(rule)
    for clause, negated in _clauses(lesson):
        about = words.content_words(clause)
        if (
            about
            and len(about & ruled) >= CONTAINED * len(about)
            and negated != ("not" in words.polarity(rule))
        ):
            return len(about & ruled) >= 2 or len(ruled) <= 4
    return (
        words.similarity(_NUMBER.sub(" ", lesson), _NUMBER.sub(" ", rule)) >= SAME
        and bool(_NUMBER.search(rule))
        and _NUMBER.findall(lesson) != _NUMBER.findall(rule)
        and words.polarity(lesson) == words.polarity(rule)
    )


def _clauses(lesson: str) -> Iterator[tuple[str, bool]]:
    """Yield the lesson's clauses, each with whether it is negated; what follows "instead of" counts as negated."""
    before = lexicon.alternatives("clause.instead before")
    instead = lexicon.pattern("clause.instead", f"{lexicon.WHOLE}|{before}")
    for clause in _CLAUSE.split(lesson):
        wanted, *unwanted = instead.split(clause)
        if wanted.strip():
            yield wanted, "not" in words.polarity(wanted)
        for part in unwanted:
            yield part, True


def _insertion(skill: SkillFile, lesson: str, rules: list[tuple[Section, Bullet]]) -> tuple[Edit, str]:
    """Append to the list that shares the most of the lesson's words, else to the learned rules."""
    lists = {section.start: section for section, _ in rules}.values()
    best = max(lists, key=lambda section: _fit(section, lesson), default=None)
    if best is not None and _fit(best, lesson) >= FITS:
        marker = next(b.marker for b in reversed(best.bullets) if not re.search(r"\d", b.marker))
        edit = Edit("insert", best.heading, new=marker + lesson)
        return edit, f"the list under {best.heading!r} fits it best"
    marker = next((section.marker for section in skill.named(LEARNED)), "- ")
    return Edit("insert", LEARNED, new=marker + lesson), "no list of this skill is about it"


def _fit(section: Section, lesson: str) -> float:
    """Return the share of the lesson's content words in the section; a word of the heading counts twice."""
    about = words.content_words(lesson)
    if not about or section.heading is None:
        return 0.0
    heading = words.content_words(section.heading)
    text = frozenset[str]().union(*(words.content_words(bullet.text) for bullet in section.bullets))
    return (len(about & (text | heading)) + len(about & heading)) / len(about)
