"""Whether a tool call touched what skillloop rests on: transcripts, the prompt history, or skillloop's own state.

A call that only reads cannot forge anything, and a project's memory folder is where Claude Code itself keeps notes. Any
other mention counts, also inside a script that a call writes. A determined forger can hide the path: the taint lowers
trust, it does not carry it.
"""

from __future__ import annotations

import re
from typing import Any

READING = frozenset(
    {"Read", "Grep", "Glob", "LS", "NotebookRead", "WebFetch", "WebSearch", "TodoWrite", "Skill"}
)

_TOUCHED = re.compile(
    r"(\.claude[/\\]+projects(?![^\s'\"]*[/\\]memory[/\\])|history\.jsonl|\.skillloop\b|SKILLLOOP_HOME|skillloop\.db)"
)

_NEEDLES = (
    "claude",
    "history.jsonl",
    "killloop",
    "KILLLOOP",
)  # at least one is in whatever the pattern finds


def reason(tool: str, arguments: Any) -> str | None:
    """Why the call taints the session, or None."""
    if tool in READING:
        return None
    for text in _strings(arguments):
        if any(needle in text for needle in _NEEDLES) and (found := _TOUCHED.search(text)):
            return f"a {tool} call touched {found[1]}"
    return None


def _strings(value: Any) -> list[str]:
    """Every string inside a JSON value."""
    todo, found = [value], []
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item
    return found
