"""Makes a new store of the newest sound copy of a damaged one.

The copy was verified when it was made and is verified again. Invariants: what is known to be lost is said and stands in
the new log; the damaged file is kept; no SKILL.md is touched.

Lost: what was decided since the newest copy, which the worker makes after each session and each verb after a decision;
without a sound copy, everything. The versions after that are gone from the store, but what stands in each SKILL.md then
is recorded as an edit from outside, before anything is changed, and sessions that the copy does not know are digested
again. An open publish is not taken over, since what is on disk is recorded anew.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from skillloop import fs
from skillloop.errors import SkillloopError
from skillloop.store import backup
from skillloop.store.audit import Audit
from skillloop.store.database import Corrupt, Database
from skillloop.store.versions import Versions

_TOLD = 20  # lost entries that are named one by one


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of it."""

    rows: dict[str, int]  # in the new store, by table
    lost: tuple[str, ...]  # what is known to be lost, in sentences
    kept: Path | None  # the damaged file
    copy: Path | None  # the copy that was restored


def rebuild(home: Path) -> Rebuilt:
    """Rebuild the store of this home. The caller holds its locks.

    Raises:
        Locked: another process writes to the store.
        SkillloopError: the disk refused; nothing was changed.
    """
    target = home / backup.NAME
    before = fs.mark(target) if target.exists() else None
    with backup.staged(home) as place:
        copy = _start(home, place)
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
            kept = backup.put_in_place(place, target, "damaged", unless=before)
            log.keep_head()
    return Rebuilt(rows, tuple(lost), kept, copy)


def _start(home: Path, place: Path) -> Path | None:
    """Put the newest sound copy in this place; which it was."""
    for copy in reversed(backup.copies(home)):
        with suppress(SkillloopError, OSError):
            shutil.copyfile(copy, place)
            place.chmod(0o600)
            with closing(Database(place)) as database:
                audit = Audit(database, home)
                if audit.is_foreign():  # the key was lost
                    with database.transaction():
                        audit.adopt()
                broken = database.problems() or audit.problems(head=False)
                if not broken and not list(Versions(database, audit).problems()):
                    return copy
        place.unlink(missing_ok=True)
    return None


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
    return [f"the last {newest - entries} of {newest} entries of the log, and what they tell of", *events]
