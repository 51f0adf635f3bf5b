"""The lines of a transcript, streamed: whole ones only, and what one of them holds.

A transcript is appended to while it is read, can be gigabytes, and can be broken in any way. Memory stays at a few
blocks plus one line of at most `MAX_LINE` bytes; a longer line, and any that is not one JSON object, counts as bad.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from io import BytesIO
from typing import TYPE_CHECKING, Any

from skillloop.errors import SkillloopError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

BLOCK = 1 << 18
MAX_LINE = 16 << 20
_decode = json.JSONDecoder().raw_decode
OVERLONG = b"{"  # stands for a line longer than MAX_LINE: like it, no JSON object


class Changed(SkillloopError):  # noqa: N818  (a fact about the file, which the caller answers by reading it anew)
    """The transcript is not the one that was read up to `start`: it shrank or was rewritten."""


class Lines:
    """Whole lines from byte `start` on, in batches, with their newlines. After iterating, `end` and `digest` tell what was read.

    Args:
        path: The transcript.
        start: Byte offset of a line's first byte, 0 or the `end` of an earlier reading.

    Raises:
        SkillloopError: there is no such file, or it cannot be read, or is not a regular file.
        Changed: the file is shorter than `start`, or no line ends there.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.start = start
        self.end = start
        self._hash = hashlib.sha256()
        self._file = _open(path)
        try:
            self.before = _lines_before(self._file, path, start)
        except BaseException:
            self._file.close()
            raise

    @property
    def digest(self) -> str:
        """Hex sha256 over the bytes from `start` to `end`."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[list[bytes]]:
        pieces: list[bytes] = []  # of the line that is not whole yet; dropped when it gets too long
        size, offset, read = 0, self.start, hashlib.sha256()
        with self._file:
            while block := self._read():
                lines = list(BytesIO(block))  # finds the newlines several times faster than split does
                tail = b"" if lines[-1].endswith(b"\n") else lines.pop()
                if lines:
                    whole = len(block) - len(tail)
                    read.update(memoryview(block)[:whole])
                    self._hash, self.end = read.copy(), offset + whole
                    lines[0] = b"".join((*pieces, lines[0])) if size <= MAX_LINE else OVERLONG
                    yield lines
                    pieces, size = [], 0
                read.update(tail)
                size, offset = size + len(tail), offset + len(block)
                pieces = [*pieces, tail] if size <= MAX_LINE else []
        last = b"".join(pieces)
        if parse(last) is not None:  # complete, though without a newline: no prefix of an object is one
            self._hash, self.end = read, offset
            yield [last]

    def _read(self) -> bytes:
        try:
            return self._file.read(BLOCK)
        except OSError as error:
            raise SkillloopError(f"cannot read {self.path}: {error.strerror}") from error


def line_at(path: Path, number: int) -> bytes:
    """The line with this 1-based number, or b"" where there is none."""
    lines = Lines(path)
    before = 0
    for batch in lines:
        if before < number <= before + len(batch):
            return batch[number - before - 1]
        before += len(batch)
    return b""


def parse(line: bytes) -> dict[str, Any] | None:
    """The record of a line, or None where it is not one JSON object."""
    try:
        text = line.decode()
        value, end = _decode(text, len(text) - len(text.lstrip()))
    except (ValueError, RecursionError):  # bad UTF-8 and integers of thousands of digits are ValueErrors too
        return None
    return value if isinstance(value, dict) and not text[end:].strip() else None


def unambiguous(line: bytes) -> bool:
    """Whether no object in the line names a key twice: such a record says different things to different readers."""
    try:
        _decode_strictly(line.decode())
    except (ValueError, RecursionError):
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")


_decode_strictly = json.JSONDecoder(object_pairs_hook=_unique).decode


def _open(path: Path) -> BinaryIO:
    hint = "give the path of a Claude Code session, e.g. ~/.claude/projects/PROJECT/SESSION.jsonl"
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise SkillloopError(f"there is no transcript {path}", hint) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SkillloopError(f"cannot read {path}: {reason}", "check its permissions") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SkillloopError(f"{path} is not a file", hint)
    return os.fdopen(descriptor, "rb", buffering=0)


def _lines_before(file: BinaryIO, path: Path, start: int) -> int:
    """Count the lines before `start` without parsing them, and leave the file there."""
    hint = "read it again from the start"
    if os.fstat(file.fileno()).st_size < start:
        raise Changed(f"{path} is shorter than the {start} bytes that were read of it before", hint)
    count, left, last = 0, start, b"\n"
    while left and (block := file.read(min(BLOCK, left))):
        count += block.count(b"\n")
        left -= len(block)
        last = block[-1:]
    if last not in b"\n}":  # a line, or a complete last record that had no newline yet
        raise Changed(f"{path} was rewritten: no line ends at byte {start}", hint)
    return count
