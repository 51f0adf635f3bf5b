"""What Claude itself changed with its tools in a session: which file, which call, which lines.

A call counts by its result, which the client writes: an edit that failed or was refused has none, and what the person
altered in the client's dialog is not Claude's alone. A shell command has no such result: its text is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from skillloop.hosts.claude_code.records import Lines, parse
from skillloop.model import Session, Turn
from skillloop.skillpath import RULES, SKILL

_NAMES, _CALLS = (SKILL.encode(), RULES.encode()), (b'"tool_use"', b'"structuredPatch"')
_FILE = re.compile(rf"[^\s'\"=:;|&<>()]*(?:{re.escape(SKILL)}|{re.escape(RULES)})")
_FOLDER = re.compile(r"\s*cd\s+([^\s;&|]+)\s*(?:&&|;)")


class ToolEdit(NamedTuple):
    """A call that may have changed a file."""

    file: str
    tool: str
    command: str  # of a shell; "" where the blocks are known
    hunks: tuple[tuple[bytes, bytes], ...]  # the lines of each block without the change and with it
    path: str  # of the transcript
    line: int  # 1-based
    uuid: str  # of the record
    turn: Turn | None  # the person's, before it


def of(session: Session) -> Iterator[ToolEdit]:
    """Find the calls that may have changed a SKILL.md or a rules file, in order; those of its sub-agents come last."""
    main = Path(session.path)
    for path in (main, *sorted(main.with_suffix("").glob("subagents/agent-*.jsonl"))):
        calls: dict[Any, str] = {}  # tool and file, by the call's id
        for number, line in enumerate(chain.from_iterable(Lines(path)), start=1):
            marked = (_NAMES[0] in line or _NAMES[1] in line) and (_CALLS[0] in line or _CALLS[1] in line)
            if marked and (record := parse(line)):
                now = str(record.get("timestamp"))
                said = [turn for turn in session.human_turns if (turn.timestamp or "") <= now]
                where = (str(path), number, str(record.get("uuid")), said[-1] if said else None)
                with suppress(AttributeError, KeyError, TypeError):  # of another shape than the client's
                    yield from [ToolEdit(*change, *where) for change in _changes(record, calls)]


def _changes(record: dict[str, Any], calls: dict[Any, str]) -> Iterator[tuple[str, str, str, Any]]:
    content, result = record["message"]["content"], record.get("toolUseResult")
    for block in content if isinstance(content, list) else ():
        tool, given = block.get("name"), block.get("input")
        if block.get("type") == "tool_use" and tool in ("Edit", "MultiEdit", "Write"):
            calls[block.get("id")] = f"{tool} {given.get('file_path')}"
        elif block.get("type") == "tool_use" and tool == "Bash":
            command = str(given.get("command"))
            moved = _FOLDER.match(command)
            folder = Path(str(record.get("cwd"))) / Path(moved[1] if moved else "").expanduser()
            for name in dict.fromkeys(_FILE.findall(command.replace("$HOME", "~"))):
                yield str(folder / Path(name).expanduser()), tool, command, ()
        elif isinstance(result, dict) and not result.get("userModified"):
            tool, _, file = calls.get(block.get("tool_use_id"), "").partition(" ")
            if file and file == result.get("filePath"):
                hunks = (tuple(text.encode("utf-8", "replace") for text in hunk) for hunk in _hunks(result))
                yield file, tool, "", tuple(hunks)


def _hunks(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    patch = result.get("structuredPatch") or ()
    if result.get("type") == "create":
        yield "", str(result.get("content"))
    elif not patch:  # then what the call was given is all there is
        yield str(result["oldString"]), str(result["newString"])
    for hunk in patch:
        old, new = (
            "".join(f"{line[1:]}\n" for line in hunk["lines"] if line[:1] in side) for side in (" -", " +")
        )
        yield old, new
