"""What a check may look at beside the proposal: the two texts, the rules, and where the words came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property

from skillloop.config import Config
from skillloop.errors import SkillloopError
from skillloop.model import Evidence, Session, Turn

MOST_PAIRS = 200_000  # equal pairs of lines, between the first and the last change, that are worth comparing


def _nowhere(_evidence: Evidence) -> Turn | None:
    """Without a transcript to read again, no quote is confirmed."""
    return None


def _unseen(_turn: Turn) -> None:
    """Without receipts it is not known what was submitted."""


@dataclass(frozen=True)
class Context:
    """One SKILL.md before and after the edits, and the facts that the checks rest on. Nothing here is the drafter's."""

    base: str  # the text that the proposal was drafted on
    text: str  # the text after the edits
    config: Config
    session: Session | None = None  # None where the proposal comes from the queue
    reread: Callable[[Evidence], Turn | None] = _nowhere  # the turn that evidence points to, from the file
    received: Callable[[Turn], bool | None] = (
        _unseen  # whether the hook saw it submitted; None: there was no hook
    )
    added_in_session: int = 0  # lines that this session already added to the skill automatically
    added_unseen: int = 0  # lines that were, since a person last decided anything about the skill
    own: str | None = None  # the person's last own version, or one that they approved; None is unknown
    unconfirmed: tuple[str, ...] = ()  # what loosened the rules since the person last confirmed them
    confidence: float | None = None  # the detector's, 0 to 1; None where nobody measured it
    _turns: dict[Evidence, Turn | None] = field(default_factory=dict, compare=False, repr=False)

    def turn(self, evidence: Evidence) -> Turn | None:
        """The human turn that holds the quote, read again from the transcript once per proposal; None if it is not there."""
        if evidence not in self._turns:
            try:
                self._turns[evidence] = self.reread(evidence)
            except (SkillloopError, OSError):  # a transcript that cannot be read confirms nothing
                self._turns[evidence] = None
        return self._turns[evidence]

    def gone(self, evidence: Evidence) -> bool:
        """Whether the quote of a queued proposal, confirmed when it was digested, cannot be read again: clients delete old transcripts."""
        return self.session is None and self.turn(evidence) is None

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
    """The lines that `base` loses and those that `text` gains. Where the change is vast, all between its ends counts."""
    old, new = lines_of(base), lines_of(text)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    again = Counter(new)
    if not old or not new or sum(again[line] for line in old) > MOST_PAIRS:
        return tuple(old), tuple(new)
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changes = [block for block in blocks if block[0] != "equal"]
    removed = tuple(line for _, i, j, _, _ in changes for line in old[i:j])
    return removed, tuple(line for _, _, _, i, j in changes for line in new[i:j])


def lines_of(text: str) -> list[str]:
    """The lines without their endings; a last empty one is not a line."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines if lines[-1] else lines[:-1]
