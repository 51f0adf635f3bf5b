"""Which turns the person went back on: a rewind continues from an earlier record, and leaves a branch behind.

Records are appended to the branch that is active, so a prompt whose parent stands on line X abandons every human turn
between X and itself. Nearly always the parent is among the last few records, which are kept; only where it is not does
a second pass over the file look for it. A parent that is nowhere (another file, before `start`) abandons nothing.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from skillloop.transcript.lines import Lines

if TYPE_CHECKING:
    from pathlib import Path

    from skillloop.transcript.drafts import Said

WINDOW = 64  # records that are kept to look for a parent
_UUID = re.compile(rb'"uuid": ?"([^"\\]{1,100})"')


class Rewinds:
    """Follows the prompts of one file. Append each raw line to `recent`, then call `prompt` for a human turn in it."""

    def __init__(self) -> None:
        self.recent: deque[bytes] = deque(maxlen=WINDOW)
        self._missing: dict[bytes, list[Said]] = {}  # by the uuid of the parent to be found

    def prompt(self, said: Said, gap: int) -> None:
        """Note a turn that stands `gap` lines after the human turn before it."""
        parent = (said.parent or "").encode()
        if not parent or gap <= 0:
            return
        since = list(self.recent)[-gap - 1 : -1]
        if not any(parent in line and parent in _UUID.findall(line) for line in reversed(since)):
            self._missing.setdefault(parent, []).append(said)

    def settle(self, path: Path, start: int, turns: list[Said]) -> None:
        """Mark the turns that were abandoned."""
        if not self._missing:
            return
        lines = Lines(path, start)
        for number, line in enumerate(lines, lines.before + 1):
            for found in _UUID.findall(line):
                for said in self._missing.get(found, ()):
                    for turn in turns:
                        if number < turn.line < said.line:
                            turn.abandoned = True
