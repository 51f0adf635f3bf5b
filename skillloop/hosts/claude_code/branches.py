"""Which turns the person went back on: a rewind continues from an earlier record, and leaves a branch behind.

Records are appended to the branch that is active, so a prompt whose parent stands on line X abandons every human turn
between X and itself. Nearly always the parent is among the lines since the turn before; only where it is not does a
second pass over the file look for it: for the last line before the turn that has its uuid, since lines get copied. A
parent that is nowhere (in another file) abandons nothing.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections import defaultdict
from pathlib import Path

from skillloop.hosts.claude_code.records import Lines
from skillloop.hosts.claude_code.turn_builder import HumanDraft

WINDOW = 64  # lines in which a parent is looked for at once
_UUID = re.compile(rb'"uuid": ?"([^"\\]{1,100})"')


class Rewinds:
    """Follows the prompts of one file. `turn_to` each batch of lines, then call `prompt` for the human turns in it."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._first = 1  # the number of the first of them
        self._missing: dict[bytes, list[HumanDraft]] = {}  # by the uuid of the parent to be found

    def turn_to(self, batch: list[bytes], first: int) -> None:
        """Take the next lines, of which the first has this number."""
        kept = self._lines[-WINDOW:]
        self._lines, self._first = kept + batch, first - len(kept)

    def prompt(self, turn: HumanDraft, before: HumanDraft | None) -> None:
        """Note a human turn that stands after another one in the file."""
        if before is None or not turn.parent:
            return
        parent = turn.parent.encode()
        here = turn.line - self._first
        own = (b'"uuid":"%b"' % parent, b'"uuid": "%b"' % parent)  # of a record, or of one nested in it
        for at in range(here - 1, max(before.line - self._first, here - WINDOW, 0) - 1, -1):
            line = self._lines[at]
            if line.find(own[0]) > 0 or line.find(own[1]) > 0:
                return
        self._missing.setdefault(parent, []).append(turn)

    def mark_abandoned(self, path: Path, turns: list[HumanDraft]) -> None:
        """Mark the turns that were abandoned; `turns` are in the order of their lines."""
        if not self._missing:
            return
        places: dict[bytes, list[int]] = defaultdict(list)
        number = 0
        for batch in Lines(path):
            for line in batch:
                number += 1
                for uuid in self._missing.keys() & _UUID.findall(line):
                    places[uuid].append(number)
        left = sorted(  # the line that a turn goes on from, and the turn's own
            (places[parent][at - 1], prompt.line)
            for parent, prompts in self._missing.items()
            for prompt in prompts
            if (at := bisect_left(places[parent], prompt.line))
        )
        reach, pairs = 0, iter((*left, (sys.maxsize, 0)))
        after, before = next(pairs)
        for turn in turns:  # both are sorted
            while after < turn.line:
                reach = max(reach, before)
                after, before = next(pairs)
            turn.abandoned = turn.line < reach
