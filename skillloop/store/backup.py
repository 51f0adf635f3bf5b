"""A whole store as one file and back, the copies that are kept, and a new store made of one for a damaged one.

Five copies are in `backups/`, named by their own number and by the number of log entries in them, such as
`000007-140.db`: so neither their order nor their distance goes by a clock. The newest is of what the log held after
the last session or decision, the others are at least `EVERY` entries apart. No hook and no dry run makes one.

What a rebuilt store lost: what was decided since the newest copy; without a sound copy, everything. What stands in each
SKILL.md then is recorded as an edit from outside, before anything is changed, and sessions that the copy does not know
are digested again. An open publish is not taken over, since what is on disk is recorded anew.

Invariants: a file gets its name only when it is whole, proven readable and on disk; a database that is replaced is
kept beside the new one under a name of its own, never deleted; nobody's transaction is open while names change; what is
known to be lost is said and stands in the new log; no SKILL.md is touched.
"""

import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from skillloop import fs
from skillloop.errors import Locked, SkillloopError, UsageError
from skillloop.model import sha256
from skillloop.store.audit import Audit
from skillloop.store.database import Corrupt, Database
from skillloop.store.versions import Versions

NAME = "skillloop.db"
EVERY = 20  # entries of the log between two copies that stay
_COPIES = 5
_WAIT = 5.0  # seconds for a writer to end
_STAGED = ".skillloop.db.new"  # in the home, never beside another database of that name
_TOLD = 20  # lost entries that are named one by one


class Rebuilt(NamedTuple):
    """What came of making a store anew."""

    rows: dict[str, int]  # in the new store, by table
    lost: tuple[str, ...]  # what is known to be lost, in sentences
    kept: Path | None  # the damaged file
    copy: Path | None  # the copy that was restored


def export(database: Database, file: Path) -> None:
    """Write a compact copy (0600), not the key, that `restore` takes, to a new file. Raises UsageError: it exists."""
    exists = UsageError(f"{file} exists already", "choose another name")
    if os.path.lexists(file):
        raise exists
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with fs.reaching(file):
            database.copy_to(temporary)
            with closing(Database(temporary)) as copy:
                _check(copy, file.parent, database.path)
            fs.sync(temporary)
            try:
                os.link(temporary, file)  # unlike a rename, it cannot overwrite what appeared meanwhile
            except FileExistsError:
                raise exists from None
            except OSError as error:
                if error.errno not in {errno.EPERM, errno.ENOTSUP}:  # a disk without hard links
                    raise
                temporary.rename(file)
            fs.sync(file.parent)
    finally:
        temporary.unlink(missing_ok=True)


def copies(home: Path) -> list[Path]:
    """Return the copies that are kept, the oldest first."""
    return sorted((home / "backups").glob("*-*.db"))


def keep_copy(database: Database, audit: Audit, home: Path) -> None:
    """Copy a sound database whose log has grown; the copy before gives way, or the sixth. Raises SkillloopError."""
    kept, entries = copies(home), len(audit)
    *earlier, (number, newest) = [(0, 0), *(tuple(map(int, copy.stem.split("-"))) for copy in kept)]
    if entries == newest or database.problems() or audit.problems():
        return
    with fs.reaching(home / "backups"):
        (home / "backups").mkdir(mode=0o700, exist_ok=True)
        export(database, home / "backups" / f"{number + 1:06}-{entries}.db")
        recent = len(kept) > 1 and newest - earlier[-1][1] < EVERY
        for old in kept[-1:] if recent else kept[: 1 - _COPIES]:
            old.unlink(missing_ok=True)


def restore(home: Path, file: Path) -> Path | None:
    """Make the store of `home` what `export` wrote, its log signed with this home's key.

    Returns where the store that was there is kept, or None where there was none. Raises Corrupt: the file is damaged;
    SkillloopError: it cannot be read, is no export, or the disk refused. Nothing was changed then.
    """
    with fs.reaching(file):
        data = file.read_bytes()
    if not data.startswith(b"SQLite format 3\0"):
        raise SkillloopError(f"{file} was not written by `skillloop export`")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _staged(home) as place:
        fs.write_atomic(place, data)
        with closing(Database(place)) as database:
            audit = _check(database, home, file)
            with database.transaction():
                audit.adopt()
                audit.append("restored", file=file.name, sha=sha256(data))
            for copy in copies(home):  # they are of another log
                copy.unlink()
            kept = _put_in_place(place, home / NAME, "replaced")
            audit.keep_head()
    return kept


def rebuild(home: Path) -> Rebuilt:
    """Make a new store of the newest sound copy, under the home's locks. Raises Locked, SkillloopError: nothing changed."""
    target = home / NAME
    before = fs.mark(target) if target.exists() else None
    with _staged(home) as place:
        copy: Path | None
        for copy in reversed(copies(home)):
            with suppress(SkillloopError, OSError):
                shutil.copyfile(copy, place)
                place.chmod(0o600)
                with closing(Database(place)) as database:
                    audit = _check(database, home, copy)
                    if audit.is_foreign():  # the key was lost
                        with database.transaction():
                            audit.adopt()
                    if not audit.problems(head=False):
                        break
            place.unlink(missing_ok=True)
        else:  # none is sound
            copy = None
        with closing(Database(place)) as database:
            log = Audit(database, home)
            lost = _lost(target, len(log), log.head())
            with database.transaction():
                database.run("UPDATE publishes SET state = 'aborted' WHERE state = 'intent'")
                log.append("rebuilt", lost=lost)
            if broken := database.problems() or log.problems(head=False):
                raise Corrupt(target, f"it cannot be rebuilt: {broken[0]}")
            tables = database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
            rows = {table: int(database.one(f"SELECT count(*) FROM {table}")[0]) for (table,) in tables}  # noqa: S608
            kept = _put_in_place(place, target, "damaged", unless=before)
            log.keep_head()
    return Rebuilt(rows, tuple(lost), kept, copy)


def _lost(damaged: Path, entries: int, head: int) -> list[str]:
    """Return what the log of the damaged file tells of after so many entries, as far as it can be read."""
    told: dict[int, str] = {}
    with (
        suppress(sqlite3.Error, UnicodeDecodeError),
        closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)) as old,
    ):
        for seq, text in old.execute("SELECT seq, entry FROM audit WHERE seq > ? ORDER BY seq", (entries,)):
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(text)
                told[seq] = f"{entry['event']} {entry['skill'] or ''}".strip()
    newest = max(head, *told, 0)
    if newest <= entries:
        return []
    events = [f"entry {seq}: {event}" for seq, event in list(told.items())[-_TOLD:]]
    return [f"the last {newest - entries} of {newest} entries of the log, and what they record", *events]


@contextmanager
def _staged(home: Path) -> Iterator[Path]:
    """Yield a name for a database in the making; remove whatever is left under it, from a crash too."""
    leftovers = (home / _STAGED, home / f"{_STAGED}-journal")
    for path in leftovers:
        path.unlink(missing_ok=True)
    try:
        yield leftovers[0]
    finally:
        for path in leftovers:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _put_in_place(new: Path, target: Path, word: str, *, unless: fs.Mark | None = None) -> Path | None:
    """Give a finished database in the same folder the name `target`. The database of this name is kept.

    It is kept as `NAME.word-1`, or the next number that is free; returns where, or None where there was none.
    `unless` is how it looked when the new one was made of it; where it looks different now, nothing is done.
    Raises Locked: another process writes to it, or did since `unless` was taken; SkillloopError: the disk refused.
    """
    with fs.reaching(target):
        fs.sync(new)
        if not target.exists():
            new.rename(target)
            fs.sync(target.parent)
            return None
        # A connection that is open elsewhere sees afterwards that its file was moved, and refuses to write (SQLite ≥ 3.8.3).
        with closing(sqlite3.connect(target, timeout=_WAIT, isolation_level=None)) as old:
            try:
                old.execute("BEGIN EXCLUSIVE")  # nobody writes to it meanwhile
            except sqlite3.DatabaseError as error:  # nor to one that SQLite cannot open
                if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                    raise Locked(f"{target} is in use by another process", "try again in a moment") from error
            if unless is not None and fs.mark(target) != unless:
                raise Locked(f"{target} was written to in the meantime", "try again")
            number = 1
            while os.path.lexists(kept := target.with_name(f"{target.name}.{word}-{number}")):
                number += 1
            with suppress(FileNotFoundError):  # left by a crash: it must never be applied to the new file
                target.with_name(f"{target.name}-journal").rename(kept.with_name(f"{kept.name}-journal"))
            os.link(target, kept)
            fs.sync(target.parent)
            new.rename(target)
            fs.sync(target.parent)
    return kept


def _check(database: Database, home: Path, source: Path) -> Audit:
    """Return the log of a database whose bytes and versions are as they should be. Raises Corrupt: they are not."""
    audit = Audit(database, home)
    broken = database.problems() or list(Versions(database, audit).problems())
    if broken:
        raise Corrupt(source, broken[0])
    return audit
