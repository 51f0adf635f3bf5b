"""Which turns the person went back on: a rewind continues from an earlier record, and leaves a branch behind.

Records are appended to the branch that is active, so a prompt whose parent stands on line X abandons every human turn
between X and itself. Nearly always the parent is among the lines since the turn before; only where it is not does a
second pass over the file look for it. A parent that is nowhere (in another file, before `start`) abandons nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from skillloop.transcript.lines import Lines

if TYPE_CHECKING:
    from pathlib import Path

    from skillloop.transcript.drafts import Said

WINDOW = 64  # lines in which a parent is looked for at once
_UUID = re.compile(rb'"uuid": ?"([^"\\]{1,100})"')


class Rewinds:
    """Follows the prompts of one file. `turn_to` each batch of lines, then call `prompt` for the human turns in it."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._first = 1  # the number of the first of them
        self._missing: dict[bytes, list[Said]] = {}  # by the uuid of the parent to be found

    def turn_to(self, batch: list[bytes], first: int) -> None:
        """Take the next lines, of which the first has this number."""
        kept = self._lines[-WINDOW:]
        self._lines, self._first = kept + batch, first - len(kept)

    def prompt(self, said: Said, before: Said | None) -> None:
        """Note a human turn that stands after another one in the file."""
        if before is None or not said.parent:
            return
        parent = said.parent.encode()
        here = said.line - self._first
        since = self._lines[max(before.line + 1 - self._first, here - WINDOW, 0) : here]
        if not any(parent in line and parent in _UUID.findall(line) for line in reversed(since)):
            self._missing.setdefault(parent, []).append(said)

    def settle(self, path: Path, start: int, turns: list[Said]) -> None:
        """Mark the turns that were abandoned."""
        if not self._missing:
            return
        lines = Lines(path, start)
        number = lines.before
        for batch in lines:
            for line in batch:
                number += 1
                for found in _UUID.findall(line):
                    for said in self._missing.get(found, ()):
                        _abandon(turns, number, said.line)


def _abandon(turns: list[Said], after: int, before: int) -> None:
    for turn in turns:
        if after < turn.line < before:
            turn.abandoned = True
