"""All that skillloop remembers, in one SQLite file in its home. The only module that imports sqlite3.

Invariants: every change is one transaction with its audit entry in it; saving the same thing twice changes nothing;
what comes out is exactly what went in, or an error (`Corrupt`) and never something else. The store keeps what it is
given: redact before you save.

    with Store.open(home) as store:
        with store.transaction():          # optional: several calls as one
            store.save_digest(session, found)
            store.save_proposal(proposal, verdict, state="queued", reason="…")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from skillloop import files
from skillloop.errors import SkillloopError, UsageError
from skillloop.model import sha256
from skillloop.store.archive import Archive, By
from skillloop.store.audit import Audit, Entry
from skillloop.store.database import Corrupt, Database
from skillloop.store.proposals import Proposals, Queued, State, TrialRow
from skillloop.store.sessions import Recurrence, SessionRow, Sessions

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["By", "Corrupt", "Entry", "Queued", "Recurrence", "SessionRow", "State", "Store", "TrialRow"]


class Store(Sessions, Proposals):
    """The open store. `archive` holds the versions (use `skillloop.history`), `audit` the log."""

    def __init__(self, home: Path, database: Database) -> None:
        super().__init__(database, Audit(database, home))
        self.home = home
        self.archive = Archive(database, self.audit)

    @classmethod
    def open(cls, home: Path) -> Self:
        """Open the store in `home`, making both (0700, 0600) where they are not there yet.

        Raises:
            Corrupt: the database is damaged; the message names `skillloop doctor`.
            SkillloopError: it cannot be opened, or a newer skillloop wrote it.
        """
        return cls(home, Database(home / "skillloop.db"))

    @classmethod
    def restore(cls, home: Path, file: Path) -> Self:
        """Open a home anew from what `export` wrote. The log is signed with the new home's key and says so.

        Raises:
            UsageError: the home has a store already.
            Corrupt: the file is damaged; no store is made then.
            SkillloopError: it cannot be read, or is no export.
        """
        target = home / "skillloop.db"
        if target.exists():
            raise UsageError(f"{target} exists already", "restore into another home, or move this one away")
        try:
            data = file.read_bytes()
        except OSError as error:
            raise SkillloopError(f"{file}: {error.strerror}") from error
        if not data.startswith(b"SQLite format 3\0"):
            raise SkillloopError(f"{file} is no export of skillloop")
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write_atomic(target, data)
        try:
            store = cls.open(home)
            store._adopt(file, data)  # noqa: SLF001  (our own class)
        except SkillloopError:
            target.unlink()
            raise
        return store

    def _adopt(self, file: Path, data: bytes) -> None:
        broken = self._database.problems() or list(self.archive.problems())
        try:
            if broken:
                raise Corrupt(file, broken[0])
            with self.transaction():
                self.audit.adopt()
                self.audit.append("restored", file=file.name, sha=sha256(data))
        except SkillloopError:
            self.close()
            raise

    def export(self, file: Path) -> None:
        """Write the whole store, all versions included, to a new file (0600) that `restore` reads. Not the key.

        Raises:
            SkillloopError: the file exists, or cannot be written.
        """
        self._database.copy_to(file)

    def close(self) -> None:
        """Close the database; an open transaction is rolled back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def skills(self) -> list[Path]:
        """The SKILL.md of every skill with a history."""
        return [Path(skill) for skill in self.archive.skills()]

    def record(self, event: str, /, *, skill: str | Path | None = None, **detail: Any) -> None:
        """Write an audit entry for something that happened outside the store, e.g. a changed config file."""
        with self.transaction():
            self.audit.append(event, skill=None if skill is None else files.canonical(skill), **detail)

    def log(self, skill: str | Path | None = None, *, limit: int | None = None) -> list[Entry]:
        """The newest audit entries, newest first; of one skill, or of all."""
        return self.audit.entries(skill=None if skill is None else files.canonical(skill), limit=limit)

    def entries(self) -> int:
        """Number of entries in the audit log."""
        return len(self.audit)

    def verify(self) -> list[str]:
        """Everything that is wrong with the store, in sentences: the database, the audit log, the versions."""
        return self._database.problems() or self.audit.problems() or list(self.archive.problems())
