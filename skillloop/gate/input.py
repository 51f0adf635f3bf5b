"""What a check may look at beside the proposal: plain data that was gathered beforehand. A check opens nothing."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property

from skillloop.config.sections import Config
from skillloop.model import Check, Evidence, Rule, Session, Turn
from skillloop.skillpath import Owner, SkillPath
from skillloop.skills.document import MARKER
from skillloop.text import words

NOWHERE = SkillPath("", "", Owner.OTHER)  # nobody looked, so nothing is edited
_ITEM = re.compile(rf"(?P<marker>[ \t]{{0,12}}{MARKER}[ \t]{{1,4}})(?P<text>\S.*)?")
MOST_PAIRS = 200_000  # equal pairs of lines, between the first and the last change, that are worth comparing


@dataclass(frozen=True)
class GateInput:
    """One SKILL.md before and after the edits, and the facts that the checks rest on. Nothing here is the drafter's."""

    base: str  # the text that the proposal was drafted on
    text: str  # the text after the edits
    config: Config
    target: SkillPath = NOWHERE  # the proposal's path, where it leads, and whose it is
    session: Session | None = None  # None where the proposal comes from the queue
    turns: Mapping[Evidence, Turn] = field(default_factory=dict)
    """The human turn that each piece of evidence points to, read again from the transcript; absent where there is none."""
    answers: Mapping[Evidence, str] = field(default_factory=dict)
    """What the assistant had said just before each of them: the answer that the person corrected."""
    receipts: Mapping[Turn, bool | None] = field(default_factory=dict)
    """Whether the hook saw these turns submitted; None, or absent: no hook watched."""
    echoed: frozenset[Evidence] = frozenset()  # what the assistant, or a result of its tools, said first
    added_in_session: int = 0  # lines that this session already added to the skill automatically
    added_unseen: int = 0  # lines that were, since a person last decided anything about the skill
    breaker: str = ""  # why nothing more is added to the skill without a person: what was did not help
    own: str | None = None  # the person's last own version, or one that they approved; None is unknown
    unconfirmed: tuple[str, ...] = ()  # what loosened the rules since the person last confirmed them
    confirmed: str = ""  # when the person last did that of their own file, ISO 8601 in UTC; "" for never
    confidence: float | None = None  # the detector's, 0 to 1; None where nobody measured it

    def gone(self, evidence: Evidence) -> bool:
        """Return whether the quote of a queued proposal cannot be read again: clients delete old transcripts."""
        return self.session is None and evidence not in self.turns

    @cached_property
    def added(self) -> tuple[str, ...]:
        """The lines, without endings, that are new in `text`, in order. A line that moved counts as removed and added."""
        return self._changes[1]

    @cached_property
    def removed(self) -> tuple[str, ...]:
        """The lines, without endings, that are gone from `base`, in order."""
        return self._changes[0]

    @cached_property
    def _changes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return changed_lines(self.base, self.text)


def changed_lines(base: str, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines that `base` loses and those that `text` gains. Where the change is vast, all between its ends counts."""
    old, new = lines_of(base), lines_of(text)
    start = words.shared(old, new)
    end = words.shared(old[start:][::-1], new[start:][::-1])
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    again = Counter(new)
    if not old or not new or sum(again[line] for line in old) > MOST_PAIRS:
        return tuple(old), tuple(new)
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changes = [block for block in blocks if block[0] != "equal"]
    removed = tuple(line for _, i, j, _, _ in changes for line in old[i:j])
    return removed, tuple(line for _, _, _, i, j in changes for line in new[i:j])


def lines_of(text: str) -> list[str]:
    """Return the lines without their endings; a last empty one is not a line."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines if lines[-1] else lines[:-1]


def body_of(line: str) -> tuple[str, str]:
    """Return a line as list marker and text; the marker is "" where it is no list item."""
    match = _ITEM.match(line)
    return (match["marker"], match["text"] or "") if match else ("", line)


def finding(name: str, wrong: str, fine: str = "", *, hard: bool = True, rule: Rule | None = None) -> Check:
    """Return a check that fails with the sentence `wrong`, or passes with `fine` where `wrong` is empty."""
    return Check(name, not wrong, hard, wrong or fine, rule)
