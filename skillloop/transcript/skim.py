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
from typing import Any

_MESSAGE = (b'"message":', b'"message": ')
_CONTENT = (b'"content":', b'"content": ')
_TYPE = (b'"type":', b'"type": ')
_PARENT = 55  # bytes at the start of a line that hold the parent's uuid, and so differ from line to line
_HEADS = 64  # heads that are remembered
_decode = json.JSONDecoder().raw_decode


class Skim:
    """The pre-filter of one file; it remembers the heads of the lines that it has checked."""

    def __init__(self) -> None:
        self._main: set[bytes] = set()

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
        head = line[message:content]
        if b'"assistant"' in head:
            before = line[_PARENT:message]
            if before not in self._main and not self._check(before):
                return [] if b'Sidechain":true' in before or b'Sidechain": true' in before else None
            if speaking and head.endswith(_CONTENT) and b"<synthetic>" not in head and head.rfind(b"{") == 0:
                return _blocks(line, content)
        elif b'"user"' in head and _is_result(line, content):
            return [] if line[-1] == 125 and not _failed(line) else None
        return None

    def _check(self, before: bytes) -> bool:
        """Whether what stands before the message says that it belongs to the main conversation."""
        plain = b'Sidechain":' in before and b"true" not in before
        if plain and len(self._main) < _HEADS:
            self._main.add(before)
        return plain


def _blocks(line: bytes, content: int) -> list[Any] | None:
    """The blocks of the list that begins at byte `content`."""
    try:
        text = line[content:].decode()
        blocks, end = _decode(text)
    except (ValueError, RecursionError):
        return None
    if text[-1] != "}" or text.find('"attributionSkill"', end) > 0:
        return None
    return blocks if isinstance(blocks, list) else None


def _is_result(line: bytes, content: int) -> bool:
    """Whether the first block of the list that begins at byte `content` is a tool result."""
    at = line.find(b'"tool_result"', content, content + 150)
    return at > 0 and line.endswith(_TYPE, content, at) and line.rfind(b"{", content, at) - content in {1, 2}


def _may_matter(line: bytes) -> bool:
    """Whether a line without a message in the usual place may be worth parsing."""
    return (
        b'"user"' in line
        or b'"assistant"' in line
        or b'"queue' in line
        or b'"invoked_skills"' in line
        or not (line.startswith(b"{") and line.endswith(b"}"))
    )


def _failed(line: bytes) -> bool:
    """Whether some `is_error` in the line is not plainly false."""
    at = line.find(b'"is_error"')
    while at >= 0:
        if b"f" not in line[at + 10 : at + 13]:  # `:fa` or `: f`
            return True
        at = line.find(b'"is_error"', at + 10)
    return False
