"""Many transcripts at once: on every core where that pays, always in order."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from skillloop.errors import SkillloopError
from skillloop.hosts.claude_code import transcript
from skillloop.model import Session

PARALLEL_FROM = 64 << 20
"""Bytes of transcripts from which starting more processes pays."""


def read_all(paths: Sequence[Path]) -> Iterator[Session | SkillloopError]:
    """Read transcripts, in order; one that cannot be read gives its error. Large amounts are read on every core."""
    if len(paths) < 2 or sum(map(_size, paths)) < PARALLEL_FROM or (os.cpu_count() or 1) < 2:
        yield from map(_read, paths)
        return
    with ProcessPoolExecutor(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        yield from pool.map(_read, paths)


def _read(path: Path) -> Session | SkillloopError:
    try:
        return transcript.read(path)
    except SkillloopError as error:
        return error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
