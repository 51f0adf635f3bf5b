"""Whether a message is an earlier one sent again, as it was or slightly edited."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skillloop.transcript.drafts import Said

ALIKE = 0.9  # ratio of matching characters from which an edited message counts as the same
LONGEST = 2000  # characters; comparing longer texts for likeness costs too much


def same_message(earlier: Said, later: Said) -> bool:
    """Whether the words are the same but for case, spaces and a few characters."""
    a, b = _plain(earlier.text), _plain(later.text)
    if a == b:
        return bool(a) or earlier.pasted == later.pasted
    if max(len(a), len(b)) > LONGEST or min(len(a), len(b)) < ALIKE * max(len(a), len(b)) * 0.9:
        return False
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
