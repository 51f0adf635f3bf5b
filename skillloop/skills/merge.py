"""Three-way merge of a SKILL.md by lines (diff3; Khanna, Kunal & Pierce, FSTTCS 2007), on bytes.

Invariants: where `git merge-file` is clean, the result is the same; only where equal lines repeat, so that a change can
be read as standing in several places, it is rarely a conflict or another of the readings that are as short. No line that
a person added is lost, changed or moved against another of theirs. What both sides changed at one place is a conflict,
with one exception: where both only *added list items* at the same place, both additions stay, the person's first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from skillloop.text.markdown import MARKER

_ITEM = re.compile(rf"[ \t]*{MARKER}[ \t]+\S".encode())


_DISTANCE = 2_000  # differing lines up to which two texts are compared line by line


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
    """Return the text with both changes in it.

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
    """Return lines with their endings; the last one is given one, since a merge may put lines after it."""
    lines = text.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last + newline] if last else [])


def _merged(base: list[bytes], mine: list[bytes], other: list[bytes]) -> Iterator[bytes]:
    done = 0
    for ours, theirs in _groups(_hunks(base, mine), _hunks(base, other)):
        start = min(hunk.start for hunk in ours + theirs)
        end = max(hunk.end for hunk in ours + theirs)
        yield from base[done:start]
        yield from _resolve(
            base[start:end], _side(base, mine, ours, start, end), _side(base, other, theirs, start, end), ours
        )
        done = end
    yield from base[done:]


def _hunks(base: list[bytes], side: list[bytes]) -> list[_Hunk]:
    """Return what changed from base to side, with each change where git would put it."""
    pairs = _matches(base, side)
    one = _Changes(base, {i for i, _ in pairs})
    two = _Changes(side, {j for _, j in pairs})
    one.align(two)
    two.align(one)
    return [
        _Hunk(*a, *b) for a, b in zip(one.groups(), two.groups(), strict=True) if a[0] < a[1] or b[0] < b[1]
    ]


def _matches(base: list[bytes], side: list[bytes]) -> list[tuple[int, int]]:
    """Return pairs of equal lines, as many as possible, after those that both begin and end with."""
    head = _common(base, side)
    tail = _common(base[head:][::-1], side[head:][::-1])
    inner = _longest(base[head : len(base) - tail], side[head : len(side) - tail])
    return [
        *((number, number) for number in range(head)),
        *((i + head, j + head) for i, j in inner),
        *((len(base) - number, len(side) - number) for number in range(tail, 0, -1)),
    ]


def _common(one: list[bytes], two: list[bytes]) -> int:
    """Return how many lines both begin with."""
    pairs = zip(one, two, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(two)))


def _longest(one: list[bytes], two: list[bytes]) -> list[tuple[int, int]]:
    """Return a longest common subsequence as index pairs (Myers, Algorithmica 1986); none past `_DISTANCE` edits."""
    reach = {1: 0}  # on diagonal x - y = k: the furthest x
    steps: list[dict[int, int]] = []
    for distance in range(min(len(one) + len(two), _DISTANCE) + 1):
        steps.append(reach.copy())
        for k in range(-distance, distance + 1, 2):
            x = reach[_before(reach, k, distance)] + (_before(reach, k, distance) < k)
            while x < len(one) and x - k < len(two) and one[x] == two[x - k]:
                x += 1
            reach[k] = x
            if x >= len(one) and x - k >= len(two):
                return _walk_back(steps, len(one), len(two))
    return []


def _before(reach: dict[int, int], k: int, distance: int) -> int:
    """Return the diagonal from which the furthest point on `k` is reached."""
    return k + 1 if k == -distance or (k != distance and reach[k - 1] < reach[k + 1]) else k - 1


def _walk_back(steps: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    found = []
    for distance in range(len(steps) - 1, -1, -1):
        before = _before(steps[distance], x - y, distance)
        from_x = steps[distance][before]
        while x > max(from_x, 0) and y > max(from_x - before, 0):
            x, y = x - 1, y - 1
            found.append((x, y))
        x, y = from_x, from_x - before
    return found[::-1]


class _Changes:
    """The changed lines of one text, as groups between its unchanged lines (empty groups included).

    Two texts have the same number of groups. A group among equal lines could stand in several places; `align`
    moves it to where git does (xdl_change_compact): level with a change of the other text, else as late as possible.
    """

    def __init__(self, lines: list[bytes], kept: set[int]) -> None:
        self.lines = lines
        self.changed = [number not in kept for number in range(len(lines))]
        self.start = self.end = 0

    def groups(self) -> Iterator[tuple[int, int]]:
        self.first()
        yield self.start, self.end
        while self.next():
            yield self.start, self.end

    def first(self) -> None:
        self.start = self.end = 0
        self._grow()

    def next(self) -> bool:
        if self.end == len(self.lines):
            return False
        self.start = self.end = self.end + 1
        self._grow()
        return True

    def previous(self) -> None:
        self.end = self.start = self.start - 1
        self._grow()

    def align(self, other: _Changes) -> None:
        self.first()
        other.first()
        while True:
            if self.start < self.end:
                self._align_group(other)
            if not self.next():
                return
            other.next()

    def _align_group(self, other: _Changes) -> None:
        size = -1
        while size != self.end - self.start:  # a group that ran into another one has grown: again
            size = self.end - self.start
            while self._up():
                other.previous()
            earliest = self.end
            level = self.end if other.start < other.end else -1
            while self._down():
                other.next()
                level = self.end if other.start < other.end else level
        if self.end != earliest and level != -1:
            while other.start == other.end:
                self._up()
                other.previous()

    def _up(self) -> bool:
        if not self.start or self.lines[self.start - 1] != self.lines[self.end - 1]:
            return False
        self._flip(self.start - 1, self.end - 1)
        self.start, self.end = self.start - 1, self.end - 1
        self._grow()
        return True

    def _down(self) -> bool:
        if self.end == len(self.lines) or self.lines[self.start] != self.lines[self.end]:
            return False
        self._flip(self.start, self.end)
        self.start, self.end = self.start + 1, self.end + 1
        self._grow()
        return True

    def _flip(self, one: int, other: int) -> None:
        self.changed[one], self.changed[other] = self.changed[other], self.changed[one]

    def _grow(self) -> None:
        """Take in the changed lines on both sides."""
        while self.start and self.changed[self.start - 1]:
            self.start -= 1
        while self.end < len(self.lines) and self.changed[self.end]:
            self.end += 1


def _groups(mine: list[_Hunk], other: list[_Hunk]) -> Iterator[tuple[list[_Hunk], list[_Hunk]]]:
    """Yield hunks of both sides that touch (not even one common line between them), in order."""
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
    """Return what one side has in place of base[start:end]."""
    if not hunks:
        return base[start:end]
    first, last = hunks[0], hunks[-1]
    return side[first.low - (first.start - start) : last.high + (end - last.end)]


def _resolve(base: list[bytes], mine: list[bytes], other: list[bytes], hunks: list[_Hunk]) -> list[bytes]:
    if mine in (base, other):
        return other
    if other == base:
        return mine
    if not base and _is_list(mine) and _is_list(other):
        return mine + [line for line in other if line not in mine]
    raise Conflict(hunks[0].low + 1)


def _is_list(lines: list[bytes]) -> bool:
    return all(_ITEM.match(line) for line in lines)
