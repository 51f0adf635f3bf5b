"""The sessions that were digested, the disagreements found in them, and where reading goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skillloop import fs
from skillloop.errors import UsageError
from skillloop.model import Disagreement, Session, SkillRef, sha256
from skillloop.skillpath import owner_of
from skillloop.store.audit import Tables
from skillloop.store.database import Corrupt, encode, now


@dataclass(frozen=True, slots=True)
class SessionRow:
    """What is known of a digested session; `end` is where reading goes on when it was resumed."""

    session_id: str
    path: str
    end: int  # byte offset
    digest: str  # sha256 of the bytes read
    at: str  # when it was digested; display only
    turns: int
    human_turns: int
    disagreements: int


class Sessions(Tables):
    """The tables sessions and disagreements."""

    def session(self, session_id: str) -> SessionRow | None:
        """Return what is known of this session, or None."""
        rows = self._database.rows(f"{_SESSION} WHERE session_id = ?", session_id)
        return SessionRow(*rows[0]) if rows else None

    def sessions(self, *, limit: int | None = None) -> list[SessionRow]:
        """Return the digested sessions, the last digested first."""
        rows = self._database.rows(f"{_SESSION} ORDER BY seq DESC LIMIT ?", -1 if limit is None else limit)
        return [SessionRow(*row) for row in rows]

    def save_digest(self, session: Session, found: Sequence[Disagreement]) -> None:
        """Remember that this session was read up to `session.end`, and the disagreements in it.

        Idempotent. A disagreement that is known keeps the skill that a person attached; one found in an earlier
        reading stays.
        """
        with self.transaction():
            known = self.session(session.session_id)
            if known is None or (known.end, known.digest) != (session.end, session.digest):
                place = (
                    session.session_id,
                    self._database.next("sessions"),
                    session.path,
                    session.end,
                    session.digest,
                )
                self._database.run(
                    "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0) "
                    "ON CONFLICT (session_id) DO UPDATE SET seq = excluded.seq, path = excluded.path, end = excluded.end, "
                    "digest = excluded.digest, at = excluded.at, turns = excluded.turns, human_turns = excluded.human_turns",
                    *(*place, now(), len(session.turns), len(session.human_turns)),
                )
                self.audit.append(
                    "digested", session=session.session_id, end=session.end, digest=session.digest
                )
            for each in found:
                data = encode(each)
                whose = (
                    each.id,
                    self._database.next("disagreements"),
                    session.session_id,
                    skill_path(each.skill),
                )
                self._database.insert_new("disagreements", (*whose, data, sha256(data), 0))
            count = "(SELECT count(*) FROM disagreements d WHERE d.session_id = sessions.session_id)"
            change = f"UPDATE sessions SET disagreements = {count} WHERE session_id = ?"  # noqa: S608
            self._database.run(change, session.session_id)

    def disagreements(
        self, *, session_id: str | None = None, skill: str | Path | None = None, unattributed: bool = False
    ) -> list[Disagreement]:
        """Disagreements in the order they were found; of a session, of a skill, or those that no skill can learn yet.

        Unattributed are those with no skill in force, or one that is never edited (see `skillpath`).
        """
        rows = self._database.rows(
            "SELECT data, sha, skill FROM disagreements WHERE (?1 IS NULL OR session_id = ?1) "
            "AND (?2 IS NULL OR skill = ?2) AND NOT (?3 AND dismissed) ORDER BY seq",
            session_id,
            None if skill is None else fs.canonical(skill),
            unattributed,
        )
        return [
            self._database.document(Disagreement, data, sha)
            for data, sha, path in rows
            if not unattributed or path is None or not owner_of(path).editable
        ]

    def disagreement(self, disagreement_id: str) -> Disagreement:
        """Return the one with this id.

        Raises:
            UsageError: there is none.
        """
        rows = self._database.rows("SELECT data, sha FROM disagreements WHERE id = ?", disagreement_id)
        if not rows:
            raise UsageError(f"there is no disagreement {disagreement_id}")
        return self._database.document(Disagreement, *rows[0])

    def attach(self, disagreement_id: str, skill: SkillRef) -> Disagreement:
        """Say which skill a disagreement is about; the changed disagreement.

        Raises:
            UsageError: no such disagreement, or a path that is no skill's.
        """
        with self.transaction():
            found = replace(self.disagreement(disagreement_id), skill=skill)
            data, path = encode(found), skill_path(skill)
            change = "UPDATE disagreements SET skill = ?, data = ?, sha = ? WHERE id = ?"
            self._database.run(change, path, data, sha256(data), disagreement_id)
            self.audit.append("attached", skill=path, disagreement=disagreement_id)
        return found

    def dismiss(self, disagreement_id: str) -> None:
        """Stop asking which skill a disagreement is about. It is kept, but no longer listed as unattributed.

        Raises:
            UsageError: no such disagreement.
        """
        with self.transaction():
            if not self._database.run("UPDATE disagreements SET dismissed = 1 WHERE id = ?", disagreement_id):
                raise UsageError(f"there is no disagreement {disagreement_id}")
            self.audit.append("dismissed", disagreement=disagreement_id)

    def wishes(self, *, before: str) -> tuple[str, ...]:
        """Return what the person wished in earlier sessions than `before` (all, if it is unknown), oldest first."""
        rows = self._database.rows(
            "SELECT data, sha FROM disagreements WHERE session_id != ?1 AND seq < coalesce("
            "(SELECT min(seq) FROM disagreements WHERE session_id = ?1), 9e15) ORDER BY seq",
            before,
        )
        wishes = []
        for data, sha in rows:  # there are thousands, so nothing else of them is decoded
            if sha256(data) != sha:
                raise Corrupt(self._database.path, "a stored disagreement has changed")
            found = json.loads(data)
            wishes.append(found["lesson"] or found["evidence"]["quote"])
        return tuple(wishes)


_SESSION = "SELECT session_id, path, end, digest, at, turns, human_turns, disagreements FROM sessions"


def skill_path(skill: SkillRef | None) -> str | None:
    """Return the canonical path of a skill's SKILL.md, where it has one."""
    return None if skill is None or skill.path is None else fs.canonical(skill.path)
