"""How much may change: per proposal, per session, unseen by a person, and against the person's own version.

The size limits are hard. The drift limits bind what happens without a person, so they are soft: past them a person
looks. Counted are the lines that an edit brings, not time, so a wrong clock changes nothing.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator

from skillloop.gate.input import GateInput, finding, lines_of
from skillloop.model import Check, Proposal
from skillloop.skillpath import is_rules
from skillloop.skills.document import LEARNED
from skillloop.text.words import counted


def size(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Hard: lines of one proposal, bytes of the file."""
    added = count(inputs.added)
    yield _at_most(inputs, "edit size", added, "max_added_lines", f"it adds {counted(added, 'line')}")
    before, after = (len(text.encode("utf-8", "surrogatepass")) for text in (inputs.base, inputs.text))
    if after > before or after <= inputs.config.edit.max_bytes:
        yield _at_most(inputs, "file size", after, "max_bytes", f"the file would have {after:,} bytes")


def drift(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Soft: lines per session, since a person last decided, and since the person's own version."""
    added = count(inputs.added)
    if added == 0:
        return
    session, unseen = inputs.added_in_session + added, inputs.added_unseen + added
    detail = f"this session would have added {counted(session, 'line')}"
    yield _at_most(inputs, "session budget", session, "per_session", detail, hard=False)
    detail = f"{counted(unseen, 'line')} would have been added since you last looked"
    yield _at_most(inputs, "unseen budget", unseen, "unseen", detail, hard=False)
    if inputs.own is not None:
        grown = count((Counter(lines_of(inputs.text)) - Counter(lines_of(inputs.own))).elements())
        detail = f"the skill would have {counted(grown, 'line')} more than your own version"
        yield _at_most(inputs, "growth", grown, "max_growth", detail, hard=False)


def automatic(proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Soft: what is never applied without a person. In review mode, where nothing is, only that the rules were loosened."""
    apply, rule = inputs.config.apply, inputs.config.rule
    if inputs.unconfirmed:
        detail = f"{inputs.unconfirmed[0]}; `skillloop constraints --confirm` says that this was you"
        yield finding("rules", detail, hard=False)
    if apply.mode == "review":
        return
    if is_rules(inputs.target.path):
        detail = "a rules file, which every session loads, always waits for you"
        yield finding("never automatic", detail, hard=False)
    if inputs.failing:
        yield finding("breaker", f"{inputs.failing}; until you decide, the next ones wait", hard=False)
    operations = {edit.op for edit in proposal.edits}
    for entry in apply.never_auto:
        if entry in operations or fnmatch.fnmatchcase(proposal.skill.casefold(), entry.casefold()):
            detail = f"{entry!r} always waits for you"
            yield finding("never automatic", detail, hard=False, rule=rule("apply.never_auto", entry))
    if inputs.confidence is not None and inputs.confidence < apply.min_confidence:
        detail = f"the detector is {inputs.confidence:.2f} sure, {apply.min_confidence:.2f} is required"
        yield finding("confidence", detail, hard=False, rule=rule("apply.min_confidence"))


def count(lines: Iterable[str]) -> int:
    """Count the lines that say something; the heading of the learned rules is skillloop's own."""
    return sum(1 for line in lines if line.strip() and line.lstrip("# ").rstrip() != LEARNED)


def _at_most(inputs: GateInput, name: str, value: int, key: str, detail: str, *, hard: bool = True) -> Check:
    limit, rule = getattr(inputs.config.edit, key), inputs.config.rule(f"edit.{key}")
    return Check(name, value <= limit, hard, f"{detail}; the limit is {limit:,}", rule)
