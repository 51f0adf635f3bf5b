"""All that skillloop remembers, in one SQLite file in its home. The only module that imports sqlite3.

Invariants: every change is one transaction with its audit entry in it, but for what `model_budget` holds for a call,
which has its entry when the call ends; saving the same thing twice changes nothing;
what comes out is exactly what went in, or an error (`Corrupt`) and never something else. The store keeps what it is
given: redact before you save.

    with Store.open(home) as store:
        with store.transaction():          # optional: several calls as one
            store.save_digest(session, found)
            store.save_proposal(proposal, verdict, state="queued", reason="…")
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

from skillloop import fs
from skillloop.skillpath import not_command
from skillloop.store import backup
from skillloop.store.audit import Audit, Entry
from skillloop.store.database import Corrupt, Database
from skillloop.store.model_budget import NANO, BudgetExceeded, Call, Calls, Limit
from skillloop.store.proposals import Evaluations, Proposals, Queued, State
from skillloop.store.sessions import Sessions
from skillloop.store.versions import By, Versions

__all__ = ["NANO", "BudgetExceeded", "By", "Call", "Corrupt", "Entry", "Limit", "Queued", "State"]


class Store(Sessions, Proposals, AbstractContextManager["Store"]):
    """The open store. `versions` holds the versions (use `skillloop.skills.history`), `audit` the log."""

    def __init__(self, home: Path, database: Database) -> None:
        super().__init__(database, Audit(database, home))
        self.home = home
        self.versions = Versions(database, self.audit)
        self.calls = Calls(database, self.audit)
        self.evaluations = Evaluations(database, self.audit)

    @classmethod
    def open(cls, home: Path) -> Self:
        """Open the store in `home`, making both (0700, 0600). Raises what `Database` does."""
        return cls(home, Database(home / backup.NAME))

    def export(self, file: Path) -> None:
        """Write the whole store, all versions included, to a file; see `backup.export`."""
        backup.export(self._database, file)

    @contextmanager
    def rehearsal(self) -> Iterator[Store]:
        """Open a copy that is thrown away, in which no publish is open: nothing done to it changes anything else."""
        with tempfile.TemporaryDirectory(prefix="skillloop-") as folder:
            self._database.copy_to(Path(folder) / backup.NAME)
            database = Database(Path(folder) / backup.NAME)
            database.run("PRAGMA synchronous=OFF")
            with Store(Path(folder), database) as copy, copy.transaction():  # one for all is quick
                for publish in copy.versions.open_publishes():
                    copy.versions.close(publish, "aborted")
                yield copy

    def back_up(self) -> None:
        """Keep a copy of this store in the home, if its log has grown and it is sound; see `backup.keep_copy`."""
        backup.keep_copy(self._database, self.audit, self.home)

    def close(self) -> None:
        """Close the database; an open transaction is rolled back."""
        self._database.close()

    def __exit__(self, *_error: object) -> None:
        self.close()

    def skills(self) -> list[Path]:
        """Return the SKILL.md of every skill with a history."""
        return [Path(skill) for skill in self.versions.skills() if not_command(skill)]

    def record(self, event: str, /, *, skill: str | Path | None = None, **detail: Any) -> None:
        """Write an audit entry for something that happened outside the store, e.g. a changed config file."""
        with self.transaction():
            self.audit.append(event, skill=None if skill is None else fs.canonical(skill), **detail)

    def log(self, skill: str | Path | None = None, *, limit: int | None = None) -> list[Entry]:
        """Return the newest audit entries, newest first; of one skill, or of all."""
        return self.audit.entries(skill=None if skill is None else fs.canonical(skill), limit=limit)

    def verify(self) -> list[str]:
        """Return everything that is wrong with the store, in sentences: the database, the audit log, the versions."""
        return self._database.problems() or self.audit.problems() or list(self.versions.problems())
