"""Where the transcripts are, and the lines of one, streamed: whole ones only, and what one of them holds.

A transcript is appended to while it is read, can be gigabytes, and broken in any way. Memory stays at a few blocks plus one
line of at most `MAX_LINE` bytes; a longer line, and any that is not one JSON object, counts as bad.

Most of its bytes are tool results that went well, thoughts, and records that no session is made of: `skim` passes over them
with a typed decoder. Invariant: the session is the one that `parse` of every line gives. What does not have the usual types,
or only Python's own decoder takes (NaN, lone surrogates), is parsed in full. Damage inside what is passed over is harmless.
"""

import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterator
from functools import cached_property
from io import BytesIO, FileIO
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict

from skillloop import fs
from skillloop.errors import SkillloopError, UsageError

BLOCK = 1 << 16
WINDOW = 1 << 14  # bytes before an end by which a file is known again: its records have ids and times
MAX_LINE = 16 << 20
_decode = json.JSONDecoder().raw_decode
OVERLONG = b"{"  # stands for a line longer than MAX_LINE: like it, no JSON object


class _Block(msgspec.Struct, gc=False):
    """What a session may need of a content block; nothing of a result's text or a thought is decoded."""

    type: Any = None
    text: Any = None
    id: Any = None
    name: Any = None
    input: Any = None
    is_error: Any = None


class _Message(msgspec.Struct, gc=False):
    content: list[_Block]
    model: Any = None


class _Line(msgspec.Struct, gc=False):
    type: str
    subtype: Any = None
    isSidechain: bool = False  # noqa: N815  (the client's name)
    message: _Message | None = None
    attributionSkill: Any = None  # noqa: N815


_NEEDED = frozenset({"attachment", "queue-operation", "worktree-state"})
SYNTHETIC = "<synthetic>"  # the model of what the client itself says
_decode_line = msgspec.json.Decoder(_Line).decode


class Lines:
    """Whole lines, many as one `bytes`, with their newlines; then `end` and `digest` tell what was read. Raises SkillloopError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end = 0
        self._file = opened(path)
        self._last = (b"", b"", 0)  # two blocks, and how much of the second is read as lines

    @cached_property
    def digest(self) -> str:
        """Hex sha256 over the last `WINDOW` bytes before `end`."""
        earlier, block, whole = self._last
        return hashlib.sha256((earlier + block[max(0, whole - WINDOW) : whole])[-WINDOW:]).hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        pieces: list[bytes] = []  # of the line that is not whole yet; dropped when it gets too long
        size, offset, earlier = 0, 0, b""
        with self._file, fs.reaching(f"cannot read {self.path}"):
            while block := self._file.read(BLOCK):
                whole = block.rfind(b"\n") + 1
                if whole:
                    self._last, self.end = (earlier, block, whole), offset + whole
                    first, pieces = (block.index(b"\n"), [OVERLONG]) if size > MAX_LINE else (0, pieces)
                    yield b"".join((*pieces, memoryview(block)[first:whole]))
                    pieces, size = [], 0
                size, offset = size + len(block) - whole, offset + len(block)
                pieces = [*pieces, block[whole:]] if size <= MAX_LINE else []
                earlier = block if len(block) >= WINDOW else earlier[-WINDOW:] + block
        last = b"".join(pieces)
        if parse(last) is not None:  # complete, though without a newline: no prefix of an object is one
            self._last, self.end = (earlier, b"", 0), offset
            yield last


def naming(path: Path, *names: bytes) -> Iterator[tuple[int, bytes]]:
    """Find the lines of a transcript that hold one of these names, with their numbers from 1."""
    number = 1
    for block in Lines(path):
        if any(name in block for name in names):
            lines = enumerate(BytesIO(block), number)
            yield from (each for each in lines if any(name in each[1] for name in names))
        number += block.count(b"\n")


def parse(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, or None where it is not one JSON object."""
    try:
        text = line.decode()
        value, end = _decode(text, len(text) - len(text.lstrip()))
    except (ValueError, RecursionError):  # bad UTF-8 and integers of thousands of digits are ValueErrors too
        return None
    return value if isinstance(value, dict) and not text[end:].strip() else None


def string(value: Any) -> str:
    """Return the value if it is a string, with lone surrogates replaced so that it can be written out; else ""."""
    if not isinstance(value, str):
        return ""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Return the objects in a value, if it is a list; what else stands in it is passed over."""
    return (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))


def content(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the content blocks of a record's message, which may also be one string."""
    message = record.get("message")
    blocks = message.get("content") if isinstance(message, dict) else None
    return dicts(blocks if isinstance(blocks, list) else [{"type": "text", "text": blocks}])


def skim(line: bytes, *, replying: bool, awaited: Collection[bytes] = ()) -> list[dict[str, Any]] | None:
    """Return what a line adds to the assistant's open turn (`replying`); None: parse it in full, as results of `awaited` calls."""
    try:
        record = _decode_line(line)
    except (ValueError, RecursionError):  # a wrong type, bad UTF-8, no JSON at all
        return None
    message = record.message
    if record.type == "assistant":
        if record.isSidechain or message is None or message.model == SYNTHETIC:
            return []
        if record.attributionSkill is not None:
            return None
        blocks = [asdict(block) for block in message.content if block.type in ("text", "tool_use")]
        return blocks if replying or not blocks else None
    if record.type == "user":
        if message is None:
            return None
        for block in message.content:  # a person may have written something beside a result
            if block.type != "tool_result" or block.is_error:
                return None
        if not message.content or (awaited and any(key in line for key in awaited)):
            return None
        return []
    needed = record.type in _NEEDED or record.subtype in ("compact_boundary", "local_command")
    return None if needed else []


def unambiguous(line: bytes) -> bool:
    """Return whether no object in the line names a key twice: such a record says different things to different readers."""

    def unique(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key appears twice")

    try:
        json.loads(line.decode(), object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return False
    return True


def opened(path: Path) -> FileIO:
    """Return the transcript's file, unbuffered; errors as `Lines` raises them."""
    hint = "give the path of a Claude Code session, e.g. ~/.claude/projects/PROJECT/SESSION.jsonl"
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise SkillloopError(f"there is no transcript at {path}", hint) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SkillloopError(f"cannot read {path}: {reason}", "check its permissions") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SkillloopError(f"{path} is not a file", hint)
    return FileIO(descriptor, "rb")


def find(projects: Path) -> Iterator[Path]:
    """Find the main transcripts of a projects folder, by name: `SLUG/SESSION.jsonl`, and no sub-agent's `agent-*.jsonl`."""
    for path in sorted(projects.glob("*/*.jsonl")):
        if not path.name.startswith("agent-") and path.is_file():
            yield path


def locate(session: Path | str, projects: Path) -> Path:
    """Return the transcript that a path, a session id or the beginning of one names. UsageError: none or several are."""
    path = Path(session).expanduser()
    if path.exists() or path.suffix == ".jsonl" or len(path.parts) > 1:
        return path
    matches = [match for match in find(projects) if match.stem.startswith(path.name)]
    exact = [match for match in matches if match.stem == path.name]
    if len(exact or matches) == 1:
        return (exact or matches)[0]
    if matches:
        names = ", ".join(map(str, matches[:5]))
        wrong = f"{len(matches)} sessions begin with {session}: {names}"
        raise UsageError(wrong, "give more of the id, or the path")
    hint = "give a path, or an id that `skillloop log` shows"
    raise UsageError(f"no session {session} under {projects}", hint)
