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

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast, get_args

from skillloop import files
from skillloop.errors import UsageError
from skillloop.model import Disagreement, Proposal, SkillRef, Verdict, sha256
from skillloop.store import codec
from skillloop.store.archive import Archive, By
from skillloop.store.audit import Audit, Entry
from skillloop.store.database import Corrupt, Database, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from skillloop.model import Decision, Session

__all__ = ["By", "Corrupt", "Entry", "Queued", "Recurrence", "SessionRow", "State", "Store", "TrialRow"]

State = Literal["queued", "applied", "rejected", "discarded", "stale"]
"""queued: waits for a person. stale: the skill's text changed under it. The others are final."""


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


@dataclass(frozen=True, slots=True)
class Queued:
    """A proposal with its verdict and what became of it so far."""

    proposal: Proposal
    verdict: Verdict
    context: tuple[str, ...]  # what was said around the evidence, for the reviewer
    state: State
    reason: str
    by: By  # who decided last
    at: str  # when it was saved; display only


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A disagreement that asked for a rule that the skill already had."""

    disagreement_id: str
    skill: str  # canonical path
    line: int  # 1-based, of the rule when it was seen
    rule: str
    at: str


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial of any loop, as the ledger keeps it."""

    problem: str  # "session", "skill", "experiment"
    candidate: str  # id of the candidate
    outcome: str
    reason: str
    score: float | None
    cost: float
    verdict: Verdict
    at: str


class Store:
    """The open store. `archive` holds the versions (use `skillloop.history`), `audit` the log."""

    def __init__(self, home: Path, database: Database) -> None:
        self.home = home
        self._database = database
        self.audit = Audit(database, home)
        self.archive = Archive(database, self.audit)

    @classmethod
    def open(cls, home: Path) -> Self:
        """Open the store in `home`, making both (0700, 0600) where they are not there yet.

        Raises:
            Corrupt: the database is damaged; the message names `skillloop doctor`.
            SkillloopError: it cannot be opened, or a newer skillloop wrote it.
        """
        return cls(home, Database(home / "skillloop.db"))

    def close(self) -> None:
        """Close the database; an open transaction is rolled back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make several changes as one: all or none. Every saving method does this for itself."""
        with self._database.transaction():
            yield
        if not self._database.in_transaction:
            self.audit.keep_head()

    # --- sessions and what was found in them ---

    def session(self, session_id: str) -> SessionRow | None:
        """What is known of this session, or None."""
        rows = self._database.rows(f"{_SESSION} WHERE session_id = ?", session_id)
        return SessionRow(*rows[0]) if rows else None

    def sessions(self, *, limit: int | None = None) -> list[SessionRow]:
        """The digested sessions, the last digested first."""
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
                self._save_session(session)
            for each in found:
                self._save_disagreement(session.session_id, each)
            count = "(SELECT count(*) FROM disagreements d WHERE d.session_id = sessions.session_id)"
            self._database.run(
                f"UPDATE sessions SET disagreements = {count} WHERE session_id = ?",  # noqa: S608
                session.session_id,
            )

    def _save_session(self, session: Session) -> None:
        self._database.run(
            "INSERT INTO sessions VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM sessions), ?, ?, ?, ?, ?, ?, 0) "
            "ON CONFLICT (session_id) DO UPDATE SET seq = excluded.seq, path = excluded.path, end = excluded.end, "
            "digest = excluded.digest, at = excluded.at, turns = excluded.turns, human_turns = excluded.human_turns",
            session.session_id,
            session.path,
            session.end,
            session.digest,
            now(),
            len(session.turns),
            len(session.human_turns),
        )
        self.audit.append("digested", session=session.session_id, end=session.end, digest=session.digest)

    def _save_disagreement(self, session_id: str, found: Disagreement) -> None:
        skill = _skill_path(found.skill)
        data = codec.encode(found)
        self._database.run(
            "INSERT INTO disagreements VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM disagreements), ?, ?, ?, ?, 0) "
            "ON CONFLICT (id) DO NOTHING",
            found.id,
            session_id,
            skill,
            data,
            sha256(data),
        )

    def disagreements(
        self, *, session_id: str | None = None, skill: str | Path | None = None, unattributed: bool = False
    ) -> list[Disagreement]:
        """Disagreements in the order they were found; of a session, of a skill, or those that no skill can learn yet.

        Unattributed are those with no skill in force, or one in a plugin's cache, which nothing is written to.
        """
        rows = self._database.rows(
            "SELECT data, sha FROM disagreements WHERE (?1 IS NULL OR session_id = ?1) "  # noqa: S608
            f"AND (?2 IS NULL OR skill = ?2) AND (NOT ?3 OR {_HOMELESS}) ORDER BY seq",
            session_id,
            None if skill is None else files.canonical(skill),
            unattributed,
        )
        return [self._document(Disagreement, *row) for row in rows]

    def disagreement(self, disagreement_id: str) -> Disagreement:
        """The one with this id.

        Raises:
            UsageError: there is none.
        """
        rows = self._database.rows("SELECT data, sha FROM disagreements WHERE id = ?", disagreement_id)
        if not rows:
            raise UsageError(f"there is no disagreement {disagreement_id}")
        return self._document(Disagreement, *rows[0])

    def attach(self, disagreement_id: str, skill: SkillRef) -> Disagreement:
        """Say which skill a disagreement is about; the changed disagreement.

        Raises:
            UsageError: no such disagreement, or a path that is no skill's.
        """
        with self.transaction():
            found = replace(self.disagreement(disagreement_id), skill=skill)
            data, path = codec.encode(found), _skill_path(skill)
            self._database.run(
                "UPDATE disagreements SET skill = ?, data = ?, sha = ? WHERE id = ?",
                path,
                data,
                sha256(data),
                disagreement_id,
            )
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
        """What the person wished in earlier sessions than `before` (all, if it is unknown), oldest first."""
        rows = self._database.rows(
            "SELECT data, sha FROM disagreements WHERE session_id != ?1 AND seq < coalesce("
            "(SELECT min(seq) FROM disagreements WHERE session_id = ?1), 9e15) ORDER BY seq",
            before,
        )
        found = (self._document(Disagreement, *row) for row in rows)
        return tuple(each.lesson or each.evidence.quote for each in found)

    def save_recurrence(self, disagreement_id: str, skill: str | Path, line: int, rule: str) -> None:
        """Remember that a disagreement asked again for a rule that is there. Idempotent."""
        self._database.run(
            "INSERT INTO recurrences (disagreement_id, skill, line, rule, at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            disagreement_id,
            files.canonical(skill),
            line,
            rule,
            now(),
        )

    def recurrences(self, skill: str | Path | None = None) -> list[Recurrence]:
        """The wishes that came again, oldest first; of one skill, or of all."""
        rows = self._database.rows(
            "SELECT disagreement_id, skill, line, rule, at FROM recurrences "
            "WHERE ?1 IS NULL OR skill = ?1 ORDER BY seq",
            None if skill is None else files.canonical(skill),
        )
        return [Recurrence(*row) for row in rows]

    # --- proposals ---

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
        """Remember a proposal. One that is known keeps what became of it.

        Args:
            proposal: Its id decides whether it is known.
            verdict: The gate's.
            state: What becomes of it. "applied" is set by `history.publish`: save it as "queued" first.
            reason: Why, for a person.
            context: What was said around its evidence, redacted.
            by: Who decided.

        Returns:
            Whether it was new.
        """
        data = codec.encode(_Document(proposal, verdict, tuple(context)))
        skill = files.canonical(proposal.path)
        with self.transaction():
            new = self._database.run(
                "INSERT INTO proposals VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM proposals), "  # noqa: S608
                f"?, ?, ?, ?, ?, {_NEXT_ACT}, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                proposal.id,
                skill,
                proposal.session_id,
                state,
                reason,
                by,
                added_lines(proposal),
                now(),
                data,
                sha256(data),
            )
            if new:
                self.audit.append(
                    "proposal",
                    skill=skill,
                    proposal=proposal.id,
                    state=state,
                    reason=reason,
                    by=by,
                    sha=sha256(data),
                )
        return bool(new)

    def proposals(
        self, *, states: Iterable[State] | None = None, skill: str | Path | None = None
    ) -> list[Queued]:
        """Proposals in the order they were made, in any of `states`, for one skill or all."""
        wanted = get_args(State) if states is None else tuple(states)
        rows = self._database.rows(
            f"{_PROPOSAL} WHERE state IN ({', '.join('?' * len(wanted))}) AND (? OR skill = ?) ORDER BY seq",
            *wanted,
            skill is None,
            None if skill is None else files.canonical(skill),
        )
        return [self._queued(row) for row in rows]

    def find_proposal(self, prefix: str) -> Queued:
        """The proposal whose id is `prefix` or alone begins with it.

        Raises:
            UsageError: none, or more than one.
        """
        low, high = prefix, prefix + "\U0010ffff"
        rows = self._database.rows(
            f"{_PROPOSAL} WHERE id BETWEEN ? AND ? ORDER BY id != ?, id LIMIT 3", low, high, prefix
        )
        if not prefix or not rows:
            raise UsageError(f"there is no proposal {prefix!r}", "`skillloop status` lists them")
        found = [self._queued(row) for row in rows]
        if len(found) > 1 and found[0].proposal.id != prefix:
            raise UsageError(
                f"{prefix!r} could be {found[0].proposal.id} or {found[1].proposal.id}", "give more digits"
            )
        return found[0]

    def has_proposal(self, proposal_id: str) -> bool:
        """Whether a proposal with exactly this id was ever made."""
        return bool(self._database.rows("SELECT 1 FROM proposals WHERE id = ?", proposal_id))

    def set_state(self, proposal_id: str, state: State, reason: str, *, by: By) -> None:
        """Say what became of a proposal.

        Raises:
            UsageError: there is no such proposal.
        """
        with self.transaction():
            rows = self._database.rows("SELECT skill, state FROM proposals WHERE id = ?", proposal_id)
            if not rows:
                raise UsageError(f"there is no proposal {proposal_id!r}")
            self._database.run(
                f"UPDATE proposals SET state = ?, reason = ?, by = ?, acted = {_NEXT_ACT} WHERE id = ?",  # noqa: S608
                state,
                reason,
                by,
                proposal_id,
            )
            self.audit.append(
                state, skill=rows[0][0], proposal=proposal_id, reason=reason, by=by, before=rows[0][1]
            )

    def _queued(self, row: tuple[Any, ...]) -> Queued:
        data, sha, state, reason, by, at = row
        document = self._document(_Document, data, sha)
        return Queued(
            document.proposal,
            document.verdict,
            document.context,
            cast("State", state),
            reason,
            by,
            at,
        )

    def _document(self, kind: type[codec.T], data: str, sha: str) -> codec.T:
        if sha256(data) != sha:
            raise Corrupt(self._database.path, f"a stored {kind.__name__.strip('_').lower()} has changed")
        return codec.decode(kind, data)

    # --- budgets against slow drift ---

    def added_in_session(self, session_id: str) -> int:
        """Lines that were added without a person, to any skill, because of this session."""
        (count,) = self._database.one(
            "SELECT coalesce(sum(added), 0) FROM proposals WHERE session_id = ? AND state = 'applied' AND by = 'auto'",
            session_id,
        )
        return int(count)

    def added_unseen(self, skill: str | Path) -> int:
        """Lines that were added to this skill without a person since a person last decided anything about it.

        The budget against slow drift. It counts by sequence, not by calendar: a clock that jumps cannot free it,
        and a week of silence is not a review. Approving, rejecting or rolling back starts it anew; an edit of the
        file does not, since nothing shows that a person made it.
        """
        (count,) = self._database.one(
            "SELECT coalesce(sum(added), 0) FROM proposals WHERE skill = ?1 AND state = 'applied' AND by = 'auto' "
            "AND acted > (SELECT coalesce(max(seq), 0) FROM audit "
            "WHERE skill = ?1 AND json_extract(entry, '$.detail.by') = 'person')",
            files.canonical(skill),
        )
        return int(count)

    def skills(self) -> list[Path]:
        """The SKILL.md of every skill with a history."""
        return [Path(skill) for skill in self.archive.skills()]

    # --- the ledger ---

    def save_trial(self, problem: str, candidate: str, verdict: Verdict, decision: Decision) -> None:
        """Add a trial to the ledger: each one that was ever made, the discarded and crashed ones included."""
        self._database.run(
            "INSERT INTO trials (problem, candidate, outcome, reason, score, cost, data, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            problem,
            candidate,
            decision.outcome.value,
            decision.reason,
            verdict.score,
            verdict.cost,
            codec.encode(verdict),
            now(),
        )

    def trials(self, problem: str | None = None) -> list[TrialRow]:
        """The ledger, oldest first."""
        rows = self._database.rows(
            "SELECT problem, candidate, outcome, reason, score, cost, data, at FROM trials "
            "WHERE ?1 IS NULL OR problem = ?1 ORDER BY seq",
            problem,
        )
        return [_trial(*row) for row in rows]

    # --- the audit log ---

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


@dataclass(frozen=True, slots=True)
class _Document:
    """What of a proposal never changes once it is saved."""

    proposal: Proposal
    verdict: Verdict
    context: tuple[str, ...]


_HOMELESS = "NOT dismissed AND (skill IS NULL OR skill GLOB '*/plugins/cache/*')"
_SESSION = "SELECT session_id, path, end, digest, at, turns, human_turns, disagreements FROM sessions"
_PROPOSAL = "SELECT data, sha, state, reason, by, at FROM proposals"
_NEXT_ACT = (
    "(SELECT coalesce(max(acted), 0) + 1 FROM proposals)"  # decisions in order, whatever the clock says
)


def _trial(
    problem: str,
    candidate: str,
    outcome: str,
    reason: str,
    score: float | None,
    cost: float,
    data: str,
    at: str,
) -> TrialRow:
    return TrialRow(problem, candidate, outcome, reason, score, cost, codec.decode(Verdict, data), at)


def added_lines(proposal: Proposal) -> int:
    """How many new lines a proposal brings: its insertions and replacements."""
    return sum(edit.op != "delete" for edit in proposal.edits)


def _skill_path(skill: SkillRef | None) -> str | None:
    return None if skill is None or skill.path is None else files.canonical(skill.path)
