"""What Claude itself changed with its tools in a session, as the transcript has it: which file, which call, which lines.

A call counts by its result, which the client writes: an edit that failed or was refused has none. What the person changed
in the client's dialog before they allowed it is not Claude's. A shell command has no such result: its text is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from skillloop.hosts.claude_code.records import Lines, parse
from skillloop.model import Session, ToolEdit
from skillloop.skillpath import RULES, SKILL

_NAMES = (SKILL.encode(), RULES.encode())
_TOOLS = ("Edit", "MultiEdit", "Write")
_FILE = re.compile(rf"[^\s'\"=:;|&<>()]*(?:{re.escape(SKILL)}|{re.escape(RULES)})")
_FOLDER = re.compile(r"\s*cd\s+([^\s;&|]+)\s*(?:&&|;)")


def of(session: Session) -> Iterator[ToolEdit]:
    """Find the calls that may have changed a SKILL.md or a rules file, in order; those of its sub-agents come last."""
    main = Path(session.path)
    for path in (main, *sorted(main.with_suffix("").glob("subagents/agent-*.jsonl"))):
        calls: dict[Any, str] = {}  # the tool, by the call's id
        for number, line in enumerate(chain.from_iterable(Lines(path)), start=1):
            if any(name in line for name in _NAMES) and (record := parse(line)) is not None:
                before = record.get("timestamp") or ""
                said = [turn for turn in session.human_turns if (turn.timestamp or "") <= before]
                where = (str(path), number, str(record.get("uuid")), said[-1] if said else None)
                yield from (ToolEdit(*what, *where) for what in _changes(record, calls))


def _changes(
    record: dict[str, Any], calls: dict[Any, str]
) -> Iterator[tuple[str, str, str, tuple[tuple[bytes, bytes], ...]]]:
    """Find what a record changed: file, tool, command, and for each block its lines without and with the change."""
    message, result = record.get("message"), record.get("toolUseResult")
    content = message.get("content") if isinstance(message, dict) else None
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, dict):
            continue
        tool, given = block.get("name"), block.get("input")
        if block.get("type") == "tool_use" and isinstance(given, dict):
            command = given.get("command")
            if tool in _TOOLS:
                calls[block.get("id")] = f"{tool} {given.get('file_path')}"
            elif tool == "Bash" and isinstance(command, str):
                moved = _FOLDER.match(command)
                folder = Path(str(record.get("cwd"))) / Path(moved[1] if moved else "").expanduser()
                for name in dict.fromkeys(_FILE.findall(command.replace("$HOME", "~"))):
                    yield str(folder / Path(name).expanduser()), tool, command, ()
        elif isinstance(result, dict) and not result.get("userModified"):
            called = calls.get(block.get("tool_use_id"), "")
            if called.endswith(f" {result.get('filePath')}"):
                yield str(result["filePath"]), called.partition(" ")[0], "", tuple(_hunks(result))


def _hunks(result: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    if result.get("type") == "create":
        yield b"", str(result.get("content")).encode("utf-8", "replace")
    for hunk in result.get("structuredPatch") or ():
        lines = [line for line in hunk["lines"] if line[:1] != "\\"]  # "\ No newline at end of file"
        old, new = ("".join(f"{line[1:]}\n" for line in lines if line[:1] in side) for side in (" -", " +"))
        yield old.encode("utf-8", "replace"), new.encode("utf-8", "replace")
