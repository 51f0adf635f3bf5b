"""Three-way merge of a SKILL.md by lines (diff3; Khanna, Kunal & Pierce, FSTTCS 2007), on bytes.

Invariants: where `git merge-file` is clean, the result is the same. No line that a person added is lost, changed or
moved against another of theirs. What both sides changed at one place is a conflict, with one exception: where both
only *added list items* at the same place, both additions stay, the person's first.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_BULLET = re.compile(rb"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\S")


class Conflict(Exception):  # noqa: N818  (an answer, not an accident; callers say what to do about it)
    """Both sides changed the same place.

    Args:
        line: 1-based line of that place in the person's text.
    """

    def __init__(self, line: int) -> None:
        super().__init__(f"both changed line {line}")
        self.line = line


class _Hunk(NamedTuple):
    """Lines `start` to `end` of the base became lines `low` to `high` of a side."""

    start: int
    end: int
    low: int
    high: int


def merge(base: bytes, mine: bytes, other: bytes) -> bytes:
    """The text with both changes in it.

    Args:
        base: What both started from.
        mine: The person's text; it goes first where both add.
        other: The other text.

    Raises:
        Conflict: both changed the same place in different ways.
    """
    if mine in (base, other):
        return other
    if other == base:
        return mine
    newline = b"\r\n" if b"\r\n" in base.split(b"\n", 1)[0] + b"\n" else b"\n"
    texts = [_lines(text, newline) for text in (base, mine, other)]
    merged = b"".join(_merged(*texts))
    ends = [not text or text.endswith(b"\n") for text in (base, mine, other)]
    wanted = ends[2] if ends[0] == ends[1] else ends[1]
    return merged if wanted else merged.removesuffix(b"\n").removesuffix(b"\r")


def _lines(text: bytes, newline: bytes) -> list[bytes]:
    """Lines with their endings; the last one is given one, since a merge may put lines after it."""
    lines = text.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last + newline] if last else [])


def _merged(base: list[bytes], mine: list[bytes], other: list[bytes]) -> Iterator[bytes]:
    done = 0
    for ours, theirs in _groups(_hunks(base, mine), _hunks(base, other)):
        start = min(hunk.start for hunk in ours + theirs)
        end = max(hunk.end for hunk in ours + theirs)
        yield from base[done:start]
        yield from _settle(
            base[start:end], _side(base, mine, ours, start, end), _side(base, other, theirs, start, end), ours
        )
        done = end
    yield from base[done:]


def _hunks(base: list[bytes], side: list[bytes]) -> list[_Hunk]:
    head = _common(base, side)
    tail = _common(base[head:][::-1], side[head:][::-1])  # as git, which compares only what is between
    matcher = difflib.SequenceMatcher(
        None, base[head : len(base) - tail], side[head : len(side) - tail], autojunk=False
    )
    changes = (change for tag, *change in matcher.get_opcodes() if tag != "equal")
    found = [_Hunk(*(number + head for number in change)) for change in changes]
    limits = [*(hunk.start for hunk in found[1:]), len(base)]
    return [_slid(hunk, base, side, limit) for hunk, limit in zip(found, limits, strict=True)]


def _common(one: list[bytes], two: list[bytes]) -> int:
    """How many lines both begin with."""
    pairs = zip(one, two, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(two)))


def _slid(hunk: _Hunk, base: list[bytes], side: list[bytes], limit: int) -> _Hunk:
    """A pure insertion or deletion among equal lines could stand in several places: the last one, as in git."""
    start, end, low, high = hunk
    lines, first, after = (side, low, high) if start == end else (base, start, end)
    shift = 0
    if start == end or low == high:
        while end + shift < limit and lines[first + shift] == lines[after + shift]:
            shift += 1
    return _Hunk(start + shift, end + shift, low + shift, high + shift)


def _groups(mine: list[_Hunk], other: list[_Hunk]) -> Iterator[tuple[list[_Hunk], list[_Hunk]]]:
    """Hunks of both sides that touch (not even one common line between them), in order."""
    queue = sorted([(hunk, 0) for hunk in mine] + [(hunk, 1) for hunk in other])
    group: tuple[list[_Hunk], list[_Hunk]] = ([], [])
    reach = -1
    for hunk, side in queue:
        if hunk.start > reach >= 0:
            yield group
            group = ([], [])
        group[side].append(hunk)
        reach = max(reach, hunk.end)
    if queue:
        yield group


def _side(base: list[bytes], side: list[bytes], hunks: list[_Hunk], start: int, end: int) -> list[bytes]:
    """What one side has in place of base[start:end]."""
    if not hunks:
        return base[start:end]
    first, last = hunks[0], hunks[-1]
    return side[first.low - (first.start - start) : last.high + (end - last.end)]


def _settle(base: list[bytes], mine: list[bytes], other: list[bytes], hunks: list[_Hunk]) -> list[bytes]:
    if mine in (base, other):
        return other
    if other == base:
        return mine
    if not base and _is_list(mine) and _is_list(other):
        return mine + [line for line in other if line not in mine]
    raise Conflict(hunks[0].low + 1)


def _is_list(lines: list[bytes]) -> bool:
    return all(_BULLET.match(line) for line in lines)
