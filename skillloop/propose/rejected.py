"""What was tried and turned down: told to the drafter, and not proposed again unless there is new evidence.

Only what the edit was and who turned it down is told, never a check's or a judge's own words: a drafter that knows
them would write for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skillloop.model import Edit, Proposal
from skillloop.store import Queued, Store
from skillloop.text import words

NEAR = 0.8
"""Similarity from which two new lines are the same attempt."""

TOLD = 10
"""Failed edits that a drafter is told, the newest."""


def failed(store: Store, path: str) -> list[Queued]:
    """The proposals for a skill that a person rejected or a check discarded, oldest first."""
    return store.proposals(states=("rejected", "discarded"), skill=path)


def waiting(store: Store | None, proposal: Proposal) -> Queued | None:
    """The open proposal of another session that asks for the same edit."""
    still_open = [] if store is None else store.proposals(states=("queued", "stale"), skill=proposal.path)
    others = (item for item in still_open if item.proposal.session_id != proposal.session_id)
    return next((item for item in others if _near(proposal.edits, item.proposal.edits)), None)


def told(earlier: Sequence[Queued]) -> list[dict[str, str]]:
    """The failed edits as the drafter may see them."""
    return [
        {"edit": shown(edit), "turned down by": "the person" if item.by == "person" else "a rule"}
        for item in earlier[-TOLD:]
        for edit in item.proposal.edits
    ]


def shown(edit: Edit) -> str:
    """An edit in one line."""
    return (
        " → ".join(filter(None, (edit.old, edit.new)))
        if edit.op == "replace"
        else f"{edit.op} {edit.new or edit.old}"
    )


def again(proposal: Proposal, earlier: Iterable[Queued]) -> Queued | None:
    """The failed proposal that this one repeats, if it rests on no evidence beyond what that one had."""
    known: set[str] = set()
    same: Queued | None = None
    for item in earlier:
        if _near(proposal.edits, item.proposal.edits):
            known.update(evidence.id for evidence in item.proposal.evidence)
            same = item
    return same if {evidence.id for evidence in proposal.evidence} <= known else None


def _near(mine: Sequence[Edit], theirs: Sequence[Edit]) -> bool:
    return len(mine) == len(theirs) and all(_same(a, b) for a, b in zip(mine, theirs, strict=True))


def _same(a: Edit, b: Edit) -> bool:
    if a.op == "delete" or b.op == "delete":
        return (a.op, a.old) == (b.op, b.old)
    one, other = a.new or "", b.new or ""
    return words.similarity(one, other) >= NEAR and words.polarity(one) == words.polarity(other)
