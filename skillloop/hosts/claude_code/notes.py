"""Claude Code's own notes on how to work ("feedback" memories), each with the turn of the person's that it answers.

After a correction the client writes `memory/NAME.md` beside the project's transcripts: frontmatter, the rule in the first
paragraph, then why. The call of Write stands in the transcript; a note that came there otherwise is known by the session
that its frontmatter names. That proves nothing, as whatever writes files can write it: a note only points at a turn and
offers a wording. What is no feedback, or says nothing, or whose call was refused, is no note here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skillloop.hosts.claude_code.records import Lines, parse
from skillloop.hosts.claude_code.turn_builder import BRIEF, string
from skillloop.model import Session, Turn
from skillloop.text.words import content_words

LARGEST = 1 << 16
"""Bytes of a note that are read."""

NEAR = 3
"""Turns of the person's before the call among which the one is sought that a note answers."""

SHARED = 2
"""Content words by which a turn is known as what a note answers where it is not the last one before it."""

_PLACE = re.compile(r"/projects/[^/]+/memory/(?!MEMORY\.md$)[^/]+\.md$")
_PARTS = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*\r?\n(.*)", re.DOTALL)
_FIELD = r"^[ \t]*{}:[ \t]*(['\"]?)(.+?)\1[ \t]*\r?$"
_ASIDE = re.compile(r"[#>|`]|\*{0,2}(?:Why|How to apply)\b")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


@dataclass(frozen=True, slots=True)
class Note:
    """One note: its rule in wordings to choose from, as they stand in it, and the index of the turn it answers, if any."""

    name: str
    wordings: tuple[str, ...]
    turn: int | None


def find(session: Session) -> list[Note]:
    """Return the notes of a session, in the order in which they were written, then those only known from their folder."""
    found, known = [], set()
    for path, text, line in _written(session):
        known.add(path.name)
        before = [turn for turn in session.human_turns if turn.line < line]
        found.append(_note(path.name, text, before[-NEAR:], before[-1:]))
    for path in sorted((Path(session.path).parent / "memory").glob("*.md")):
        text = _read(path)
        if path.name not in known and _field(text, "originSessionId") == session.session_id:
            found.append(_note(path.name, text, session.human_turns, ()))
    # what is written again for the same turn counts as it was last
    return list({(note.name, note.turn): note for note in found if note is not None}.values())


def _written(session: Session) -> Iterator[tuple[Path, str, int]]:
    """Yield what each call of Write or Edit that went well made of a note, with the call's 1-based line."""
    calls = (tool for turn in session.turns for tool in turn.tools if not (tool.failed or tool.rejected))
    wanted = {call.brief for call in calls if call.name in ("Write", "Edit") and _PLACE.search(call.brief)}
    texts: dict[Path, str] = {}
    number = 0
    for batch in Lines(Path(session.path)) if wanted else ():
        for line in batch:
            number += 1
            record = parse(line) if b"/memory/" in line and b'"tool_use"' in line else None
            message = record.get("message") if record and not record.get("isSidechain") else None
            content = message.get("content") if isinstance(message, dict) else None
            for block in content if isinstance(content, list) else ():
                given = block.get("input") if isinstance(block, dict) else None
                if not isinstance(given, dict) or string(given.get("file_path"))[:BRIEF] not in wanted:
                    continue
                path = Path(given["file_path"])
                if block.get("name") == "Edit":
                    old, new = string(given.get("old_string")), string(given.get("new_string"))
                    texts[path] = (texts.get(path) or _read(path)).replace(old, new, 1)
                elif block.get("name") == "Write":
                    texts[path] = string(given.get("content"))
                yield path, texts.get(path, ""), number


def _note(name: str, text: str, near: Sequence[Turn], last: Sequence[Turn]) -> Note | None:
    """Return the note that a file is, if it is feedback: it answers the `last` turn unless its words speak for one `near`."""
    parts = _PARTS.match(text)
    if parts is None or _field(text, "type") != "feedback":
        return None
    lines = (line.strip() for line in parts[2].splitlines())
    lead = next((line.lstrip("-*• ") for line in lines if line and not _ASIDE.match(line)), "")
    found = (lead, _SENTENCE.split(lead)[0], _field(text, "description"))
    wordings = tuple(dict.fromkeys(filter(None, found)))
    about = content_words(" ".join(wordings))
    shared = {turn.index: len(about & content_words(turn.text)) for turn in near}
    best = max(shared, key=lambda index: (shared[index], index), default=None)
    answered = next((turn.index for turn in last), None)
    if best is not None and shared[best] >= SHARED and not (answered is not None and shared[answered]):
        answered = best
    return Note(name, wordings, answered) if wordings else None


def _field(text: str, name: str) -> str:
    """Return a field of the frontmatter, at any depth, as it is written; "" where there is none."""
    parts = _PARTS.match(text)
    found = re.search(_FIELD.format(name), parts[1], re.MULTILINE) if parts else None
    return found[2] if found else ""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
