"""Cases, how often the held-out ones were looked at, and what the judge said of proposals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skillloop import fs
from skillloop.model import sha256
from skillloop.store import codec
from skillloop.store.database import Corrupt, Database, now


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the judge said of one proposal, and what a person decided, where one has."""

    proposal: str
    judge: str  # model and prompt with its hash
    approves: bool
    consistent: bool  # it said the same with the two texts in the other order
    said: str
    person: bool | None  # approved, rejected, or not decided yet


class Evaluations:
    """The tables `cases`, `heldout_reads` and `opinions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_case(self, case_id: str, skill: str | Path, session_id: str, case: object) -> None:
        """Remember a case. One that is known stays as it is."""
        data = codec.encode(case)
        with self._database.transaction():
            self._database.run(
                "INSERT INTO cases VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM cases), ?, ?, ?, ?) "
                "ON CONFLICT (id) DO NOTHING",
                case_id,
                fs.canonical(skill),
                session_id,
                data,
                sha256(data),
            )

    def cases(self, skill: str | Path, kind: type[codec.T]) -> list[codec.T]:
        """The cases of a skill, oldest first.

        Raises:
            Corrupt: one was changed.
        """
        found = []
        query = "SELECT data, sha FROM cases WHERE skill = ? ORDER BY seq"
        for data, sha in self._database.rows(query, fs.canonical(skill)):
            if sha256(data) != sha:
                raise Corrupt(self._database.path, "a stored case has changed")
            found.append(codec.decode(kind, data))
        return found

    def read_held_out(self, skill: str | Path, proposal: str) -> None:
        """Count one look at the held-out cases of a skill: each makes them worth a little less."""
        with self._database.transaction():
            values = (fs.canonical(skill), proposal, now())
            self._database.run("INSERT INTO heldout_reads (skill, proposal, at) VALUES (?, ?, ?)", *values)

    def held_out_reads(self, skill: str | Path) -> int:
        """How often the held-out cases of a skill were looked at."""
        query = "SELECT count(*) FROM heldout_reads WHERE skill = ?"
        return int(self._database.one(query, fs.canonical(skill))[0])

    def save_opinion(self, proposal: str, judge: str, *, approves: bool, consistent: bool, said: str) -> None:
        """Remember what the judge said of a proposal. What it said first counts."""
        with self._database.transaction():
            self._database.run(
                "INSERT INTO opinions (proposal, judge, approves, consistent, said, at) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                proposal,
                judge,
                approves,
                consistent,
                said,
                now(),
            )

    def opinions(self) -> list[Opinion]:
        """All that the judge ever said, oldest first, each with the person's decision where there is one."""
        rows = self._database.rows(
            "SELECT o.proposal, o.judge, o.approves, o.consistent, o.said, "
            "CASE WHEN p.by != 'person' THEN NULL WHEN p.state = 'applied' THEN 1 WHEN p.state = 'rejected' THEN 0 END "
            "FROM opinions o LEFT JOIN proposals p ON p.id = o.proposal ORDER BY o.seq"
        )
        return [
            Opinion(
                proposal,
                judge,
                bool(approves),
                bool(consistent),
                said,
                None if person is None else bool(person),
            )
            for proposal, judge, approves, consistent, said, person in rows
        ]
