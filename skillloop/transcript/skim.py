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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MESSAGE = (b'"message":', b'"message": ')
_CONTENT = (b'"content":', b'"content": ')
_TYPE = (b'"type":', b'"type": ')
_END = (b"}\n", b"}", b"}\r\n")
_PARENT = 55  # bytes at the start of a line that hold the parent's uuid, and so differ from line to line
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class Skim:
    """The pre-filter of one file; it remembers the head of the last line that it has checked.

    Speed is all it is for: `line.find(x) >= 0` takes half the time of `x in line`, which first tries x as a number.
    """

    def __init__(self) -> None:
        self._main = b""

    def __call__(self, line: bytes, speaking: bool) -> list[Any] | None:
        """The content blocks that the line adds to the assistant's open turn, [] for none; None: parse it in full.

        Args:
            line: A line of the file.
            speaking: Whether an assistant's turn is open. If not, its first line is parsed in full.
        """
        message = line.find(b"{", 1)  # the first value that is nested: in most lines the message
        if not line.endswith(_MESSAGE, 0, message):
            return None if _may_matter(line) else []
        content = line.find(b"[", message)
        if line.find(b'"assistant"', message, content) > 0:
            before = line[_PARENT:message]
            if before != self._main:
                if before.find(b'Sidechain":false') < 0 and before.find(b'Sidechain": false') < 0:
                    return None
                self._main = before
            if (
                speaking  # and nothing is nested in the message before its content, and it is a model's
                and line.endswith(_CONTENT, message, content)
                and line.rfind(b"{", message, content) == message
                and line.find(b"<synthetic>", message, content) < 0
            ):
                return _blocks(line, content)
        elif line.find(b'"user"', message, content) > 0 and _is_result(line, content) and line.endswith(_END):
            at = line.find(b'"is_error"', content)
            if at < 0 or (line.find(b"f", at + 10, at + 13) > 0 and line.find(b'"is_error"', at + 10) < 0):
                return []
        return None


def _blocks(line: bytes, content: int) -> list[Any] | None:
    """The blocks of the list that begins at byte `content`."""
    try:
        text = line[content:].decode()
        blocks, end = _scan(text, 0)
    except (ValueError, RecursionError, StopIteration):
        return None
    if text.find('"attributionSkill"', end) > 0 or not line.endswith(_END):
        return None
    return blocks if isinstance(blocks, list) else None


def _is_result(line: bytes, content: int) -> bool:
    """Whether the first block of the list that begins at byte `content` is a tool result."""
    at = line.find(b'"tool_result"', content, content + 150)
    return at > 0 and line.endswith(_TYPE, content, at) and line.rfind(b"{", content, at) - content in {1, 2}


def _may_matter(line: bytes) -> bool:
    """Whether a line without a message in the usual place may be worth parsing."""
    return (
        not (line.startswith(b"{") and line.endswith(_END))
        or line.find(b'"user"') > 0
        or line.find(b'"assistant"') > 0
        or line.find(b'"queue') > 0
        or line.find(b'"invoked_skills"') > 0
    )
