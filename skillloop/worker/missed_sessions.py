"""Find sessions that ended without a hook (`kill -9`, power loss): transcripts that changed since they were digested.

What was seen of each transcript is its size and modification time, compared for equality only, so no clock matters.
The first sweep ever takes all there is as seen: installing skillloop does not digest a person's whole past.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from skillloop.fs import Mark, mark, write_atomic
from skillloop.hosts.claude_code import places


class Seen:
    """What was seen of each transcript, kept in `$SKILLLOOP_HOME/seen.json`."""

    def __init__(self, home: Path) -> None:
        self._path = home / "seen.json"
        self._first = True
        self._marks: dict[str, Mark] = {}
        with suppress(OSError, msgspec.MsgspecError):  # missing or unreadable: start afresh
            self._marks = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Mark])
            self._first = False

    def note(self, path: Path, seen: Mark) -> None:
        """Remember how a transcript looked when it was digested."""
        self._marks[str(path)] = seen

    def has(self, path: Path, seen: Mark) -> bool:
        """Return whether a transcript was digested, or taken as seen, as it looks now."""
        return self._marks.get(str(path)) == seen

    def changed(self, projects: Path, alive: frozenset[str]) -> list[Path]:
        """Return the transcripts under `projects` that nobody digested as they are now, but for sessions still `alive`.

        On the first sweep there are none. What was seen of transcripts that are gone is forgotten.
        """
        marks: dict[str, Mark] = {}
        missed = []
        for path in places.find(projects):
            try:
                now = mark(path)
            except OSError:  # removed while we looked
                continue
            name = str(path)
            if name in self._marks:
                marks[name] = self._marks[name]
            if marks.get(name) == now or path.stem in alive:
                continue
            if self._first:
                marks[name] = now
            else:
                missed.append(path)
        self._marks, self._first = marks, False
        return missed

    def save(self) -> None:
        """Write it to disk. What a crash loses before this is only swept again."""
        write_atomic(self._path, msgspec.json.encode(self._marks))


def running(client: Path) -> frozenset[str]:
    """Return the ids of sessions whose client process lives, by the client's own `sessions/PID.json`.

    An older client writes no such files: then a running session may be digested early, and again at its end.
    """
    alive = set()
    for path in (client / "sessions").glob("*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):  # half written, or of a version that differs
            record = json.loads(path.read_bytes())
            if _lives(int(record["pid"]), record.get("procStart")):
                alive.add(str(record["sessionId"]))
    return frozenset(alive)


def _lives(pid: int, start: str | None) -> bool:
    """Return whether this very process runs. Its number may have gone to another, so its start time counts where known."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return True
    state, *fields = status.rpartition(")")[2].split()
    return state != "Z" and start in (None, fields[18])  # a killed client may wait for its parent as a zombie
