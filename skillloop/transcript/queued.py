"""What a person typed while the assistant worked.

Claude Code logs such words when they enter its queue, and that it took something out again, but not what. Before 2.1.165
words that were slipped in mid-turn stand nowhere else. So whatever entered and left the queue was sent; where it also
stands in a record of its own, that record is the turn. Words returned to the input box (`popAll`) were never sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from skillloop.transcript import speaker
from skillloop.transcript.drafts import Said, string

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOT_WORDS = re.compile(
    r"\s*(?:[/!][\w:-]|\{\s*\"|<[\w-]+>|\[Pasted text)"
)  # commands, JSON and notifications, placeholders


class Queue:
    """The queue's log. `take` each operation; `unheard` gives what was sent and stands nowhere else."""

    def __init__(self) -> None:
        self._waiting: list[Said] = []
        self._sent: list[Said] = []

    def take(self, record: dict[str, Any], line: int) -> None:
        """Add a queue-operation record."""
        operation = record.get("operation")
        if operation == "enqueue":
            self._waiting.append(
                Said(line, string(record.get("content")), timestamp=string(record.get("timestamp")))
            )
        elif operation in {"remove", "dequeue"} and self._waiting:
            self._sent.append(self._waiting.pop(0))
        elif operation == "popAll":
            self._waiting.clear()

    def unheard(self, heard: Iterable[Said]) -> Iterator[Said]:
        """The person's queued words that no other record holds."""
        later = (
            [(said.line, _plain("\n".join((said.text, *said.pasted)))) for said in heard]
            if self._sent
            else []
        )
        for said in self._sent:
            text = speaker.own_words(said.text)
            if not text or _NOT_WORDS.match(text) or speaker.machine_text(text):
                continue
            if not any(line > said.line and _plain(text) in words for line, words in later):
                said.text = text
                yield said


def _plain(text: str) -> str:
    return " ".join(text.split())
