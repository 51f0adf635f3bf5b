"""What a session teaches: each lesson is drafted, gated, and applied, queued or dropped.

Invariants: a dry run writes nothing at all. Digesting the same bytes twice changes nothing. Quotes are redacted
before anything is stored or shown. An automated session teaches nothing. Words that something else than the person
may have put into the transcript wait for a person, and never reach a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from skillloop import detect
from skillloop.config import confirmation
from skillloop.detect import SecondOpinion
from skillloop.errors import SkillloopError
from skillloop.evaluate import cases
from skillloop.gate import target
from skillloop.hosts.claude_code import transcript
from skillloop.model import Check, Decision, Disagreement, Outcome, Proposal, Session, Verdict
from skillloop.pipeline import gather
from skillloop.pipeline.gather import Prepared
from skillloop.pipeline.model_stage import Modelled, draft_offline
from skillloop.propose import offline as draft
from skillloop.propose import rejected
from skillloop.propose.model import Spoilt
from skillloop.skills import history
from skillloop.skills.document import SkillFormatError
from skillloop.store import State, Store
from skillloop.text import redact

CONTEXT = 300
"""Characters of the turn before a quote that are kept for the reviewer."""

_STATE: dict[Outcome, State] = {
    Outcome.DEFER: "queued",
    Outcome.DISCARD: "discarded",
    Outcome.CRASH: "discarded",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One proposal with the gate's verdict on it and what became of it."""

    candidate: Proposal
    verdict: Verdict
    decision: Decision


@dataclass(frozen=True, slots=True)
class Digest:
    """What one session taught: what was found, each proposal with what became of it, and what stood in the way."""

    session: Session
    found: tuple[Disagreement, ...]
    trials: tuple[Trial, ...] = ()
    prepared: dict[str, Prepared] = field(default_factory=dict)  # by proposal id
    recurrences: tuple[draft.Recurrence, ...] = ()
    troubles: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()  # those of them that a person can mend: a SKILL.md that is none
    suspect: dict[str, str] = field(default_factory=dict)
    """By id of the disagreement: why something else than the person may well have written those words."""

    @property
    def settled(self) -> bool:
        """Whether nothing in it is worth another try."""
        crashed = any(trial.decision.outcome is Outcome.CRASH for trial in self.trials)
        return not (crashed or self.troubles or self.unreadable)


def digest_job(home: Path, path: Path) -> Digest:
    """What the worker does with one job of the inbox: of a session that was resumed, only what came since is read.

    Raises:
        SkillloopError: something stood in the way; what could be done is recorded, and the job may be tried again.
    """
    with Store.open(home) as store:
        done = _go_on(path, home, store) or digest(transcript.read(path), home, store)
        if not done.session.automated and done.settled:
            store.save_cursor(done.session)
    if done.unreadable:
        raise SkillloopError(done.unreadable[0], "mend the file; the session is tried again")
    return done


def _go_on(path: Path, home: Path, store: Store) -> Digest | None:
    """The digest of what came since the last one.

    None where the whole has to be read: it is not known where to go on, the file changed, or there is a rule to draft,
    which is judged and kept with all of its session.
    """
    target = store.cursor(path)
    if not target:
        return None
    try:
        session = transcript.read(path, resume=target)
    except transcript.Changed:
        return None
    found, model = _judged(session, home, store)
    if any(item.lesson and item.skill and item.skill.path for item in found):
        return None
    return settle(session, found, home, store, model)


def digest(session: Session, home: Path, store: Store | None = None) -> Digest:
    """Find the disagreements of a session and run the loop over their lessons.

    Args:
        session: As read from its transcript.
        home: $SKILLLOOP_HOME, for the person's rules.
        store: Where it is recorded; None is a dry run.

    Raises:
        SkillloopError: the store cannot be written.
    """
    found, model = _judged(session, home, store)
    return settle(session, found, home, store, model)


def _judged(session: Session, home: Path, store: Store | None) -> tuple[tuple[Disagreement, ...], Modelled]:
    """What is found in a session, and the model that was asked about what is doubtful."""
    model = Modelled(session, home, store)
    if store is None:  # a dry run asks nobody
        return study(session), model
    recurring = store.wishes(before=session.session_id)
    return study(session, recurring, said_by_person(model.second_opinion, home)), model


def study(
    session: Session, recurring: Collection[str] = (), second_opinion: SecondOpinion | None = None
) -> tuple[Disagreement, ...]:
    """The disagreements of a session, redacted. An automated session has none."""
    found = detect.find(session, recurring=recurring, second_opinion=second_opinion)
    return tuple(_redacted(item) for item in found)


def said_by_person(opinion: SecondOpinion, home: Path) -> SecondOpinion:
    """The same opinion, but no model is asked about words that something else than the person may have written."""

    def ask(found: Disagreement, session: Session) -> float | None:
        return None if suspect(session, [found], home) else opinion(found, session)

    return ask


def settle(
    session: Session,
    found: tuple[Disagreement, ...],
    home: Path,
    store: Store | None,
    model: Modelled | None = None,
) -> Digest:
    """Record what was found and run the loop over the lessons; `model` is the one that was asked so far, if any was."""
    model = model or Modelled(session, home, store)
    doubtful = suspect(session, found, home)
    if store is not None and not session.automated:
        confirmation.record_changes(store, home, Path(session.cwd) if session.cwd else None)
        store.save_digest(session, [_kept(item) if item.id in doubtful else item for item in found])
        _remember(model, (item for item in found if item.id not in doubtful), store)
    lessons = [item for item in found if draftable(item)]
    return _loop(found, SessionProblem(lessons, home, store, model, doubtful))


def suspect(session: Session, found: Iterable[Disagreement], home: Path) -> dict[str, str]:
    """Those disagreements whose words something else than the person may well have written, by id, and why."""
    reasons = {item.id: gather.suspicion(session, session.turns[item.turn], home) for item in found}
    return {name: why for name, why in reasons.items() if why}


def _kept(found: Disagreement) -> Disagreement:
    """A suspect disagreement as it is stored: without a skill it is no lesson that waits for one."""
    homeless = found.skill is None or found.skill.path is None
    return replace(found, lesson=None) if homeless else found


def propose_for(found: Disagreement, home: Path, store: Store) -> Digest:
    """Draft for one lesson that a person gave to a skill, whatever the detector thought of it.

    Raises:
        SkillloopError: its transcript is not there any more.
    """
    session = transcript.read(found.evidence.path)
    model, doubtful = Modelled(session, home, store), suspect(session, [found], home)
    if not doubtful:
        _remember(model, (found,), store)
    return _loop((found,), SessionProblem([found], home, store, model, doubtful))


def _loop(found: tuple[Disagreement, ...], problem: SessionProblem) -> Digest:
    trials = tuple(problem.trials())
    return Digest(
        problem.session,
        found,
        trials,
        problem.prepared,
        tuple(problem.recurrences),
        tuple(problem.troubles),
        tuple(problem.unreadable),
        problem.suspect,
    )


def _remember(model: Modelled, found: Iterable[Disagreement], store: Store) -> None:
    """Keep each disagreement as a case of its skill."""
    for item in found:
        case = cases.of(model.shown, item)
        if case is not None:
            store.evaluations.save_case(case.id, case.skill, case.session_id, case)


def draftable(found: Disagreement) -> bool:
    """Whether a disagreement is drafted for: durable, with a lesson and a skill's file, and sure enough."""
    return (
        found.durable
        and found.lesson is not None
        and found.skill is not None
        and found.skill.path is not None
        and found.confidence >= detect.DRAFT_AT
    )


class SessionProblem:
    """The lessons of one session, and what comes of the drafts for each."""

    def __init__(
        self,
        lessons: Sequence[Disagreement],
        home: Path,
        store: Store | None,
        model: Modelled,
        suspect: dict[str, str],
    ) -> None:
        self.session, self.home, self.store, self.suspect = model.session, home, store, suspect
        self.prepared: dict[str, Prepared] = {}
        self.recurrences: list[draft.Recurrence] = []
        self.troubles = model.troubles
        self.unreadable: list[str] = []
        self._model = model
        self._lesson: dict[str, Disagreement] = {}  # behind each proposal
        self._spoilt: dict[str, str] = {}  # answers of the model that are no draft: why, by proposal id
        self._tries: Counter[str] = Counter()  # drafts that were judged, by lesson
        self._served: set[str] = set()  # lessons that some draft answers
        self._drafts = self._all_drafts(lessons)

    def trials(self) -> Iterator[Trial]:
        """Judge each draft and carry out what is decided on it. A draft that breaks something is a crash, no more."""
        seen: set[str] = set()
        for proposal in self._drafts:
            if proposal.id in seen:
                continue
            seen.add(proposal.id)
            verdict = Verdict(Outcome.CRASH, ())
            try:
                verdict = self.verify(proposal)
                decision = self.settle(proposal, verdict)
            except Exception as error:  # noqa: BLE001  (one bad draft must not end the session)
                decision = Decision(Outcome.CRASH, f"{type(error).__name__}: {error}")
            yield Trial(proposal, verdict, decision)

    def verify(self, proposal: Proposal) -> Verdict:
        """The gate's verdict on the live file with the edits in it; an answer that is no draft has none."""
        if proposal.id in self._spoilt:
            return Verdict(Outcome.DISCARD, (Check("draft", passed=False, detail=self._spoilt[proposal.id]),))
        lesson = self._lesson[proposal.id]
        prepared = gather.prepare(proposal, self.home, self.store, self.session, lesson.confidence)
        self._tries[lesson.id] += 1
        verdict = prepared.verdict
        if lesson.id not in self.suspect:
            verdict = self._model.prove(prepared, lesson, self._tries[lesson.id])
        self.prepared[proposal.id] = replace(prepared, verdict=verdict)
        return verdict

    def settle(self, proposal: Proposal, verdict: Verdict) -> Decision:
        """Apply, queue or drop; in a dry run, only say which."""
        failed = verdict.failed
        reason = f"{failed[0].name}: {failed[0].detail}" if failed else "every check passed"
        decision = Decision(verdict.outcome, reason)
        prepared = self.prepared.get(proposal.id)
        if prepared is not None:
            decision = _asked(decision, prepared)
        if decision.outcome in {Outcome.KEEP, Outcome.DEFER}:
            self._served.add(self._lesson[proposal.id].id)
        if self.store is None:
            return decision
        if prepared is not None and decision.outcome is Outcome.KEEP:
            decision = self._apply(prepared, self.store, decision)
        elif prepared is not None:
            self._save(prepared, self.store, decision)
        self.store.save_trial("session", proposal.id, verdict, decision)
        return decision

    def _all_drafts(self, lessons: Sequence[Disagreement]) -> Iterator[Proposal]:
        """For each lesson the model's drafts, then the offline one, until one of them answers it."""
        for lesson in lessons:
            for drafted in self._drafts_for(lesson):
                if isinstance(drafted, Spoilt):
                    if not self._tried(drafted.proposal):
                        self._spoilt[drafted.proposal.id] = drafted.reason
                        yield drafted.proposal
                elif self._known(drafted):
                    break
                else:
                    self._lesson.setdefault(drafted.id, lesson)
                    yield drafted
                if lesson.id in self._served:
                    break

    def _drafts_for(self, lesson: Disagreement) -> Iterator[Proposal | Spoilt]:
        """Drafts for one lesson; a recurrence or an unreadable skill is noted and gives nothing."""
        assert lesson.skill is not None
        assert lesson.skill.path is not None
        path = lesson.skill.path
        if unwritable := target.forbidden(path):
            self.troubles.append(f"{path}: {unwritable} (`skillloop review` does it for you)")
            return
        rules = gather.rules_for(
            path, self.home, self.session
        )  # on rules that cannot be read nothing is decided
        try:
            if self.store is not None:
                confirmation.record_changes(self.store, self.home, *gather.rules_folders(path, self.session))
                history.record_external_edit(self.store, path)
            text = gather.live_text(path)
            offline = draft_offline(lesson, text, path, rules, self.store)
        except SkillloopError as error:
            self.troubles.append(error.message)
            if isinstance(error, SkillFormatError):
                self.unreadable.append(error.message)
            return
        if isinstance(offline, Proposal):
            if lesson.id not in self.suspect:
                yield from self._model.drafts(lesson, text, path, rules)
            yield offline
            return
        self.recurrences.append(offline)
        if self.store is not None:
            self.store.save_recurrence(lesson.id, offline.path, offline.line, offline.rule)

    def _known(self, proposal: Proposal) -> bool:
        """Whether the same was proposed before: a session that is digested again proposes nothing twice."""
        if self.store is None:
            return False
        failed = rejected.failed(self.store, proposal.path)
        return self.store.has_proposal(proposal.id) or rejected.again(proposal, failed) is not None

    def _tried(self, proposal: Proposal) -> bool:
        return self.store is not None and self.store.has_trial(proposal.id)

    def _apply(self, prepared: Prepared, store: Store, decision: Decision) -> Decision:
        self._save(prepared, store, Decision(Outcome.DEFER, "about to be applied"))
        try:
            gather.publish(prepared, store, by="auto", note=decision.reason)
        except SkillloopError as error:
            store.set_state(prepared.proposal.id, "queued", error.message, by="auto")
            return Decision(Outcome.DEFER, error.message)
        return decision

    def _save(self, prepared: Prepared, store: Store, decision: Decision) -> None:
        store.save_proposal(
            prepared.proposal,
            prepared.verdict,
            state=_STATE[decision.outcome],
            reason=decision.reason,
            context=self._around(prepared.proposal),
        )

    def _around(self, proposal: Proposal) -> Iterator[str]:
        """How the turn before each quote ended, redacted: what a reviewer needs to understand it."""
        lines = {item.line for item in proposal.evidence}
        for before, turn in pairwise(self._model.shown.turns):
            if turn.line in lines:
                who = "you" if before.role == "human" else "assistant"
                said = " ".join(redact.redact(before.text).split())
                yield f"{who}: " + (said if len(said) <= CONTEXT else "…" + said[-CONTEXT:])


def _asked(decision: Decision, prepared: Prepared) -> Decision:
    """In review mode what passed every check still waits for a person."""
    if decision.outcome is Outcome.KEEP and prepared.config.apply.mode == "review":
        return Decision(Outcome.DEFER, 'every check passed; apply.mode = "review" leaves it to you')
    return decision


def _redacted(found: Disagreement) -> Disagreement:
    lesson = redact.redact(found.lesson) if found.lesson else None
    quote = redact.redact(found.evidence.quote)
    return replace(found, lesson=lesson, evidence=replace(found.evidence, quote=quote))
