"""What Claude itself wrote with its tools in a session: its changes of skills, and its own notes on how to work.

A change counts by its call's result, which the client writes: an edit that failed or was refused has none, and what the
person altered in the client's dialog is not Claude's alone. A shell command has no such result: its text is all there is.

After a correction the client writes a note ("feedback" memory) `memory/NAME.md` beside the project's transcripts: frontmatter,
the rule in the first paragraph, then why. It is known by its call of Write, or by the session that its frontmatter names,
which proves nothing: a note only points at a turn and offers a wording.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from skillloop.hosts.claude_code.records import content, naming, parse, string
from skillloop.hosts.claude_code.turn_assembler import BRIEF
from skillloop.model import Session, Turn
from skillloop.skillpath import RULES, SKILL
from skillloop.text.words import content_words

NAMES, _CALLS = (SKILL.encode(), RULES.encode()), (b'"tool_use"', b'"structuredPatch"')
_FILE = re.compile(rf"[^\s'\"=:;|&<>()]*(?:{re.escape(SKILL)}|{re.escape(RULES)})")
_FOLDER = re.compile(r"\s*cd\s+([^\s;&|]+)\s*(?:&&|;)")
LARGEST = 1 << 16  # bytes of a note that are read
NEAR = 3  # turns of the person's before the call, among which a note answers one
SHARED = 2  # content words by which a turn is known as what a note answers where it is not the last one
_PLACE = re.compile(r"/projects/[^/]+/memory/(?!MEMORY\.md$)[^/]+\.md$")
_PARTS = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*\r?\n(.*)", re.DOTALL)
_FIELD = r"^[ \t]*{}:[ \t]*(['\"]?)(.+?)\1[ \t]*\r?$"
_ASIDE = re.compile(r"[#>|`]|\*{0,2}(?:Why|How to apply)\b")
_STRAIGHT = str.maketrans("“”‘’", "\"\"''")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


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
    agents = sorted(main.with_suffix("").glob("subagents/agent-*.jsonl"))
    for path in [*[main] * session.names_files, *agents]:
        calls: dict[Any, str] = {}  # tool and file, by the call's id
        for number, line in naming(path, *NAMES):
            if (_CALLS[0] in line or _CALLS[1] in line) and (record := parse(line)):
                now = str(record.get("timestamp"))
                said = [turn for turn in session.human_turns if (turn.timestamp or "") <= now]
                where = (str(path), number, str(record.get("uuid")), said[-1] if said else None)
                with suppress(AttributeError, KeyError, TypeError):  # of another shape than the client's
                    yield from [ToolEdit(*change, *where) for change in _changes(record, calls)]


def _changes(record: dict[str, Any], calls: dict[Any, str]) -> Iterator[tuple[str, str, str, Any]]:
    result = record.get("toolUseResult")
    for block in content(record):
        tool, given = block.get("name"), block.get("input") or {}
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
        old, new = ([line[1:] + "\n" for line in hunk["lines"] if line[:1] in side] for side in (" -", " +"))
        yield "".join(old), "".join(new)


def edited(text: str, old: str, new: str, *, everywhere: bool = False) -> str | None:
    """Return what the client's Edit makes of a text, None where `old` is not in it.

    Straight quotation marks find curly ones, and what is replaced by nothing takes its line break along (findings/edit-writes-other-words.sh).
    """
    plain = text
    if old not in text:
        old, plain = old.translate(_STRAIGHT), text.translate(_STRAIGHT)
    if not new and not old.endswith("\n") and f"{old}\n" in plain:
        old += "\n"
    starts = [found.start() for found in re.finditer(re.escape(old), plain)]
    for start in reversed(starts if everywhere else starts[:1]):
        text = text[:start] + new + text[start + len(old) :]
    return text if starts else None


class Note(NamedTuple):
    """One note: its rule in wordings to choose from, as they stand in it, and the index of the turn it answers, if any."""

    name: str
    wordings: tuple[str, ...]
    turn: int | None


def notes(session: Session) -> list[Note]:
    """Return the notes of a session, in the order in which they were written, then those only known from their folder.

    A session in a subfolder of a git repository has its transcript in the subfolder's place, and its notes in the root's.
    """
    found, known = [], set()
    for path, text, line in _notes_written(session):
        known.add(path.name)
        before = [turn for turn in session.human_turns if turn.line < line]
        found.append(_as_note(path.name, text, before[-NEAR:], before[-1:]))
    folder = Path(session.path).parent
    places = [folder.parent / name for name in accumulate(folder.name.split("-"), "{}-{}".format)]
    for path in sorted(path for place in places for path in (place / "memory").glob("*.md")):
        text = _read(path)
        if path.name not in known and _field(text, "originSessionId") == session.session_id:
            found.append(_as_note(path.name, text, session.human_turns, ()))
    # what is written again for the same turn counts as it was last
    return list({(note.name, note.turn): note for note in found if note is not None}.values())


def _notes_written(session: Session) -> Iterator[tuple[Path, str, int]]:
    """Yield what each call of Write or Edit that went well made of a note, with the call's 1-based line."""
    calls = (tool for turn in session.turns for tool in turn.tools if not (tool.failed or tool.rejected))
    wanted = {call.brief for call in calls if call.name in ("Write", "Edit") and _PLACE.search(call.brief)}
    texts: dict[Path, str] = {}
    for number, line in naming(Path(session.path), b"/memory/") if wanted else ():
        record = parse(line) if b'"tool_use"' in line else None
        for block in content(record) if record and not record.get("isSidechain") else ():
            given = block.get("input")
            if not isinstance(given, dict) or string(given.get("file_path"))[:BRIEF] not in wanted:
                continue
            path = Path(given["file_path"])
            if block.get("name") == "Edit":
                text = texts[path] if path in texts else _read(path)
                made = edited(text, string(given.get("old_string")), string(given.get("new_string")))
                texts[path] = text if made is None else made
            elif block.get("name") == "Write":
                texts[path] = string(given.get("content"))
            yield path, texts.get(path, ""), number


def _as_note(name: str, text: str, near: Sequence[Turn], last: Sequence[Turn]) -> Note | None:
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
