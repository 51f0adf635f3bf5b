"""A whole store as one file and back, the copies that are kept, and how one database takes another's place.

Five copies are in `backups/`, named by their own number and by the number of log entries in them, such as
`000007-140.db`: so neither their order nor their distance goes by a clock. The newest is of what the log held after
the last session or decision, the others are at least `EVERY` entries apart. No hook and no dry run makes one.

Invariants: a file gets its name only when it is whole, proven readable and on disk; a database that is replaced is
kept beside the new one under a name of its own, never deleted; nobody's transaction is open while names change.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

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


def export(database: Database, file: Path, *, replace: bool = False) -> None:
    """Write a compact copy (0600) that `restore` is known to take.

    Raises:
        UsageError: the file exists, and `replace` is not set.
        Corrupt: the store is damaged.
        SkillloopError: the file cannot be written.
    """
    if not replace and os.path.lexists(file):
        raise UsageError(f"{file} exists already", "choose another name, or say --force")
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        database.copy_to(temporary)
        with closing(Database(temporary)) as copy:
            _check(copy, file.parent, database.path)
        _sync(temporary)
        _name(temporary, file, replace=replace)
        _sync(file.parent)
    except OSError as error:
        raise SkillloopError(f"{file}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def copies(home: Path) -> list[Path]:
    """Return the copies that are kept, the oldest first."""
    return sorted((home / "backups").glob("*-*.db"))


def keep_copy(database: Database, audit: Audit, home: Path) -> None:
    """Copy (0600) a sound database whose log has grown; the copy before gives way to it, or the sixth does.

    Raises:
        SkillloopError: the copy cannot be written; the others are as they were.
    """
    kept, entries = copies(home), len(audit)
    *earlier, (number, newest) = [(0, 0), *(tuple(map(int, copy.stem.split("-"))) for copy in kept)]
    if entries == newest or database.problems() or audit.problems():
        return
    try:
        (home / "backups").mkdir(mode=0o700, exist_ok=True)
        export(database, home / "backups" / f"{number + 1:06}-{entries}.db", replace=True)
        recent = len(kept) > 1 and newest - earlier[-1][1] < EVERY
        for old in kept[-1:] if recent else kept[: 1 - _COPIES]:
            old.unlink(missing_ok=True)
    except OSError as error:
        raise SkillloopError(f"{home / 'backups'}: {error.strerror}") from error


def restore(home: Path, file: Path, *, replace: bool = False) -> Path | None:
    """Make the store of `home` what `export` wrote, its log signed with this home's key.

    Args:
        home: The folder that the store belongs in; made (0700) if it is not there.
        file: What `export` wrote.
        replace: Whether a store that is there may be replaced; it is kept aside.

    Returns:
        Where the replaced store is kept, or None where there was none.

    Raises:
        UsageError: there is a store, and `replace` is not set.
        Corrupt: the file is damaged; nothing was changed.
        SkillloopError: it cannot be read, is no export, or the disk refused.
    """
    target = home / NAME
    if target.exists() and not replace:
        raise UsageError(f"{target} exists already", "import into another home, or say --replace")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SkillloopError(f"{file}: {error.strerror}") from error
    if not data.startswith(b"SQLite format 3\0"):
        raise SkillloopError(f"{file} is no export of skillloop")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with staged(home) as place:
        fs.write_atomic(place, data)
        with closing(Database(place)) as database:
            audit = _check(database, home, file)
            with database.transaction():
                audit.adopt()
                audit.append("restored", file=file.name, sha=sha256(data))
            for copy in copies(home):  # they are of another log
                copy.unlink()
            kept = put_in_place(place, target, "replaced")
            audit.keep_head()
    return kept


@contextmanager
def staged(home: Path) -> Iterator[Path]:
    """Yield a name for a database in the making; remove whatever is left under it, from a crash too."""
    place = home / _STAGED
    leftovers = (place, home / f"{_STAGED}-journal")
    for path in leftovers:
        path.unlink(missing_ok=True)
    try:
        yield place
    finally:
        for path in leftovers:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def put_in_place(new: Path, target: Path, word: str, *, unless: fs.Mark | None = None) -> Path | None:
    """Let a finished database take the place of another one, which is kept as `NAME.WORD-1`.

    Args:
        new: The finished database, in the same folder.
        target: Its name to be.
        word: Why the old one is kept, in one word; a number follows it.
        unless: How the old file looked when the new one was made of it; where it looks different now, nothing is done.

    Returns:
        Where the old one is kept, or None where there was none.

    Raises:
        Locked: another process writes to it, or did since `unless` was taken.
        SkillloopError: the disk refused.
    """
    try:
        _sync(new)
        if not target.exists():
            new.rename(target)
            _sync(target.parent)
            return None
        with _standing_still(target):
            if unless is not None and fs.mark(target) != unless:
                raise Locked(f"{target} was written to meanwhile", "try again")
            kept = _keep(target, word)
            new.rename(target)
            _sync(target.parent)
    except OSError as error:
        raise SkillloopError(f"{target}: {error.strerror}") from error
    return kept


def _keep(target: Path, word: str) -> Path:
    """Give the database a second name, and its journal the one that goes with it."""
    number = 1
    while os.path.lexists(kept := target.with_name(f"{target.name}.{word}-{number}")):
        number += 1
    journal = target.with_name(f"{target.name}-journal")
    with suppress(
        FileNotFoundError
    ):  # left by a crash, and unreadable: it must never be applied to the new file
        journal.rename(kept.with_name(f"{kept.name}-journal"))
    os.link(target, kept)
    _sync(target.parent)
    return kept


@contextmanager
def _standing_still(path: Path) -> Iterator[None]:
    """Nobody writes to this database meanwhile; to one that SQLite cannot open, nobody can.

    A connection that is open elsewhere sees afterwards that its file was moved, and refuses to write (SQLite ≥ 3.8.3).
    """
    connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise Locked(f"{path} is in use by another process", "try again in a moment") from error
    except sqlite3.DatabaseError:
        pass
    try:
        yield
    finally:
        connection.close()


def _check(database: Database, home: Path, source: Path) -> Audit:
    """Return the log of a database whose bytes and versions are as they should be.

    Raises:
        Corrupt: they are not.
    """
    audit = Audit(database, home)
    broken = database.problems() or list(Versions(database, audit).problems())
    if broken:
        raise Corrupt(source, broken[0])
    return audit


def _name(temporary: Path, file: Path, *, replace: bool) -> None:
    """Give a finished file its name, in one step that cannot overwrite what appeared meanwhile."""
    if replace:
        temporary.rename(file)
        return
    try:
        os.link(temporary, file)
    except FileExistsError:
        raise UsageError(f"{file} exists already", "choose another name, or say --force") from None
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP}:
            raise
        temporary.rename(file)  # a disk without hard links


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
