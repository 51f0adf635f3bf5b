"""The pre-filter: what can be known of a line from its bytes, so that most of a transcript is never parsed.

Only a failed tool result, an assistant's words and calls, and what a person may have written matter to a session. The
rest, more than half of the lines and most of the bytes, is passed over; of an assistant's line only the content is
parsed. Invariant: the outcome is that of the full parse, for JSON in which, as Claude Code writes it, a message's `role`
stands before its `content`. It rests on one fact: inside a JSON string every quote is escaped, so a name between bare
quotes is a whole key or value. What is in doubt is parsed in full; so is a line that is cut short or overwritten, and
found to be bad. Damage inside a line that is passed over stays unseen, and harmless.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

_MESSAGE = (b'"message":', b'"message": ')
_END = (b"}\n", b"}", b"}\r\n")
_PARENT = 55  # bytes at the start of a line that hold the parent's uuid, and so differ from line to line

# a message up to its content, or up to the first result in it, in three parts: the middle one is an id
_MODELS = re.compile(
    rb'(\{(?:"\w+": ?"[^"\\<]*", ?)*"id": ?")([^"\\]*)("(?:, ?"\w+": ?(?:"[^"\\<]*"|null))*, ?"content": ?\[)'
)  # `<` would begin the model "<synthetic>"
_RESULT = re.compile(
    rb'(\{"role": ?"user", ?"content": ?\[\{(?:"tool_use_id": ?")?)([^"\\]*)("(?:, ?")?type": ?"tool_result")'
)
_ASSISTANT = re.compile(rb'"role": ?"assistant"')
_MAIN = re.compile(rb'"isSidechain": ?false')
_ASIDE = re.compile(rb'"isSidechain": ?true')
_PASSED = re.compile(
    rb'"type": ?"(?:progress|system|file-history-snapshot|mode|permission-mode|ai-title|last-prompt)"'
)
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class _Head(NamedTuple):
    """How lines of one sort begin, but for two ids: the parent's, and one in the message."""

    opening: bytes = b"\n"  # from `_PARENT` to the second id
    gap: int = 0  # where that id begins
    behind: int = 0  # where it ends
    closing: bytes = b"\n"  # what follows it


def _head(line: bytes, found: re.Match[bytes]) -> _Head:
    return _Head(line[_PARENT : found.start(2)], found.start(2), found.end(2), found[3])


class Skim:
    """The pre-filter of one file; it remembers how the last lines began that it has looked at closely.

    Speed is all that is for: `line.find(x) >= 0` takes half the time of `x in line`, which first tries x as a number.
    """

    def __init__(self) -> None:
        self._models = self._result = _Head()

    def blocks(self, line: bytes, speaking: bool) -> list[Any] | None:
        """The content blocks that the line adds to the assistant's open turn, [] for none; None: parse it in full.

        Args:
            line: A line of the file.
            speaking: Whether an assistant's turn is open. If not, its first line is parsed in full.
        """
        if line.find(b"{", 1, _PARENT) < 0:
            opening, gap, behind, closing = self._models
            if line.startswith(opening, _PARENT):
                if line.startswith(closing, behind) and line.find(b'"', gap, behind) < 0:
                    return _blocks(line, behind + len(closing) - 1) if speaking else None
            else:
                opening, gap, behind, closing = self._result
                if (
                    line.startswith(opening, _PARENT)
                    and line.startswith(closing, behind)
                    and line.find(b'"', gap, behind) < 0
                ):
                    return [] if _went_well(line, behind) else None
        return self._look(line)

    def _look(self, line: bytes) -> list[Any] | None:
        """The same for a line that begins in another way than the last one of its sort."""
        message = line.find(b"{", 1)  # the first value that is nested: in most lines the message
        if not line.endswith(_MESSAGE, 0, message):
            return None if _may_matter(line, message) else []
        if found := _RESULT.match(line, message):
            self._result = _head(line, found)
            return [] if _went_well(line, message) else None
        found = _MODELS.match(line, message)
        if found and _ASSISTANT.search(line, message, found.end()):
            if _MAIN.search(line, 0, message):
                self._models = _head(line, found)
            elif _ASIDE.search(line, 0, message) and line.endswith(_END):
                return []
        return None


def _blocks(line: bytes, content: int) -> list[Any] | None:
    """The blocks of the list that begins at byte `content`."""
    try:
        text = line[content:].decode()
        blocks: list[Any]
        blocks, end = _scan(text, 0)
    except (ValueError, RecursionError, StopIteration):
        return None
    return blocks if text.find('"attributionSkill"', end) < 0 and line.endswith(_END) else None


def _went_well(line: bytes, message: int) -> bool:
    """Whether the tool results in the message at this byte are no errors."""
    at = line.find(b'"is_error"', message)
    if at >= 0 and (line.find(b"f", at + 10, at + 13) < 0 or line.find(b'"is_error"', at + 10) >= 0):
        return False
    return line.endswith(_END)


def _may_matter(line: bytes, nested: int) -> bool:
    """Whether a line without a message in the usual place may be worth parsing; its first nested value is at `nested`."""
    if not (line.startswith(b"{") and line.endswith(_END)):
        return True
    kind = line.find(b'"type":', 0, nested if nested > 0 else len(line))
    if kind >= 0 and _PASSED.match(line, kind):
        return False
    return (
        line.find(b'"user"') > 0
        or line.find(b'"assistant"') > 0
        or line.find(b'"queue') > 0
        or line.find(b'"invoked_skills"') > 0
    )
