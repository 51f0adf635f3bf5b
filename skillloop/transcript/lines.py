"""The lines of a transcript, streamed: whole ones only, with a byte-level test of which are worth parsing.

A transcript is appended to while it is read, can be gigabytes, and can be broken in any way. Memory stays at a few
blocks plus one line of at most `MAX_LINE` bytes; a longer line, and any that is not one JSON object, counts as bad.
Invariant: `worth_parsing` says no only of lines from which the full parse would learn nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING, Any

from skillloop.errors import SkillloopError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path
    from typing import BinaryIO

BLOCK = 1 << 20
MAX_LINE = 16 << 20
OVERLONG = b"{"  # stands for a line longer than MAX_LINE: like it, no JSON object


class Changed(SkillloopError):  # noqa: N818  (a fact about the file, which the caller answers by reading it anew)
    """The transcript is not the one that was read up to `start`: it shrank or was rewritten."""


class Lines:
    """Whole lines from byte `start` on. After iterating, `end` and `digest` tell what was read.

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
        self.size = os.fstat(self._file.fileno()).st_size
        try:
            self.before = _lines_before(self._file, path, start)
        except BaseException:
            self._file.close()
            raise

    @property
    def digest(self) -> str:
        """Hex sha256 over the bytes from `start` to `end`."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        with self._file:
            while block := self._read():
                whole, newline, tail = block.rpartition(b"\n")
                if newline:
                    yield from self._split(rest + whole)
                    rest = tail
                elif len(rest) <= MAX_LINE:
                    rest += tail
                else:
                    rest = yield from self._overlong(rest + tail)
        if (
            parse(rest) is not None
        ):  # a last line without newline that is complete: no prefix of an object is one
            self._count(rest)
            yield rest

    def _split(self, whole: bytes) -> Iterator[bytes]:
        self._count(whole)
        self._count(b"\n")
        return iter(whole.split(b"\n"))

    def _overlong(self, begun: bytes) -> Generator[bytes, None, bytes]:
        """Pass over a line that is too long to hold, and return what follows its newline and is not whole yet."""
        passed, size = self._hash.copy(), len(begun)
        passed.update(begun)
        while block := self._read():
            head, newline, tail = block.partition(b"\n")
            passed.update(head + newline)
            size += len(head) + len(newline)
            if newline:
                self._hash, self.end = passed, self.end + size
                yield OVERLONG
                whole, newline, rest = tail.rpartition(b"\n")
                if newline:
                    yield from self._split(whole)
                return rest
        return b""

    def _count(self, data: bytes) -> None:
        self.end += len(data)
        self._hash.update(data)

    def _read(self) -> bytes:
        try:
            return self._file.read(BLOCK)
        except OSError as error:
            raise SkillloopError(f"cannot read {self.path}: {error.strerror}") from error


def worth_parsing(line: bytes) -> bool:
    """Whether the line could hold a person's words, an assistant's words or calls, or a failed tool result.

    Exact for JSON as Claude Code writes it: inside a JSON string every quote is escaped, so `"user"` with bare quotes
    can only be a whole key or value. Whatever is in doubt is worth parsing, so that a line cut short or overwritten is
    found to be bad; damage inside a line that is passed over stays unseen, and harmless.
    """
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return True
    if b'"tool_result"' in line and b'"tool_use_id"' in line:
        return _failed(line) or b'"text"' in line or b'"assistant"' in line
    if b'"assistant"' in line:
        return b'"text"' in line or b'"tool_use"' in line or b'"user"' in line
    return b'"user"' in line or b'"queue' in line or b'"invoked_skills"' in line


def _failed(line: bytes) -> bool:
    """Whether some `is_error` in the line is not plainly false."""
    at = line.find(b'"is_error"')
    while at >= 0:
        if b"f" not in line[at + 10 : at + 13]:  # `:fa` or `: f`
            return True
        at = line.find(b'"is_error"', at + 10)
    return False


def parse(line: bytes) -> dict[str, Any] | None:
    """The record of a line, or None where it is not one JSON object."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):  # bad UTF-8 and integers of thousands of digits are ValueErrors too
        return None
    return value if isinstance(value, dict) else None


def unambiguous(line: bytes) -> bool:
    """Whether no object in the line names a key twice: such a record says different things to different readers."""
    try:
        json.loads(line, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")


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
