"""Every text that a SKILL.md ever had: blobs by SHA-256, numbered versions per skill, and publishes under way.

Invariants: a version's bytes are in the store before its row is; versions are appended, never changed; a publish is
`intent` before the first byte on disk changes and is closed (applied, aborted, conflict) exactly once.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from skillloop import fs
from skillloop.model import Version, sha256
from skillloop.store.audit import Tables
from skillloop.store.database import Corrupt, now

By = Literal["auto", "person"]  # who decided: the loop alone, or a person who saw it
VersionKind = Literal["import", "proposal", "rollback", "external"]
Settled = Literal["applied", "aborted", "conflict"]

_CLOSE = "UPDATE publishes SET state = ? WHERE id = ?"
_VERSION = "SELECT number, kind, sha, at, note, proposal, extra FROM versions"


@dataclass(frozen=True, slots=True)
class Publish:
    """A change of one SKILL.md that is meant, under way or found. `id` 0 is not recorded yet."""

    skill: str
    kind: VersionKind
    base: str  # sha256 of what must be on disk
    target: str  # sha256 of what shall be there
    note: str = ""
    proposal: str | None = None
    by: By = "auto"  # "person" where a person approved or asked
    extra: dict[str, Any] = field(default_factory=dict)
    id: int = 0

    @property
    def temporary(self) -> str:
        """Name of the temporary file beside SKILL.md."""
        return fs.temporary(self.target[:16])


class Versions(Tables):
    """Blobs, versions and publishes of one store. Every writing method needs the caller's transaction."""

    def keep(self, data: bytes) -> str:
        """Store the bytes; their sha256."""
        sha = sha256(data)
        self._database.insert("blobs", (sha, data), known=True)
        return sha

    def content(self, sha: str) -> bytes | None:
        """Return the bytes with this sha256, or None where they were never stored. Raises Corrupt: they have another."""
        rows = self._database.rows("SELECT data FROM blobs WHERE sha = ?", sha)
        if not rows:
            return None
        data = rows[0][0]
        if not isinstance(data, bytes) or sha256(data) != sha:
            raise Corrupt(self._database.path, f"the text {sha[:12]} has changed in the database")
        return data

    def of(self, skill: str) -> list[Version]:
        """Return all versions of a skill, oldest first."""
        rows = self._database.rows(f"{_VERSION} WHERE skill = ? ORDER BY number", skill)
        return list(map(self._version, rows))

    def head(self, skill: str) -> Version | None:
        """Return the newest version of a skill."""
        rows = self._database.rows(f"{_VERSION} WHERE skill = ? ORDER BY number DESC LIMIT 1", skill)
        return self._version(rows[0]) if rows else None

    def _version(self, row: tuple[Any, ...]) -> Version:
        *known, extra = row
        return replace(Version(*known), extra=self._database.parsed(extra))

    def skills(self) -> list[str]:
        """Canonical paths of all skills with a history, in alphabetical order."""
        return [row[0] for row in self._database.rows("SELECT DISTINCT skill FROM versions ORDER BY skill")]

    def append(self, change: Publish) -> Version:
        """Add the version that a change makes, whose bytes are kept already, and its audit entry."""
        head, skill, kind, sha = self.head(change.skill), change.skill, change.kind, change.target
        about = (change.note, change.proposal, change.extra)
        version = Version(head.number + 1 if head else 1, kind, sha, now(), *about)
        row = (skill, version.number, kind, sha, version.created, *about[:2], json.dumps(change.extra))
        self._database.insert("versions", row)
        by = change.by if kind in ("proposal", "rollback") else None
        told = {"number": version.number, "kind": kind, "sha": sha, "proposal": change.proposal, "by": by}
        self.audit.append("version", skill=skill, **told)
        return version

    def intend(self, publish: Publish) -> Publish:
        """Record that this publish begins; the same with its id."""
        (number,) = self._database.one("SELECT coalesce(max(id), 0) + 1 FROM publishes")
        what = (publish.skill, publish.kind, publish.base, publish.target, publish.note, publish.proposal)
        row = (number, *what, json.dumps(publish.extra), publish.by, "intent", now())
        self._database.insert("publishes", row)
        return replace(publish, id=number)

    def open_publishes(self) -> Sequence[Publish]:
        """Return the publishes that a crash or an error left open, oldest first."""
        columns = "skill, kind, base, target, note, proposal, by, extra, id"
        rows = self._database.rows(f"SELECT {columns} FROM publishes WHERE state = 'intent' ORDER BY id")  # noqa: S608
        return [replace(Publish(*row[:7]), extra=self._database.parsed(row[7]), id=row[8]) for row in rows]

    def apply(self, publish: Publish) -> Version:
        """Close an open publish whose bytes are in place: the version that it made."""
        self._database.run(_CLOSE, "applied", publish.id)
        return self.append(publish)

    def close(self, publish: Publish, state: Literal["aborted", "conflict"]) -> None:
        """Close an open publish whose bytes are not in place."""
        self._database.run(_CLOSE, state, publish.id)
        told = {"base": publish.base, "target": publish.target, "proposal": publish.proposal}
        self.audit.append(state, skill=publish.skill, **told)

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the versions, in sentences: changed bytes, or rows that the log does not tell of."""
        for (sha,) in self._database.rows("SELECT sha FROM blobs"):
            try:
                self.content(sha)
            except Corrupt as error:
                yield error.message
        rows = set(self._database.rows("SELECT skill, number, sha FROM versions"))
        log = self.audit.entries("version")
        told = {(entry.skill, entry.detail["number"], entry.detail["sha"]) for entry in log}
        for skill, number, _ in sorted(rows ^ told, key=str):
            yield f"version {number} of {skill} is not the one that the audit log records"
