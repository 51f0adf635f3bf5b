"""Whether a message is an earlier one sent again, as it was or slightly edited."""

from __future__ import annotations

from skillloop.hosts.claude_code.turn_builder import Said

ALIKE = 0.9  # share of a message that must stand before and behind the edit


def same_message(earlier: Said, later: Said) -> bool:
    """Whether the words are the same but for case, spaces and one small edit."""
    a, b = _plain(earlier.text), _plain(later.text)
    if a == b:
        return bool(a) or earlier.pasted == later.pasted
    before = _common(a, b)
    behind = _common(a[before:][::-1], b[before:][::-1])
    return before + behind >= ALIKE * max(len(a), len(b))


def _common(a: str, b: str) -> int:
    """How many characters two texts begin with in common."""
    return next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
