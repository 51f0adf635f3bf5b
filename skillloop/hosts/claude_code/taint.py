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
    r"(\.claude[/\\]+projects(?![^\s'\"]{0,300}[/\\]memory[/\\])|history\.jsonl|\.skillloop\b|SKILLLOOP_HOME|skillloop\.db)"
)


def reason(tool: str, arguments: Any) -> str | None:
    """Why the call taints the session, or None."""
    if tool in READING or not isinstance(arguments, dict):
        return None
    todo = list(arguments.values())
    for item in todo:  # it grows by what is nested
        if isinstance(item, str):
            # one of these is in whatever the pattern finds, and in few calls
            if ".claude" in item or "history.jsonl" in item or "killloop" in item or "KILLLOOP" in item:
                found = _TOUCHED.search(item)
                if found is not None:
                    return f"a {tool} call touched {found[1]}"
        elif isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item
    return None
