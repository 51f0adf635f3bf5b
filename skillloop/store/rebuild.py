"""Makes a new store of the newest sound copy and of what a damaged store still holds.

The copy comes first: it was verified when it was made and is verified again. Then the log of the damaged file is
followed from where the copy ends, as far as SQLite can read it and each entry is proven, and what these entries tell
of is taken from the damaged file: texts and documents by their SHA-256, versions and what became of proposals by the
log, a text also from the SKILL.md itself if that is it. Invariants: what is known to be lost is said and stands in the
new log; the damaged file is kept; no SKILL.md is touched.

Lost at worst: everything since the newest copy; without a sound copy, everything. The versions after that are gone
from the store, but what stands in each SKILL.md then is recorded as an edit from outside, before anything is changed.

Not provable is what carries no hash (trials, calls, looks at held-out cases, opinions; notes and the paths of
transcripts): it is taken if it fits its table. An open publish is not taken over, since what is on disk is recorded
anew, and neither is where reading goes on: transcripts are read from their start.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from skillloop import fs
from skillloop.errors import SkillloopError, UsageError
from skillloop.model import Disagreement, sha256
from skillloop.store import backup
from skillloop.store.audit import Audit, Entry
from skillloop.store.database import Corrupt, Database
from skillloop.store.proposals import Document, State, added_lines
from skillloop.store.sessions import skill_path
from skillloop.store.versions import Versions

_TABLES = (
    "audit",
    "blobs",
    "versions",
    "sessions",
    "disagreements",
    "proposals",
    "trials",
    "heldout_reads",
    "opinions",
    "calls",
    "cases",
)
"""What is read of a damaged file."""

_PLAIN = {"trials": "seq", "heldout_reads": "seq", "opinions": "seq", "calls": "id", "cases": "seq"}
"""Tables that are taken as they are, with the column that counts their rows without a gap."""


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
    with backup.staged(home) as place, _readable(target) as readable:
        copy = _start(home, place)
        with closing(Database(place)) as database:
            replay = _Replay(database, Audit(database, home), *readable)
            with database.transaction():
                replay.run()
            log = replay.audit
            broken = database.problems() or log.problems(head=False) or list(replay.versions.problems())
            if broken:
                raise Corrupt(target, f"it cannot be rebuilt: {broken[0]}")
            rows = {table: int(database.one(f"SELECT count(*) FROM {table}")[0]) for table in _TABLES}  # noqa: S608
            kept = backup.put_in_place(place, target, "damaged", unless=before)
            log.keep_head()
    return Rebuilt(rows, tuple(replay.lost), kept, copy)


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


@contextmanager
def _readable(damaged: Path) -> Iterator[tuple[Database, set[str]]]:
    """Return a database with all rows that SQLite can read of a damaged one, and the tables that it cannot read to the end."""
    with tempfile.TemporaryDirectory(dir=damaged.parent, prefix=".look-") as folder:
        copy = Path(folder) / damaged.name
        for suffix in ("", "-journal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{damaged}{suffix}", f"{copy}{suffix}")
        with (
            closing(Database(Path(folder) / "readable.db")) as found,
            closing(sqlite3.connect(copy)) as source,
        ):
            found.run("PRAGMA foreign_keys=OFF")
            with found.transaction():
                broken = {table for table in _TABLES if not _copy_rows(source, found, table)}
            yield found, broken


def _copy_rows(source: sqlite3.Connection, found: Database, table: str) -> bool:
    """Copy the rows of a table from both ends up to what cannot be read; whether that was all of them."""
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error, UnicodeDecodeError):  # its messages quote the damage
            for row in source.execute(f"SELECT * FROM {table} ORDER BY rowid {order}"):  # noqa: S608
                with suppress(Corrupt):  # it does not fit the table
                    _put(found, table, row)
            return True
    return False


def _put(database: Database, table: str, row: Sequence[Any], verb: str = "INSERT OR IGNORE") -> None:
    database.run(f"{verb} INTO {table} VALUES ({', '.join('?' * len(row))})", *row)


class _Replay:
    """What a damaged store did since the copy, done again."""

    def __init__(self, database: Database, audit: Audit, old: Database, broken: set[str]) -> None:
        self.database, self.audit, self.old, self.broken = database, audit, old, broken
        self.versions = Versions(database, audit)
        self.lost: list[str] = []
        self.texts: list[str] = []  # sha256 of the lost ones
        self.entries: list[Entry] = []  # that the copy does not have

    def run(self) -> None:
        """Follow the log, fill the tables, and tell of it in the log."""
        self.entries, newest = self.audit.continue_with(self.old.rows("SELECT * FROM audit"))
        if newest > len(self.audit):
            missing = f"the last {newest - len(self.audit)} of {newest} entries of the log"
            self.lost.append(f"{missing}, and what they tell of")
        self._versions()
        self._sessions()
        self._disagreements()
        self._proposals()
        self._plain()
        self.database.run("DELETE FROM places")
        self.database.run("UPDATE publishes SET state = 'aborted' WHERE state = 'intent'")
        self.audit.append("rebuilt", lost=self.lost, texts=self.texts)

    def _told(self, *events: str) -> Iterator[Entry]:
        return (entry for entry in self.entries if entry.event in events)

    def _versions(self) -> None:
        """Restore each version that the log tells of, its text from the damaged file or from the skill itself."""
        texts = {sha256(data): data for (data,) in self.old.rows("SELECT data FROM blobs")}
        for path in {str(entry.skill) for entry in self._told("version")}:
            with suppress(SkillloopError, OSError), fs.open_skill(path) as opened:
                live = opened.read()
                texts.setdefault(sha256(live), live)
        for entry in self._told("version"):
            skill, number, sha = entry.skill, entry.detail["number"], entry.detail["sha"]
            if sha in texts:
                self.versions.keep(texts[sha])
            else:
                self.texts += self.versions.mark_lost(sha)
            if sha in self.texts:
                self.lost.append(f"the text of version {number} of {skill}")
            query = "SELECT note, extra FROM versions WHERE skill = ? AND number = ? AND sha = ? AND json_valid(extra)"
            note, extra = next(iter(self.old.rows(query, skill, number, sha)), ("", "{}"))
            row = (skill, number, entry.detail["kind"], sha, entry.at, note, entry.detail["proposal"], extra)
            _put(self.database, "versions", row)

    def _sessions(self) -> None:
        """Restore the sessions as they were last digested."""
        self.database.run("PRAGMA defer_foreign_keys=ON")  # a row is replaced under its disagreements
        for name, entry in {entry.detail["session"]: entry for entry in self._told("digested")}.items():
            query = "SELECT * FROM sessions WHERE session_id = ? AND end = ? AND digest = ?"
            rows = self.old.rows(query, name, entry.detail["end"], entry.detail["digest"])
            if rows:
                row = (name, self.database.next("sessions"), *rows[0][2:])
                _put(self.database, "sessions", row, "INSERT OR REPLACE")
            else:
                self.lost.append(f"what was noted of session {name}")

    def _disagreements(self) -> None:
        """Restore the disagreements of known sessions, each by its own hash, and what a person said of them."""
        attached, dismissed = (
            {entry.detail["disagreement"] for entry in self._told(event)}
            for event in ("attached", "dismissed")
        )
        known = dict(self.database.rows("SELECT session_id, disagreements FROM sessions"))
        for session, data, sha in self.old.rows(
            "SELECT session_id, data, sha FROM disagreements ORDER BY seq"
        ):
            with suppress(Corrupt, UsageError, fs.Missing):
                found = self.old.document(Disagreement, data, sha)
                skill = skill_path(found.skill)
                if session in known:
                    row = (found.id, self.database.next("disagreements"), session, skill, data, sha, 0)
                    _put(self.database, "disagreements", row)
                if found.id in attached:
                    change = "UPDATE disagreements SET skill = ?, data = ?, sha = ? WHERE id = ?"
                    self.database.run(change, skill, data, sha, found.id)
                    attached.remove(found.id)
        for each in dismissed:
            self.database.run("UPDATE disagreements SET dismissed = 1 WHERE id = ?", each)
        self.lost += [f"which skill the disagreement {each} was attached to" for each in sorted(attached)]
        for session, wanted in known.items():
            query = "SELECT count(*) FROM disagreements WHERE session_id = ?"
            missing = wanted - self.database.one(query, session)[0]
            if missing > 0:
                self.lost.append(f"{missing} of {wanted} disagreements of session {session}")

    def _proposals(self) -> None:
        """Restore each proposal that the log tells of, and what became of it."""
        for entry in self._told("proposal", *get_args(State)):
            name, became = entry.detail["proposal"], (entry.detail["reason"], entry.detail["by"], entry.seq)
            if entry.event != "proposal":
                change = "UPDATE proposals SET state = ?, reason = ?, by = ?, acted = ? WHERE id = ?"
                self.database.run(change, entry.event, *became, name)
                continue
            sha = entry.detail["sha"]
            try:
                (data,) = self.old.one("SELECT data FROM proposals WHERE id = ? AND sha = ?", name, sha)
                proposal = self.old.document(Document, data, sha).proposal
            except (IndexError, Corrupt):
                self.lost.append(f"proposal {name}")
                continue
            whose = (
                name,
                self.database.next("proposals"),
                entry.skill,
                proposal.session_id,
                entry.detail["state"],
            )
            row = (*whose, *became, added_lines(proposal), entry.at, data, sha)
            _put(self.database, "proposals", row)

    def _plain(self) -> None:
        """Restore what the log does not tell of, row by row, if it fits; of two rows of one call the one that has ended."""
        for table, counter in _PLAIN.items():
            newest = 0
            for row in self.old.rows(f"SELECT * FROM {table} ORDER BY {counter}"):  # noqa: S608
                newest = row[1 if table == "cases" else 0]
                if table == "calls":
                    *_, reply, sha = row
                    if reply is not None and sha256(reply) != sha:
                        row = (*row[:10], "lost", *row[11:14], None, None)  # noqa: PLW2901
                    if row[10] != "open":
                        self.database.run("DELETE FROM calls WHERE id = ? AND state = 'open'", row[0])
                if table != "cases" or sha256(row[4]) == row[5]:
                    _put(self.database, table, row)
            missing = newest - self.database.one(f"SELECT count(*) FROM {table}")[0]  # noqa: S608
            if missing > 0:
                self.lost.append(f"{missing} rows of the table {table}")
        if unread := sorted(_PLAIN.keys() & self.broken):
            self.lost.append(f"what cannot be read any more of the tables {', '.join(unread)}, if anything")
