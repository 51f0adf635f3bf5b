"""Follow the transcripts and the skills while it runs. The only module that imports watchdog.

What it sees takes the ways that exist without it: a session that ended goes through the inbox and the worker, a
person's edit through `history.record_external_edit`; the outcome of either is read back from the log.

Invariants: a missed event costs time, never a session: whenever a folder is found, or found again, all in it is
compared with what was seen before. Between events nothing is read but a handful of folders and
the log's size.
"""

import os
import queue
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from skillloop import fs
from skillloop.errors import SkillloopError
from skillloop.hosts.claude_code import records
from skillloop.skills import history
from skillloop.store import Entry, Store
from skillloop.worker import worker
from skillloop.worker.queue import Inbox, Job, Seen, running

LOOK = 2.0  # seconds between two looks at whether the folders are there and the log has grown
SAVED = 1.0  # seconds without a change after which an editor has ended its save
LEFT = 5.0  # seconds without a change after which a session whose client is gone has ended

_CHANGES = {"created", "modified", "moved", "deleted", "closed"}  # not "opened": reading is no change


class Watch(FileSystemEventHandler):
    """Follow transcripts and skills. Use it as a context, and call `step` for ever."""

    def __init__(self, home: Path, client: Path, idle: float, digest: Callable[[Path, Path], str]) -> None:
        """Follow the transcripts under `client` and the skills of `home`; digest after `idle` silent seconds."""
        self._home, self._client, self._idle, self._digest = home, client, idle, digest
        self._projects = client / "projects"
        self._queue: queue.SimpleQueue[Path] = queue.SimpleQueue()  # of what an event spoke of
        self._observer = Observer()
        self._folders: dict[Path, tuple[ObservedWatch, int]] = {}  # with the inode that is watched
        self._marks: dict[Path, fs.Mark] = {}  # of transcripts and skills, as last compared
        self._changed: dict[Path, float] = {}  # when that was seen to differ, on the monotonic clock
        self._skills: frozenset[Path] = frozenset()
        self._log: fs.Mark | None = None
        self._entries = 0  # of the log, as of the last step

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Queue the transcripts and skills that an event speaks of; runs in watchdog's thread."""
        if event.event_type in _CHANGES:
            for path in map(Path, map(os.fsdecode, (event.src_path, event.dest_path))):
                transcripts = path.suffix == ".jsonl" and path.parent.parent == self._projects
                if path in self._skills or (transcripts and not path.name.startswith("agent-")):
                    self._queue.put(path)

    def __enter__(self) -> Self:
        """Catch up on what happened before, then follow."""
        with Store.open(self._home) as store:
            self._entries = len(store.audit)
            self._skills = frozenset(store.skills())
        worker.drain(self._home, self._client, self._digest)
        self._observer.start()
        self._follow()
        self._compare(self._all())
        seen = Seen(self._home)  # what nobody digested as it is now: sessions that were open when we began
        for path in self._marks.keys() - self._skills:
            if seen.has(path, self._marks[path]):
                del self._changed[path]
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop following. The next command finishes what is under way, as after a crash."""
        self._observer.stop()
        self._observer.join()

    @property
    def following(self) -> tuple[int, int]:
        """Return the number of transcripts, and of skills."""
        return len(self._marks.keys() - self._skills), len(self._skills)

    def step(self, wait: float = LOOK) -> list[Entry]:
        """Wait for changes, do what is due, return what is new in the log. Raises Locked: go on; SkillloopError."""
        events: set[Path] = set()
        with suppress(queue.Empty):
            edited = self._skills & self._changed.keys()
            events.add(self._queue.get(timeout=min(wait, SAVED) if edited else wait))
            time.sleep(min(wait, SAVED) / 2)  # more of the same is likely to come
            while True:
                events.add(self._queue.get_nowait())
        self._compare(self._all() if self._follow() else events)
        now = time.monotonic()
        quiet = {path: now - since for path, since in self._changed.items()}
        if saved := [path for path in self._skills & quiet.keys() if quiet[path] >= SAVED]:
            with Store.open(self._home) as store:
                for path in saved:
                    del self._changed[path]
                    with suppress(SkillloopError):  # not a file that can be read safely: `doctor` says so
                        history.record_external_edit(store, path)
        self._hand_over({path: since for path, since in quiet.items() if path not in self._skills})
        with fs.reaching(self._home / "skillloop.db"):
            log = fs.mark(self._home / "skillloop.db")
        if log == self._log:
            return []
        with Store.open(self._home) as store:
            new = len(store.audit) - self._entries
            entries = store.log(limit=new)[::-1] if new > 0 else []
            self._skills = frozenset(store.skills())
        self._log, self._entries = log, self._entries + new
        return entries

    def _follow(self) -> bool:
        """Watch the folders that are there now; return whether one is new, or came back."""
        wanted = {self._projects: True} | {skill.parent: False for skill in self._skills}
        found = False
        for folder in self._folders.keys() | wanted.keys():
            inode: int | None = None
            with suppress(OSError):
                inode = folder.stat().st_ino if folder in wanted else None
            if folder in self._folders and self._folders[folder][1] != inode:
                watched, _ = self._folders.pop(folder)
                with suppress(KeyError, OSError):  # watchdog gave it up by itself when it vanished
                    self._observer.unschedule(watched)
            if inode is None or folder in self._folders:
                continue
            try:
                watched = self._observer.schedule(self, str(folder), recursive=wanted[folder])
            except FileNotFoundError:
                continue  # it vanished this moment: the next look will tell
            except OSError as error:
                raise SkillloopError(
                    f"{folder}: cannot be watched: {error.strerror or error}",
                    "the limit is fs.inotify.max_user_watches; without `watch` everything still works, only later",
                ) from error
            self._folders[folder], found = (watched, inode), True
        return found

    def _all(self) -> Iterable[Path]:
        return {*records.find(self._projects), *self._skills, *self._marks}

    def _compare(self, paths: Iterable[Path]) -> None:
        """Note which of these files do not look as before."""
        for path in paths:
            before = self._marks.pop(path, None)
            with suppress(OSError):  # it is gone
                self._marks[path] = fs.mark(path)
            if self._marks.get(path) != before:
                self._changed[path] = time.monotonic()

    def _hand_over(self, quiet: dict[Path, float]) -> None:
        """Hand over the sessions that ended, by the seconds since their last change, and digest them."""
        if not any(since >= min(LEFT, self._idle) for since in quiet.values()):
            return
        known = (self._client / "sessions").is_dir()  # an older client does not say which sessions run
        alive = running(self._client)
        seen, inbox = Seen(self._home), Inbox(self._home)
        for path, since in quiet.items():
            if since >= self._idle or (known and since >= LEFT and path.stem not in alive):
                del self._changed[path]
                with suppress(OSError):  # it is gone
                    self._marks[path] = fs.mark(path)
                    if not seen.has(path, self._marks[path]):
                        inbox.put(Job(path.stem, str(path)))
        if inbox.due():
            worker.drain(self._home, self._client, self._digest)
