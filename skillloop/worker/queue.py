"""The job queue, and what was seen before: one small JSON file per ended session, moved between folders as it is worked on.

    inbox/NAME.json           waiting: as the hook wrote it, or with `attempts`, `error`, `not_before` after a failure
    inbox/working/NAME.json   the worker is at it; what a worker that died leaves here is put back
    inbox/failed/NAME.json    given up after `ATTEMPTS` tries, with the last error, for a person to look at

Invariants: a job is in one of these places until it is done; a session that ends again while its job is worked on
gets a new job, which no retry of the older one ever replaces.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from skillloop.errors import SkillloopError
from skillloop.fs import Mark, mark, write_atomic
from skillloop.hosts.claude_code import records

ATTEMPTS = 5
LEFTOVER = 3600.0  # seconds after which nobody writes a temporary file any more
BACK_OFF = 60.0  # seconds after the first failure; four times as long after each further one


@dataclass(frozen=True, slots=True)
class Job:
    """One session to digest."""

    session_id: str
    transcript_path: str
    attempts: int = 0  # tries that failed
    error: str = ""  # of the last one
    not_before: float = 0.0  # POSIX time of the next try

    @property
    def waits(self) -> bool:
        """Whether its back-off still runs. A clock that was set far back ends it."""
        return bool(0 < self.not_before - time.time() <= BACK_OFF * 4**self.attempts)


class BrokenJob(SkillloopError):  # noqa: N818  (a finding, as its siblings)
    """A file in the inbox is not a job: cut off by a power loss, or written by something else."""


class Inbox:
    """The three folders. `recover`, `claim`, `done` and `fail` are for the worker alone, who holds its lock."""

    def __init__(self, home: Path) -> None:
        self.waiting = home / "inbox"
        self.working = self.waiting / "working"
        self.failed = self.waiting / "failed"
        for folder in (home, self.waiting, self.working, self.failed):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the mode is of the last folder alone

    def put(self, job: Job) -> bool:
        """Add a job; return False, and do nothing, where one of its session already waits."""
        fresh = self.waiting / f".{job.session_id}.{os.getpid()}"
        write_atomic(fresh, _encode(job))
        try:
            os.link(fresh, self.waiting / f"{job.session_id}.json")
        except FileExistsError:
            return False
        finally:
            fresh.unlink()
        return True

    def due(self) -> list[str]:
        """Names of the sessions to digest now, longest waiting first."""
        names = []
        for path in sorted(self.waiting.glob("[!.]*.json"), key=lambda path: (path.stat().st_mtime_ns, path)):
            with suppress(BrokenJob, OSError):  # the worker parks or misses it when it claims it
                if _read(path).waits:
                    continue
            names.append(path.stem)
        return names

    def claim(self, name: str) -> Job:
        """Start on a job. Raises BrokenJob: The file is not a job; it was parked."""
        path = self.working / f"{name}.json"
        (self.waiting / path.name).rename(path)
        try:
            return _read(path)
        except BrokenJob as error:
            self._park(Job(name, "", ATTEMPTS, error.message))
            raise

    def done(self, name: str) -> None:
        """Remove a finished job, and an earlier failure of the same session."""
        (self.working / f"{name}.json").unlink()
        (self.failed / f"{name}.json").unlink(missing_ok=True)

    def fail(self, name: str, job: Job, error: str) -> Job:
        """Put a job back for a later try, or park it after the last one; return the job as it is then."""
        later = time.time() + BACK_OFF * 4**job.attempts
        job = replace(job, session_id=name, attempts=job.attempts + 1, error=error, not_before=later)
        if job.attempts >= ATTEMPTS:
            self._park(job)
        else:
            self.put(job)
            (self.working / f"{name}.json").unlink()
        return job

    def recover(self) -> list[Job]:
        """Count a failure for each job that a worker was at when it died, and return these jobs."""
        for path in self.waiting.glob(".*"):  # what a hook that was killed left half written
            if time.time() - path.stat().st_mtime > LEFTOVER:
                path.unlink()
        recovered = []
        for path in sorted(self.working.glob("*.json")):
            try:
                job = _read(path)
            except BrokenJob as error:
                self._park(Job(path.stem, "", ATTEMPTS, error.message))
            else:
                recovered.append(self.fail(path.stem, job, "the worker died while it digested this session"))
        return recovered

    def _park(self, job: Job) -> None:
        name = f"{job.session_id}.json"
        write_atomic(self.failed / name, _encode(job))
        (self.working / name).unlink()


def failing(home: Path) -> Iterator[Job]:
    """Yield the jobs of which the last try failed, those that were given up last. Makes no folder.

    One that failed by a configuration file that was changed since is tried again soon, and is none.
    """
    inbox = home / "inbox"
    for path in (*sorted(inbox.glob("[!.]*.json")), *sorted((inbox / "failed").glob("*.json"))):
        with suppress(msgspec.MsgspecError, OSError):
            job = msgspec.json.decode(path.read_bytes(), type=Job)
            rules = Path(job.error.partition(":")[0])
            ours = path.parent == inbox and rules.name in {"config.toml", "skillloop.toml"}
            mended = ours and (not rules.exists() or rules.stat().st_mtime > path.stat().st_mtime)
            if job.error and not mended:
                yield job


def _encode(job: Job) -> bytes:
    return msgspec.json.format(msgspec.json.encode(job), indent=1) + b"\n"


def _read(path: Path) -> Job:
    try:
        job = msgspec.json.decode(path.read_bytes(), type=Job)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BrokenJob(f"{path.name} is not a job: {error}") from error
    if not (job.transcript_path.startswith("/") and job.transcript_path.endswith(".jsonl")):
        raise BrokenJob(f"{path.name} is not a job: {job.transcript_path!r} is not the path of a transcript")
    return job


class Seen:
    """How each transcript last looked (`seen.json`), to find those that ended without a hook; the first sweep takes all."""

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
        """Return the transcripts that nobody digested as they are now, but for `alive` sessions; none at first."""
        marks: dict[str, Mark] = {}
        missed = []
        for path in records.find(projects):
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
    """Return the sessions whose client lives, by its `sessions/PID.json`; an older client writes none."""
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
