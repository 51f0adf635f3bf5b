"""A rule that is already there is not added again: it would drown what it repeats."""

from __future__ import annotations

import re

from skillloop.gate.input import GateInput, lines_of
from skillloop.gate.schema import LONGEST, body_of
from skillloop.model import Check, Proposal
from skillloop.text import words

SAME = 0.9
"""Similarity from which two lines with the same polarity and the same figures are one rule."""

_FIGURES = re.compile(r"\d+(?:[.,]\d+)*|[\w-]*[._/-][\w./-]+")


def check(proposal: Proposal, inputs: GateInput) -> Check:
    """Hard: each new line says something that no other line of the skill says."""
    there = [(number, body_of(line)[1].strip()) for number, line in enumerate(lines_of(inputs.base), 1)]
    for edit in proposal.edits:
        new, replaced = body_of(edit.new or "")[1].strip(), body_of(edit.old or "")[1].strip()
        rare = [stem[:-1] for stem in sorted(words.content_words(new), key=len)[-3:]]  # a cheap first look
        for number, old in there if new else ():
            folded = old.casefold()
            if any(piece in folded for piece in rare) and old != replaced and same(new, old):
                detail = f"{new[:80]!r} is already a rule: line {number}, {old[:80]!r}"
                return Check("repeat", passed=False, detail=detail)
        there.append((len(there) + 1, new))
    return Check("repeat", passed=True, detail="no line says the same already")


def same(one: str, other: str) -> bool:
    """Whether two lines, without list markers, are one rule."""
    if one.casefold() == other.casefold():
        return True
    if len(other) > LONGEST or not 0.5 < len(one) / max(1, len(other)) < 2:
        return False
    return (
        words.similarity(one, other) >= SAME
        and words.polarity(one) == words.polarity(other)
        and _FIGURES.findall(one) == _FIGURES.findall(other)
    )
