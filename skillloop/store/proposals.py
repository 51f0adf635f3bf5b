"""Proposals and what became of them; cases, looks at the held-out ones, and the judge's opinions."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import msgspec

from skillloop import fs
from skillloop.errors import UsageError
from skillloop.model import Evidence, Proposal, Verdict, sha256
from skillloop.store.audit import Tables
from skillloop.store.database import T, encode, now
from skillloop.store.versions import By

State = Literal["queued", "applied", "rejected", "discarded", "stale"]
"""queued: waits for a person. stale: the skill's text changed under it. The others are final."""


class Opinion(NamedTuple):
    """What the judge said of one proposal, and what a person decided, where one has."""

    judge: str  # model and prompt with its hash
    approves: bool
    consistent: bool  # it said the same with the two texts in the other order
    said: str
    person: bool | None  # approved, rejected, or not decided yet


@dataclass(frozen=True, slots=True)
class Document:
    """What of a proposal never changes once it is saved."""

    proposal: Proposal
    verdict: Verdict
    context: tuple[str, ...]  # what was said around the evidence, for the reviewer


@dataclass(frozen=True, slots=True)
class Queued(Document):
    """A proposal with its verdict and what became of it so far."""

    state: State
    reason: str
    by: By  # who decided last


class Proposals(Tables):
    """The table proposals."""

    def save_proposal(
        self,
        proposal: Proposal,
        verdict: Verdict,
        state: State,
        reason: str,
        *,
        context: Iterable[str] = (),
        by: By = "auto",
    ) -> bool:
        """Remember a proposal and return whether it was new; as "queued", for `history.publish` sets "applied"."""
        data = encode(Document(proposal, verdict, tuple(context)))
        sha = sha256(data)
        skill = fs.canonical(proposal.path)
        with self.transaction():
            whose = (proposal.id, self._database.next("proposals"), skill, proposal.session_id)
            added = sum(edit.op != "delete" for edit in proposal.edits)
            row = (*whose, state, reason, by, self._database.next("audit"), added, now(), data, sha)
            new = self._database.insert("proposals", row, known=True)
            if new:
                told = {"proposal": proposal.id, "state": state, "reason": reason, "by": by, "sha": sha}
                self.audit.append("proposal", skill=skill, **told)
        return new

    def proposals(
        self, *, states: Iterable[State] | None = None, skill: str | Path | None = None
    ) -> list[Queued]:
        """Proposals in the order they were made, in any of `states`, for one skill or all."""
        wanted = get_args(State) if states is None else tuple(states)
        of = () if skill is None else (fs.canonical(skill),)
        where = f"state IN ({', '.join('?' * len(wanted))}) {'AND skill = ?' * len(of)} ORDER BY seq"
        return self._queued(where, *wanted, *of)

    def find_proposal(self, prefix: str) -> Queued:
        """Return the proposal whose id is `prefix` or alone begins with it. Raises UsageError: none, or more than one."""
        where = "id BETWEEN ? AND ? || char(0x10ffff) ORDER BY id != ?, id LIMIT 2"
        found = self._queued(where, *[prefix] * 3) if prefix else []
        if not found:
            raise UsageError(f"there is no edit {prefix!r}", "`skillloop status` lists them")
        ids = [each.proposal.id for each in found]
        if len(ids) > 1 and ids[0] != prefix:
            raise UsageError(f"{prefix!r} could be {ids[0]} or {ids[1]}", "give more of the id")
        return found[0]

    def citing(self, evidence: Evidence) -> list[Queued]:
        """Return the proposals that rest on the same turn, whatever quote of it, in the order they were made."""
        said = evidence.uuid or evidence.id
        return [
            each
            for each in self._queued("instr(data, ?) ORDER BY seq", said)
            if said in {x for item in each.proposal.evidence for x in (item.uuid, item.id)}
        ]

    def has_proposal(self, proposal_id: str) -> bool:
        """Return whether a proposal with exactly this id was ever made."""
        return bool(self._database.rows("SELECT 1 FROM proposals WHERE id = ?", proposal_id))

    def set_state(self, proposal_id: str, state: State, reason: str, *, by: By) -> None:
        """Say what became of a proposal. Raises UsageError: there is no such proposal."""
        with self.transaction():
            rows = self._database.rows("SELECT skill, state FROM proposals WHERE id = ?", proposal_id)
            if not rows:
                raise UsageError(f"there is no edit {proposal_id!r}")
            change = "UPDATE proposals SET state = ?, reason = ?, by = ?, acted = ? WHERE id = ?"
            self._database.run(change, state, reason, by, self._database.next("audit"), proposal_id)
            told = {"proposal": proposal_id, "reason": reason, "by": by, "before": rows[0][1]}
            self.audit.append(state, skill=rows[0][0], **told)

    def _queued(self, where: str, *values: object) -> list[Queued]:
        query = f"SELECT data, sha, state, reason, by FROM proposals WHERE {where}"  # noqa: S608
        rows = self._database.documents(Document, query, *values)
        return [Queued(known.proposal, known.verdict, known.context, *rest) for known, *rest in rows]

    def added_in_session(self, session_id: str) -> int:
        """Return how many lines were added without a person, to any skill, because of this session."""
        query = "SELECT coalesce(sum(added), 0) FROM proposals WHERE session_id = ? AND state = 'applied' AND by = 'auto'"
        return int(self._database.one(query, session_id)[0])

    def applied_unseen(self, skill: str | Path) -> dict[str, int]:
        """Return the lines that each edit added to this skill without a person since a person last decided anything about it.

        They are by the edit's id, oldest first. This counts by sequence, not by calendar: a clock that jumps cannot free it,
        and a week of silence is not a review. An edit of the file does not start it anew, since nothing shows who made it.
        """
        query = (
            "SELECT id, added FROM proposals WHERE skill = ? AND state = 'applied' AND by = 'auto' AND acted > "
            "(SELECT coalesce(max(seq), 0) FROM audit WHERE skill = ? AND json_extract(entry, '$.detail.by') = 'person') "
            "ORDER BY acted"
        )
        return dict(self._database.rows(query, *[fs.canonical(skill)] * 2))


class Evaluations(Tables):
    """The tables `cases`, `heldout_reads` and `opinions`."""

    def save_case(self, case_id: str, skill: str | Path, session_id: str, case: object) -> None:
        """Remember a case. One that is known stays as it is."""
        data = encode(case)
        with self.transaction():
            row = (case_id, self._database.next("cases"), fs.canonical(skill), session_id, data, sha256(data))
            self._database.insert("cases", row, known=True)

    def cases(self, skill: str | Path, kind: type[T]) -> list[T]:
        """Return the cases of a skill, oldest first. Raises Corrupt: one was changed."""
        query = "SELECT data, sha FROM cases WHERE skill = ? ORDER BY seq"
        return [found for (found,) in self._database.documents(kind, query, fs.canonical(skill))]

    def read_held_out(self, skill: str | Path, proposal: str) -> int:
        """Count one look at the held-out cases of a skill, since each makes them worth a little less; how many there were."""
        path = fs.canonical(skill)
        with self.transaction():
            self._database.insert("heldout_reads", (None, path, proposal, now()))
            return int(self._database.one("SELECT count(*) FROM heldout_reads WHERE skill = ?", path)[0])

    def save_opinion(self, proposal: str, judge: str, *, approves: bool, consistent: bool, said: str) -> None:
        """Remember what the judge said of a proposal. What it said first counts."""
        with self.transaction():
            row = (None, proposal, judge, approves, consistent, said, now())
            self._database.insert("opinions", row, known=True)

    def opinions(self) -> list[Opinion]:
        """Return all that the judge ever said, oldest first, each with the person's decision where there is one."""
        rows = self._database.rows(
            "SELECT o.judge, o.approves, o.consistent, o.said, "
            "CASE WHEN p.by != 'person' THEN NULL WHEN p.state = 'applied' THEN 1 WHEN p.state = 'rejected' THEN 0 END "
            "FROM opinions o LEFT JOIN proposals p ON p.id = o.proposal ORDER BY o.seq"
        )
        return [msgspec.convert(row, Opinion, strict=False) for row in rows]
