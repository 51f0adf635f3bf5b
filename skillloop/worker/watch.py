"""Follow the transcripts and the skills while it runs. The only module that imports watchdog.

What it sees takes the ways that exist without it: a session that ended goes through the inbox and the worker, a
person's edit through `history.record_external_edit`; the outcome of either is read back from the log.

Invariants: a missed event costs time, never a session: whenever a folder is found, or found again, all in it is
compared with what was seen before. Between events nothing is read but a handful of folders and the log's size.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from skillloop import fs
from skillloop.errors import SkillloopError
from skillloop.fs import Mark
from skillloop.hosts.claude_code import transcript
from skillloop.skillpath import RULES, SKILL
from skillloop.skills import history
from skillloop.store import Entry, Store
from skillloop.worker import worker
from skillloop.worker.missed_sessions import Seen, running
from skillloop.worker.queue import Inbox, Job

if TYPE_CHECKING:
    from watchdog.observers.api import ObservedWatch

LOOK = 2.0  # seconds between two looks at whether the folders are there and the log has grown
SAVED = 1.0  # seconds without a change after which an editor has ended its save
LEFT = 5.0  # seconds without a change after which a session whose client is gone has ended

_CHANGES = {"created", "modified", "moved", "deleted", "closed"}  # not "opened": reading is no change


class _Changes(FileSystemEventHandler):
    """Put the path of each transcript or skill that changed into a queue; runs in watchdog's thread."""

    def __init__(self, changed: queue.SimpleQueue[Path]) -> None:
        self._changed = changed

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Queue the paths of an event of any kind."""
        if event.event_type not in _CHANGES:
            return
        for name in filter(None, map(os.fsdecode, (event.src_path, event.dest_path))):
            if name.endswith((".jsonl", SKILL, RULES)):
                self._changed.put(Path(name))


class Watch:
    """Follow transcripts and skills. Use it as a context, and call `step` for ever."""

    def __init__(self, home: Path, client: Path, idle: float, digest: Callable[[Path, Path], str]) -> None:
        """Follow the transcripts under `client` and the skills that have a history in `home`.

        Args:
            home: $SKILLLOOP_HOME.
            client: The client's own folder, e.g. ~/.claude.
            idle: Seconds without a change after which a session is digested even if its client still runs.
            digest: See `worker.drain`.
        """
        self._home, self._client, self._idle, self._digest = home, client, idle, digest
        self._projects = client / "projects"
        self._queue: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._observer = Observer()
        self._folders: dict[Path, tuple[ObservedWatch, int]] = {}  # with the inode that is watched
        self._marks: dict[Path, Mark] = {}  # of transcripts, as last compared
        self._changed: dict[Path, float] = {}  # when it last did, on the monotonic clock
        self._skills: frozenset[Path] = frozenset()
        self._log: Mark | None = None
        self._entries = 0  # of the log, as of the last step

    def __enter__(self) -> Self:
        """Catch up on what happened before, then follow."""
        with Store.open(self._home) as store:
            self._entries = store.entries()
            self._skills = frozenset(store.skills())
        worker.drain(self._home, self._client, self._digest)
        self._marks = self._marked()
        self._observer.start()
        self._look()
        now = time.monotonic()
        self._changed |= dict.fromkeys(self._skills, now - SAVED)
        seen = Seen(self._home)  # what nobody digested as it is now: sessions that were open when we began
        self._changed |= {path: now for path, mark in self._marks.items() if not seen.has(path, mark)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop following. The next command finishes what is under way, as after a crash."""
        self._observer.stop()
        self._observer.join()

    @property
    def following(self) -> tuple[int, int]:
        """Return the number of transcripts, and of skills."""
        return len(self._marks), len(self._skills)

    def step(self, wait: float = LOOK) -> list[Entry]:
        """Wait for changes, do what is due, and return what is new in the log since the last step.

        Raises:
            Locked: another process writes for longer than we wait; the next step goes on.
            SkillloopError: the history went away, is damaged, or the system allows no more watching.
        """
        until = time.monotonic() + wait
        with suppress(queue.Empty):  # note what changed, until nothing more comes for a moment
            while (left := until - time.monotonic()) > 0:
                self._note(self._queue.get(timeout=left))
                until = min(until, time.monotonic() + min(wait, SAVED))
        self._look()
        self._record_edits()
        self._hand_over()
        return self._new_entries()

    def _note(self, path: Path) -> None:
        transcripts = path.suffix == ".jsonl" and path.parent.parent == self._projects
        if path in self._skills or (transcripts and not path.name.startswith("agent-")):
            self._changed[path] = time.monotonic()

    def _look(self) -> None:
        """Watch the folders that are there now; where one came back, compare all that is in it."""
        wanted = {self._projects: True} | {skill.parent: False for skill in self._skills}
        for folder in self._folders.keys() - wanted.keys():
            self._leave(folder)
        for folder, recursive in wanted.items():
            try:
                inode: int | None = folder.stat().st_ino
            except OSError:
                inode = None
            if folder in self._folders and self._folders[folder][1] != inode:
                self._leave(folder)
            if inode is not None and folder not in self._folders:
                self._follow(folder, inode, recursive=recursive)

    def _follow(self, folder: Path, inode: int, *, recursive: bool) -> None:
        try:
            watched = self._observer.schedule(_Changes(self._queue), str(folder), recursive=recursive)
        except FileNotFoundError:
            return  # it vanished this moment: the next look will tell
        except OSError as error:
            reason = error.strerror or str(error)
            raise SkillloopError(
                f"{folder}: cannot be watched: {reason}",
                "the limit is fs.inotify.max_user_watches; without `watch` all works, but later",
            ) from error
        self._folders[folder] = watched, inode
        if recursive:
            before, self._marks = self._marks, self._marked()
            for path, mark in self._marks.items():
                if before.get(path) != mark:
                    self._note(path)
        else:
            for skill in filter(lambda skill: skill.parent == folder, self._skills):
                self._note(skill)

    def _leave(self, folder: Path) -> None:
        watched, _ = self._folders.pop(folder)
        with suppress(KeyError, OSError):  # watchdog gave it up by itself when it vanished
            self._observer.unschedule(watched)

    def _marked(self) -> dict[Path, Mark]:
        marks = {}
        for path in transcript.find(self._projects):
            with suppress(OSError):
                marks[path] = fs.mark(path)
        return marks

    def _record_edits(self) -> None:
        """Record the skills that were edited and saved."""
        now = time.monotonic()
        due = [path for path in self._skills & self._changed.keys() if now - self._changed[path] >= SAVED]
        for path in due:
            del self._changed[path]
        if due:
            with Store.open(self._home) as store:
                for path in due:
                    with suppress(SkillloopError):  # not a file that can be read safely: `doctor` says so
                        history.record_external_edit(store, path)

    def _hand_over(self) -> None:
        """Hand over the sessions that ended, and digest them unless another worker does."""
        now = time.monotonic()
        quiet = {path: now - since for path, since in self._changed.items() if path not in self._skills}
        if not any(since >= min(LEFT, self._idle) for since in quiet.values()):
            return
        known = (self._client / "sessions").is_dir()  # an older client does not say which sessions run
        alive = running(self._client)
        seen, inbox = Seen(self._home), Inbox(self._home)
        due = [
            path
            for path, since in quiet.items()
            if since >= self._idle or (known and since >= LEFT and path.stem not in alive)
        ]
        for path in due:
            del self._changed[path]
            with suppress(OSError):  # it is gone
                self._marks[path] = fs.mark(path)
                if not seen.has(path, self._marks[path]):
                    inbox.put(Job(path.stem, str(path)))
        if inbox.due():
            worker.drain(self._home, self._client, self._digest)

    def _new_entries(self) -> list[Entry]:
        try:
            log = fs.mark(self._home / "skillloop.db")
        except OSError as error:
            raise SkillloopError(f"{self._home / 'skillloop.db'}: {error.strerror}", "start again") from error
        if log == self._log:
            return []
        with Store.open(self._home) as store:
            new = store.entries() - self._entries
            entries = store.log(limit=new)[::-1] if new > 0 else []
            self._skills = frozenset(store.skills())
        self._log, self._entries = log, self._entries + new
        return entries
