"""Edits that were turned down or still wait: told to the drafter, and not proposed again without new evidence.

Only what the edit was and who turned it down is told, never a check's or a judge's own words: a drafter that knows
them would write for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skillloop.model import Evidence, Lesson, Proposal
from skillloop.propose.offline_drafter import DRAFTERS
from skillloop.store import Queued, Store
from skillloop.text import words

NEAR = 0.8
"""Similarity from which two new lines are the same attempt."""

NEWEST = 10
"""Failed edits that a drafter is told."""


def failed(store: Store, path: str) -> list[Queued]:
    """Return the proposals for a skill that a person rejected or a check discarded, oldest first."""
    return store.proposals(states=("rejected", "discarded"), skill=path)


def pending(store: Store, proposal: Proposal) -> Queued | None:
    """Find the open proposal that asks for the same edit, because of something else that the person said."""
    said = {item.id for item in proposal.evidence}
    for other in store.proposals(states=("queued", "stale"), skill=proposal.path):
        if said.isdisjoint(item.id for item in other.proposal.evidence) and _near(proposal, other.proposal):
            return other
    return None


def same_saying(proposal: Proposal, lesson: Lesson) -> bool:
    """Return whether a proposal rests on the very words that a lesson of another source was drawn from."""
    if lesson.source == "model" and ":" in proposal.drafter:  # which may word it otherwise the next time
        return lesson.id in {item.id for item in proposal.evidence}
    another = proposal.drafter != DRAFTERS.get(lesson.source, lesson.source)
    return another and any(same_words(item, lesson.evidence) for item in proposal.evidence)


def same_words(one: Evidence, other: Evidence) -> bool:
    """Return whether one of two quotes of the same turn holds the other."""
    same_turn = (one.uuid or one.line) == (other.uuid or other.line)
    return same_turn and (one.quote in other.quote or other.quote in one.quote)


def as_prompt(earlier: Sequence[Queued]) -> list[dict[str, str]]:
    """Return the failed edits as the drafter may see them, an edit in a line."""
    told = []
    for item in earlier[-NEWEST:]:
        who = "the person" if item.by == "person" else "a rule"
        for edit in item.proposal.edits:
            pair = " → ".join(filter(None, (edit.old, edit.new)))
            one = pair if edit.op == "replace" else f"{edit.op} {edit.new or edit.old}"
            told.append({"edit": one, "turned down by": who})
    return told


def repeats(proposal: Proposal, earlier: Iterable[Queued]) -> Queued | None:
    """Find the failed proposal that this one repeats, if it rests on no evidence beyond what those had."""
    same = [item for item in earlier if _near(proposal, item.proposal)]
    known = {evidence.id for item in same for evidence in item.proposal.evidence}
    return same[-1] if same and {evidence.id for evidence in proposal.evidence} <= known else None


def _near(mine: Proposal, other: Proposal) -> bool:
    """Return whether two proposals are the same attempt, edit by edit."""
    return len(mine.edits) == len(other.edits) and all(
        (a.op, a.old) == (b.op, b.old)
        if "delete" in (a.op, b.op)
        else words.alike(a.new or "", b.new or "", NEAR)
        for a, b in zip(mine.edits, other.edits, strict=True)
    )
