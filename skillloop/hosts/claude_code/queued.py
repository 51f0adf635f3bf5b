"""Read what a person typed while the assistant worked.

Claude Code logs such words when they enter its queue, and that it took something out again, but not what. Before 2.1.165
words that were slipped in mid-turn stand nowhere else. So whatever entered and left the queue was sent; where it also
stands in a record of its own, that record is the turn. Words returned to the input box (`popAll`) were never sent.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from typing import Any

from skillloop.hosts.claude_code import authorship
from skillloop.hosts.claude_code.turn_builder import HumanDraft, string
from skillloop.model import TurnKind

NEAR = 20  # turns after it among which queued words may have a record of their own
# commands, JSON and notifications, placeholders
_NOT_WORDS = re.compile(r"\s*(?:[/!][\w:-]|\{\s*\"|<[\w-]+>|\[Pasted text)")


class Queue:
    """The queue's log. `take` each operation; `missing` gives what was sent and stands nowhere else."""

    def __init__(self) -> None:
        self._waiting: deque[HumanDraft] = deque()
        self._sent: list[HumanDraft] = []
        self._repeated: set[int] = set()  # hashes of texts that a machine's record holds

    def take(self, record: dict[str, Any], line: int) -> None:
        """Add a queue-operation record."""
        operation = record.get("operation")
        if operation == "enqueue":
            text, at = string(record.get("content")), string(record.get("timestamp")) or None
            self._waiting.append(HumanDraft(line, text, timestamp=at, kind=TurnKind.QUEUED))
        elif operation in ("remove", "dequeue") and self._waiting:
            self._sent.append(self._waiting.popleft())
        elif operation == "popAll":
            self._waiting.clear()

    def repeated(self, texts: list[str]) -> None:
        """Note the texts of a machine's record: a headless run logs its prompt in the queue too, and that is no person's."""
        self._repeated.update(hash(text.strip()) for text in texts)

    def missing(self, turns: list[HumanDraft]) -> Iterator[HumanDraft]:
        """Yield the person's queued words that no turn holds; `turns` are in the order of their lines."""
        lines = [turn.line for turn in turns]
        for draft in self._sent:
            if hash(draft.text.strip()) in self._repeated:
                continue
            draft.text = authorship.own_words(draft.text)
            if not authorship.own_words(draft.text) or _NOT_WORDS.match(draft.text):
                continue
            words, first = " ".join(draft.text.split()), bisect_right(lines, draft.line)
            later = ("\n".join((turn.text, *turn.pasted)) for turn in turns[first : first + NEAR])
            if not any(words in " ".join(text.split()) for text in later):
                yield draft
