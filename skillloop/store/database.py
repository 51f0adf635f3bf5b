"""The connection to `skillloop.db`: how it is opened, what a transaction is, and what an error means to a person.

Also how the model's dataclasses are kept as JSON, exactly: `document(type(x), encode(x), sha) == x` for every value
that the annotations allow, lone surrogates and odd floats included. The JSON is ASCII with sorted keys, so that equal
values have equal digests.

Rollback journal and `synchronous=EXTRA`, not WAL: SQLite up to 3.51.2 can corrupt a WAL database when two
connections write and checkpoint at once, which is exactly "two sessions end together". Every write happens in
`transaction()`, which takes the write lock at its start (BEGIN IMMEDIATE), so that nothing read in it is stale.
"""

import json
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from skillloop.errors import Locked, SkillloopError
from skillloop.model import sha256

T = TypeVar("T")
_decoder = cache(msgspec.json.Decoder)

APPLICATION = 0x534B4C50  # "SKLP", in the header of the file
MIGRATIONS = [
    (path.stem, path.read_text("utf-8").split("\n\n"))
    for path in sorted((Path(__file__).parents[1] / "data" / "schema").glob("*.sql"))
]
"""The name and the statements of each step that led to the schema. One that was released is never changed.

They are read with the module: a database must not be left half made because a file of the package cannot be read.
"""
_PRAGMAS = "journal_mode=DELETE synchronous=EXTRA foreign_keys=ON trusted_schema=OFF cell_size_check=ON"
_WAIT = 30.0  # seconds that a writer waits for another one
_ADVICE = "put that right; the next command completes what was under way"
# what the machine lacks, rather than the database: SQLite's own sentences say it well
_MACHINE = {getattr(sqlite3, f"SQLITE_{name}") for name in "FULL IOERR READONLY CANTOPEN PERM NOMEM".split()}


class Corrupt(SkillloopError):  # noqa: N818  (as its siblings in errors)
    """The store cannot be trusted. Nothing is written from it until a person has looked."""

    def __init__(self, path: Path | str, detail: str) -> None:
        super().__init__(f"{path} is damaged: {detail}", "run `skillloop doctor`")


def now() -> str:
    """Return the time as ISO 8601 in UTC. Nothing is decided by it, since clocks jump; it is shown, and outcomes are counted by it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(value: Any) -> str:
    """Return a dataclass, or a tuple of them, as compact JSON."""
    return json.dumps(msgspec.to_builtins(value), sort_keys=True, separators=(",", ":"))


class Database:
    """One connection. Not for use across threads or forks."""

    def __init__(self, path: Path) -> None:
        """Open or create the database, its schema up to date.

        Raises Corrupt: it is damaged, or no database of ours; SkillloopError: it is newer, not private, or out of reach.
        """
        self.path = path
        self.depth = 0  # of transactions in one another
        with self._explained():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = path.parent.stat()
            if found.st_mode & (stat.S_IWOTH | stat.S_IWGRP) or found.st_uid != os.geteuid():
                message = f"{path.parent} can be written by other users"
                raise SkillloopError(message, f"chmod 700 {path.parent}")
            with suppress(FileExistsError):
                _new_file(path)
            self._connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
        try:
            with self._explained():
                for pragma in _PRAGMAS.split():
                    self._connection.execute(f"PRAGMA {pragma}")
                self._connection.create_function("sha256", 1, sha256, deterministic=True)
            if self.one("PRAGMA application_id") != (APPLICATION,) or self._steps() != len(MIGRATIONS):
                self._migrate()
        except BaseException:
            self._connection.close()
            raise

    def _steps(self) -> int:
        return int(self.one("SELECT coalesce(max(number), 0) FROM migrations")[0])

    def _migrate(self) -> None:
        """Take the steps that this file has not seen, all or none."""
        with self.transaction():
            (application,) = self.one("PRAGMA application_id")
            (tables,) = self.one("SELECT count(*) FROM sqlite_schema")
            if application != APPLICATION and (application or tables):
                raise Corrupt(self.path, "it says that it is the database of another program")
            if not tables:
                self.run(f"PRAGMA application_id={APPLICATION}")
                self.run(
                    "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL) STRICT"
                )
            done = self._steps()
            if done > len(MIGRATIONS):
                raise SkillloopError(
                    f"{self.path} was written by a newer skillloop (schema {done}, this one knows {len(MIGRATIONS)})",
                    "upgrade skillloop",
                )
            for step, statements in MIGRATIONS[done:]:
                for statement in statements:
                    self.run(statement)
                number, _, name = step.partition("-")
                self.run("INSERT INTO migrations VALUES (?, ?, ?)", int(number), name, now())

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of the block or nothing of it. A transaction inside another one is part of that one."""
        self.depth += 1
        try:
            if self.depth > 1:
                yield
                return
            with self._explained():
                self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                with self._explained():
                    self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back by itself after most errors
                    self._connection.rollback()
                raise
        finally:
            self.depth -= 1

    def run(self, sql: str, *values: Any) -> int:
        """Execute one statement; the number of rows that it changed."""
        with self._explained():
            return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, row: Sequence[Any], *, known: bool = False) -> bool:
        """Add a whole row and return whether it was new; one whose key is there is left alone where it may be `known`."""
        conflict = "ON CONFLICT DO NOTHING" if known else ""
        return bool(self.run(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))}) {conflict}", *row))  # noqa: S608

    def next(self, table: str) -> int:
        """Return the number `seq` of the next row of a table, for the transaction that adds it."""
        return int(self.one(f"SELECT coalesce(max(seq), 0) + 1 FROM {table}")[0])  # noqa: S608

    def rows(self, sql: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self._explained():
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> tuple[Any, ...]:
        """Return the single row of an aggregate query."""
        return self.rows(sql, *values)[0]

    def parsed(self, text: str) -> Any:
        """Return the value of a JSON column. Raises Corrupt: it is not JSON."""
        try:
            return json.loads(text)
        except (ValueError, TypeError) as error:
            raise Corrupt(self.path, f"a stored value is not JSON ({error})") from error

    def document(self, kind: type[T], data: str, sha: str) -> T:
        """Return the value that `encode` was given. Raises Corrupt: the text changed, or is no such value."""
        if sha256(data) != sha:
            raise Corrupt(self.path, f"a stored {kind.__name__.strip('_').lower()} has changed")
        with suppress(msgspec.DecodeError):  # what only Python's own decoder takes, or of another kind
            found: T = _decoder(kind).decode(data)  # type: ignore[arg-type]
            return found
        try:
            return msgspec.convert(self.parsed(data), kind)
        except msgspec.ValidationError as error:
            raise Corrupt(self.path, f"a stored value is of another kind ({error})") from error

    def documents(self, kind: type[T], query: str, *values: Any) -> list[tuple[T, *tuple[Any, ...]]]:
        """Return the rows of a query whose first columns are `data` and `sha`, with the value in their place; see `document`."""
        return [(self.document(kind, data, sha), *rest) for data, sha, *rest in self.rows(query, *values)]

    def problems(self) -> list[str]:
        """Return what SQLite's own integrity check, the foreign keys and the hashes of the documents say."""
        try:
            broken = [str(row[0]) for row in self.rows("PRAGMA integrity_check(20)") if row[0] != "ok"]
            missing = self.rows("PRAGMA foreign_key_check")
            broken += [f"row {row[1]} of {row[0]} points to a missing {row[2]}" for row in missing]
            for table in ("disagreements", "lessons", "proposals", "cases"):
                rows = self.rows(f"SELECT id, data, sha FROM {table}")  # noqa: S608
                broken += [f"{id_} in {table} has changed" for id_, data, sha in rows if sha256(data) != sha]
        except SkillloopError as error:
            return [error.message]
        return [f"{self.path}: {line}" for line in broken]

    def copy_to(self, path: Path) -> None:
        """Write a compact copy to a new file (0600). Raises SkillloopError: the file exists, or cannot be written."""
        with self._explained():
            _new_file(path)
            self._connection.execute("VACUUM INTO ?", (os.fspath(path),))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences. A programming error stays one."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise Locked(f"{self.path} is in use by another process", "try again in a moment") from error
            if code in _MACHINE:
                raise SkillloopError(f"{self.path}: {error}", _ADVICE) from error
            raise Corrupt(self.path, str(error)) from error
        except UnicodeDecodeError as error:  # SQLite's message quotes the damage
            raise Corrupt(self.path, "its schema is unreadable") from error
        except OSError as error:
            raise SkillloopError(f"{error.filename or self.path}: {error.strerror}", _ADVICE) from error


def _new_file(path: Path) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
