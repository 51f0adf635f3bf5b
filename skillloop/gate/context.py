"""What a check may look at beside the proposal: the two texts, the rules, and where the words came from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from skillloop.config import Config
    from skillloop.model import Evidence, Session, Turn


def _nowhere(_evidence: Evidence) -> Turn | None:
    """Without a transcript to read again, no quote is confirmed."""
    return None


@dataclass(frozen=True)
class Context:
    """One SKILL.md before and after the edits, and the facts that the checks rest on. Nothing here is the drafter's."""

    base: str  # the text that the proposal was drafted on
    text: str  # the text after the edits
    config: Config
    session: Session | None = None  # None where the proposal comes from the queue
    reread: Callable[[Evidence], Turn | None] = (
        _nowhere  # the turn that evidence points to, from the file itself
    )
    added_in_session: int = 0  # lines that this session already added to the skill automatically
    added_this_week: int = 0  # lines that the last seven days did
    own: str | None = None  # the person's last own version, or one that they approved; None is unknown
    confidence: float | None = None  # the detector's, 0 to 1; None where nobody measured it

    @cached_property
    def added(self) -> tuple[str, ...]:
        """The lines, without endings, that `text` has and `base` has not, in order."""
        return _gained(self.base, self.text)

    @cached_property
    def removed(self) -> tuple[str, ...]:
        """The lines, without endings, that `base` has and `text` has not, in order."""
        return _gained(self.text, self.base)


def _gained(before: str, after: str) -> tuple[str, ...]:
    known = Counter(_lines(before))
    gained = []
    for line in _lines(after):
        if known[line] > 0:
            known[line] -= 1
        else:
            gained.append(line)
    return tuple(gained)


def _lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.split("\n")]
