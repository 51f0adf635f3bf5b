"""What a person typed while the assistant worked.

Claude Code logs such words when they enter its queue, and that it took something out again, but not what. Before 2.1.165
words that were slipped in mid-turn stand nowhere else. So whatever entered and left the queue was sent; where it also
stands in a record of its own, that record is the turn. Words returned to the input box (`popAll`) were never sent.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Any

from skillloop.model import TurnKind
from skillloop.transcript import speaker
from skillloop.transcript.drafts import Said, string

if TYPE_CHECKING:
    from collections.abc import Iterator

NEAR = 20  # turns after it among which queued words may have a record of their own
_NOT_WORDS = re.compile(
    r"\s*(?:[/!][\w:-]|\{\s*\"|<[\w-]+>|\[Pasted text)"
)  # commands, JSON and notifications, placeholders


class Queue:
    """The queue's log. `take` each operation; `unheard` gives what was sent and stands nowhere else."""

    def __init__(self) -> None:
        self._waiting: deque[Said] = deque()
        self._sent: list[Said] = []

    def take(self, record: dict[str, Any], line: int) -> None:
        """Add a queue-operation record."""
        operation = record.get("operation")
        if operation == "enqueue":
            text, at = string(record.get("content")), string(record.get("timestamp")) or None
            self._waiting.append(Said(line, text, timestamp=at, kind=TurnKind.QUEUED))
        elif operation in {"remove", "dequeue"} and self._waiting:
            self._sent.append(self._waiting.popleft())
        elif operation == "popAll":
            self._waiting.clear()

    def unheard(self, heard: list[Said]) -> Iterator[Said]:
        """The person's queued words that none of the turns `heard`, in the order of their lines, holds."""
        lines = [said.line for said in heard]
        for said in self._sent:
            said.text = speaker.own_words(said.text)
            if not said.text or _NOT_WORDS.match(said.text) or speaker.machine_text(said.text):
                continue
            first = bisect_right(lines, said.line)
            words = _plain(said.text)
            if not any(
                words in _plain("\n".join((later.text, *later.pasted)))
                for later in heard[first : first + NEAR]
            ):
                yield said


def _plain(text: str) -> str:
    return " ".join(text.split())
