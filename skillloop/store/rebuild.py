"""Makes a new store of what a damaged one still holds.

Invariants: only what proves itself is taken: an entry of the log by its signature or by the entry after it, a text
and a document by its SHA-256, a version and what became of a proposal by the log. What is known to be lost is said
and stands in the new log; numbers of versions and of entries stay what they were. The damaged file is kept.

Not provable is what carries no hash (trials, calls, recurrences, looks at held-out cases, opinions; notes, times and
the paths of transcripts): it is taken if it fits its table. An open publish is not taken over: what is on disk is recorded anew instead.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from skillloop import fs
from skillloop.errors import SkillloopError
from skillloop.model import sha256
from skillloop.store import backup, salvage
from skillloop.store.audit import Audit
from skillloop.store.database import Corrupt, Database
from skillloop.store.proposals import State
from skillloop.store.salvage import Row
from skillloop.store.versions import VersionKind, Versions

_PLAIN = {
    "recurrences": 0,
    "trials": 0,
    "heldout_reads": 0,
    "opinions": 0,
    "publishes": 0,
    "calls": 0,
    "cases": 1,
}
"""Tables that are taken as they are, with the column that counts their rows without a gap."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of it."""

    rows: dict[str, int]  # that were saved, by table
    lost: tuple[str, ...]  # what is known to be lost, in sentences
    kept: Path | None  # the damaged file


def rebuild(home: Path) -> Rebuilt:
    """Rebuild the store of this home. The caller holds its locks.

    Raises:
        Locked: another process writes to the store.
        SkillloopError: the disk refused; nothing was changed.
    """
    target = home / backup.NAME
    before = fs.mark(target) if target.exists() else None
    with backup.staged(home) as place, closing(Database(place)) as database:
        work = _Work(database, Audit(database, home), _gather(target, salvage.shapes(database)))
        with database.transaction():
            work.run()
        broken = database.problems() or list(work.versions.problems())
        if broken:
            raise Corrupt(target, f"it cannot be rebuilt: {broken[0]}")
        kept = backup.put_in_place(place, target, "damaged", unless=before)
        work.audit.keep_head()
    return Rebuilt(dict(work.saved), tuple(work.lost), kept)


def _gather(damaged: Path, shapes: salvage.Shapes) -> dict[str, list[Row]]:
    """All rows that can be read, by table, each once, live ones first."""
    found: dict[str, dict[Row, None]] = defaultdict(dict)
    with tempfile.TemporaryDirectory(dir=damaged.parent, prefix=".look-") as folder:
        copy = Path(folder) / damaged.name
        for suffix in ("", "-journal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{damaged}{suffix}", f"{copy}{suffix}")
        if copy.exists():
            for table, row in salvage.rows(copy, shapes):
                found[table][row] = None
    return {table: list(rows) for table, rows in found.items()}


@dataclass
class _Work:
    """One rebuilding: the new database, and what was found."""

    database: Database
    audit: Audit
    found: dict[str, list[Row]]
    saved: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lost: list[str] = field(default_factory=list)
    log: dict[int, dict[str, Any]] = field(default_factory=dict)  # the proven entries
    gaps: bool = False  # in the log
    texts: list[str] = field(default_factory=list)  # sha256 of the lost ones

    def __post_init__(self) -> None:
        self.versions = Versions(self.database, self.audit)

    def run(self) -> None:
        """Fill the new database, and tell of it in its log."""
        self._log()
        self._versions()
        self._sessions()
        self._disagreements()
        self._proposals()
        self._plain()
        self.audit.append("rebuilt", lost=self.lost, texts=self.texts)

    def _put(self, table: str, row: Row) -> bool:
        """Add a row, unless one with its key is there or the table does not take it."""
        places = ", ".join("?" * len(row))
        new = self.database.run(f"INSERT OR IGNORE INTO {table} VALUES ({places})", *row)  # noqa: S608
        self.saved[table] += new
        return bool(new)

    def _log(self) -> None:
        self.log = self.audit.proven(row[:4] for row in self.found.get("audit", ()))
        last = max(self.audit.head(), *self.log, 0)
        self.audit.carry(self.log, last)
        self.saved["audit"] = len(self.log)
        missing = last - len(self.log)
        self.gaps = missing > 0
        if missing:
            self.lost.append(f"{missing} of {last} entries of the log")

    def _told(self, *events: str) -> Iterator[dict[str, Any]]:
        return (entry for _, entry in sorted(self.log.items()) if entry["event"] in events)

    def _versions(self) -> None:
        told = {(entry["skill"], entry["detail"]["number"]): entry for entry in self._told("version")}
        found: dict[tuple[str, int], Row] = {}
        texts = {sha256(data): data for _, data in self.found.get("blobs", ())}
        for row in self.found.get("versions", ()):
            known = row[:2] in told or (self.gaps and row[3] in texts)
            if known and _is_version(row) and _agrees(row, told.get(row[:2])):
                found.setdefault(row[:2], row)
        for key, entry in told.items():
            detail = entry["detail"]
            row = (*key, detail["kind"], detail["sha"], entry["at"], "", detail["proposal"], "{}")
            found.setdefault(key, row)
        self._texts(found, texts)
        for key, row in sorted(found.items()):
            self._put("versions", row)
            if key not in told:
                _, number, kind, sha, _, _, proposal, _ = row
                self.audit.append(
                    "version", skill=key[0], number=number, kind=kind, sha=sha, proposal=proposal, by=None
                )

    def _texts(self, versions: dict[tuple[str, int], Row], texts: dict[str, bytes]) -> None:
        """Keep the texts that have their own hash or that a version names; say which versions have lost theirs."""
        for skill in {skill for skill, _ in versions}:
            with suppress(SkillloopError, OSError), fs.open_skill(skill) as opened:
                live = opened.read()
                texts.setdefault(sha256(live), live)
        wanted = {row[3] for row in versions.values()} | {row[0] for row in self.found.get("blobs", ())}
        for sha in sorted(wanted & texts.keys()):
            self._put("blobs", (sha, texts[sha]))
        for (skill, number), row in sorted(versions.items()):
            if row[3] not in texts:
                self.lost.append(f"the text of version {number} of {skill}")
                if row[3] not in self.texts:
                    self.texts.append(row[3])
                    self.versions.lose(row[3])

    def _sessions(self) -> None:
        told = {entry["detail"]["session"]: entry["detail"] for entry in self._told("digested")}
        for row in self.found.get("sessions", ()):
            name, _, _, end, digest, *_ = row
            if name in told or self.gaps:
                proof = told.get(name, {})
                if self.gaps or (proof["end"], proof["digest"]) == (end, digest):
                    self._put("sessions", row)
        known = {row[0] for row in self.database.rows("SELECT session_id FROM sessions")}
        self.lost += [f"what was noted of session {name}" for name in told if name not in known]

    def _disagreements(self) -> None:
        sessions = dict(self.database.rows("SELECT session_id, disagreements FROM sessions"))
        found: dict[str, int] = defaultdict(int)
        for row in self.found.get("disagreements", ()):
            _, _, session, _, data, sha, _ = row
            if sha256(data) == sha and session in sessions:
                found[session] += self._put("disagreements", row)
        for session, count in sessions.items():
            if found[session] < count:
                self.lost.append(f"{count - found[session]} of {count} disagreements of session {session}")

    def _proposals(self) -> None:
        first = {entry["detail"]["proposal"]: entry for entry in self._told("proposal")}
        last = {entry["detail"]["proposal"]: entry for entry in self._told("proposal", *get_args(State))}
        for row in self.found.get("proposals", ()):
            name, seq, skill, session, state, reason, by, acted, added, at, data, sha = row
            if sha256(data) != sha or json.loads(data)["proposal"]["id"] != name:
                continue
            if name in first and first[name]["detail"]["sha"] == sha:
                skill = first[name]["skill"]
            elif not self.gaps:
                continue
            word = last.get(name)
            if word is not None and (acted in self.log or word["seq"] > acted):
                told = word["detail"]
                state = told["state"] if word["event"] == "proposal" else word["event"]
                reason, by, acted = told["reason"], told["by"], word["seq"]
            self._put(
                "proposals", (name, seq, skill, session, state, reason, by, acted, added, at, data, sha)
            )
        known = {row[0] for row in self.database.rows("SELECT id FROM proposals")}
        self.lost += [f"proposal {name}" for name in first if name not in known]

    def _plain(self) -> None:
        for table, counter in _PLAIN.items():
            numbers = set()
            for found in self.found.get(table, ()):
                row = self._checked(table, found)
                if row is not None:
                    self._put(table, row)
                    numbers.add(row[counter])
                elif table == "publishes":  # left out on purpose
                    numbers.add(found[counter])
            missing = max(numbers, default=0) - len(numbers)
            if missing > 0:
                self.lost.append(f"{missing} rows of the table {table}")

    def _checked(self, table: str, row: Row) -> Row | None:
        """The row as far as its hash proves it, or None."""
        if table == "cases":
            return row if sha256(row[4]) == row[5] else None
        if table == "calls":
            *_, reply, sha = row
            proven = reply is None or sha256(reply) == sha
            return row if proven else (*row[:10], "lost", *row[11:14], None, None)
        if table == "recurrences":
            return row if self.database.rows("SELECT 1 FROM disagreements WHERE id = ?", row[1]) else None
        if table == "publishes":
            known = self.database.one("SELECT count(*) FROM blobs WHERE sha IN (?, ?)", row[3], row[4])[0]
            return row if row[9] != "intent" and known == 2 else None
        return row


def _is_version(row: Row) -> bool:
    try:
        return (
            fs.canonical(row[0]) == row[0]
            and row[2] in get_args(VersionKind)
            and isinstance(json.loads(row[7]), dict)
        )
    except (ValueError, SkillloopError):
        return False


def _agrees(row: Row, told: dict[str, Any] | None) -> bool:
    return told is None or (told["detail"]["kind"], told["detail"]["sha"]) == (row[2], row[3])
