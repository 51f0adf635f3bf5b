"""From a disagreement to the smallest edit that would have prevented it.

The offline drafter uses the person's own words and needs no model: the lesson becomes one bullet. It looks, in this
order, for a rule that says the same already (a *recurrence*: nothing is added), for a rule that the lesson
contradicts (that line is replaced), and for the list that the lesson fits best (it is appended there), else it goes
under the heading for learned rules. Numbered lists are steps, not rules, and are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from skillloop.model import Disagreement, Edit, Proposal, sha256
from skillloop.skills import document
from skillloop.skills.document import LEARNED, Bullet, Section, SkillFile
from skillloop.text import words

SAME = 0.75
"""Similarity from which two rules with the same polarity say the same."""

CONTAINED = 0.6
"""Share of a clause's content words that a rule must hold for the clause to speak about that rule."""

FITS = 0.2
"""Share of a lesson's content words that a list's text must hold for the lesson to belong there."""

_CLAUSE = re.compile(r"\s*(?:[;:.!?。！？；，,]+|\s[-–—]+\s)\s*")
_INSTEAD = re.compile(
    r"\b(?:instead of|rather than|en lugar de|en vez de|statt|anstatt|au lieu de|em vez de|ao invés de|invece di|вместо)\b"
    r"|而不是|代替|ではなく|の代わりに",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The rule is there already: in the skill, at its 1-based line, or in a proposal that waits (line 0)."""

    disagreement: Disagreement  # that met it again
    path: str
    line: int
    rule: str
    proposal: str | None = None  # id of the one that waits


def offline(
    found: Disagreement, text: str, path: str, *, avoid: Collection[str] = ()
) -> Proposal | Recurrence:
    """Draft the edit that `found.lesson` asks for.

    Args:
        found: A durable disagreement with a lesson and a skill.
        text: The SKILL.md as it is now.
        path: Its absolute path.
        avoid: Headings to draft nothing under, case-insensitively (the person protects them).

    Raises:
        SkillFormatError: `text` is not a SKILL.md.
        ValueError: the disagreement has no lesson or no skill.
    """
    if not found.lesson or found.skill is None:
        raise ValueError(f"disagreement {found.id} has no lesson or no skill to draft for")
    lesson = " ".join(found.lesson.split())
    skill = document.parse(text, path)
    rules = list(_rules(skill, avoid))
    for _, bullet in rules:
        if _same(lesson, bullet.text):
            return Recurrence(found, path, bullet.line + 1, bullet.text)
    edit, why = _replacement(skill, lesson, rules) or _insertion(skill, lesson, rules)
    edit = Edit(edit.op, edit.heading, edit.old, edit.new, (found.id,))
    return Proposal(
        id=proposal_id(path, (edit,)),
        skill=found.skill.name,
        path=path,
        base=sha256(text),
        edits=(edit,),
        evidence=(found.evidence,),
        rationale=why,
        drafter="offline",
        session_id=found.evidence.session_id,
    )


def proposal_id(path: str, edits: tuple[Edit, ...]) -> str:
    """Twelve hex digits that depend on what is changed and on what evidence, not on when or on which base."""
    return sha256(repr((path, edits)))[:12]


def _rules(skill: SkillFile, avoid: Collection[str]) -> Iterator[tuple[Section, Bullet]]:
    """Each unnumbered list item outside the avoided headings."""
    shunned = {heading.casefold() for heading in avoid}
    for section in skill.sections:
        if (section.heading or "").casefold() not in shunned:
            for bullet in section.bullets:
                if not re.search(r"\d", bullet.marker):
                    yield section, bullet


def _same(lesson: str, rule: str) -> bool:
    return (
        words.similarity(lesson, rule) >= SAME
        and words.polarity(lesson) == words.polarity(rule)
        and sorted(_NUMBER.findall(lesson)) == sorted(_NUMBER.findall(rule))
    )


def _replacement(
    skill: SkillFile, lesson: str, rules: list[tuple[Section, Bullet]]
) -> tuple[Edit, str] | None:
    """Replace the one-line rule that the lesson contradicts, unless that would lose what else the rule says."""
    for section, bullet in rules:
        if (
            bullet.end == bullet.line + 1
            and _contradicts(lesson, bullet.text)
            and not _loses(lesson, bullet.text)
        ):
            old = skill.lines[bullet.line].rstrip("\r\n")
            edit = Edit("replace", section.heading, old, bullet.marker + lesson)
            return edit, f"line {bullet.line + 1} says the opposite of what the person asked for"
    return None


def _contradicts(lesson: str, rule: str) -> bool:
    """Whether a clause of the lesson speaks of the rule with the other polarity, or with another number."""
    held = words.content_words(rule)
    for clause, negated in _clauses(lesson):
        about = words.content_words(clause)
        if about and len(about & held) >= CONTAINED * len(about) and negated != _negated(rule):
            return len(about & held) >= 2 or len(held) <= 4
    return (
        words.similarity(_NUMBER.sub(" ", lesson), _NUMBER.sub(" ", rule)) >= SAME
        and bool(_NUMBER.search(rule))
        and _NUMBER.findall(lesson) != _NUMBER.findall(rule)
        and words.polarity(lesson) == words.polarity(rule)
    )


def _clauses(lesson: str) -> Iterator[tuple[str, bool]]:
    """The lesson's clauses, each with whether it is negated; what follows "instead of" counts as negated."""
    for clause in _CLAUSE.split(lesson):
        wanted, *unwanted = _INSTEAD.split(clause)
        if wanted.strip():
            yield wanted, _negated(wanted)
        for part in unwanted:
            yield part, True


def _negated(text: str) -> bool:
    return "not" in words.polarity(text)


def _loses(lesson: str, rule: str) -> bool:
    lost = words.content_words(rule) - words.content_words(lesson)
    return len(lost) > max(1, len(words.content_words(rule)) // 2)


def _insertion(skill: SkillFile, lesson: str, rules: list[tuple[Section, Bullet]]) -> tuple[Edit, str]:
    """Append to the list that shares the most of the lesson's words, else to the learned rules."""
    best = max(
        {section.start: section for section, _ in rules}.values(), key=lambda s: _fit(s, lesson), default=None
    )
    if best is not None and _fit(best, lesson) >= FITS:
        marker = next(b.marker for b in reversed(best.bullets) if not re.search(r"\d", b.marker))
        return Edit(
            "insert", best.heading, new=marker + lesson
        ), f"the list under {best.heading!r} fits it best"
    marker = next((section.marker for section in skill.named(LEARNED)), "- ")
    return Edit("insert", LEARNED, new=marker + lesson), "no list of this skill is about it"


def _fit(section: Section, lesson: str) -> float:
    """Share of the lesson's content words in the section; a word of the heading counts twice."""
    about = words.content_words(lesson)
    if not about or section.heading is None:
        return 0.0
    heading = words.content_words(section.heading)
    text = frozenset[str]().union(*(words.content_words(bullet.text) for bullet in section.bullets))
    return (len(about & (text | heading)) + len(about & heading)) / len(about)
