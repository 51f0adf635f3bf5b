"""What a session teaches, in one pass: detect, propose, gather, gate, decide, record, lesson by lesson.

A dry run and a plan take the same way: the one with a copy of the store and without a model, the other with a store that is
only read and a model client that asks nobody (see `llm.connect`).

Invariants: these two write nothing. Digesting the same bytes twice changes nothing. Quotes are redacted before anything is
stored or shown. An automated session teaches nothing. Words that something else than the person may have put into the
transcript wait for a person, and never reach a model. One trouble spoils one lesson, no more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from itertools import pairwise
from pathlib import Path

from skillloop import config, detect, llm
from skillloop.config import confirmation
from skillloop.config.sections import Config
from skillloop.errors import Refused, SkillloopError
from skillloop.evaluate import cases
from skillloop.fs import Unreachable
from skillloop.gate import fidelity, structure
from skillloop.hosts.claude_code import edits, pastes, transcript
from skillloop.model import Decision, Disagreement, Evidence, Lesson, Outcome, Proposal, Session, Verdict
from skillloop.pipeline import apply, client_edits, gather
from skillloop.pipeline.model_stage import ModelStage
from skillloop.propose import model_drafter, offline_drafter, targets
from skillloop.skillpath import SkillPath, malformed_path
from skillloop.skills import document, history, placement
from skillloop.store import Corrupt, State, Store
from skillloop.text import redact

Found = tuple[tuple[Disagreement, ...], tuple[Lesson, ...]]
LESSONS = 60  # of one session that are kept, the offered and the likeliest first
Ahead = dict[str, str] | None  # in a dry run: what each file would say by now, by its path
_OPEN = {Outcome.KEEP, Outcome.DEFER}
_DECIDED = {"rejected": "you turned it down", "applied": "it was applied"}
CONTEXT = 300  # characters of the turn before a quote that are kept for the reviewer


@dataclass(frozen=True, slots=True)
class Trial:
    """One proposal with the verdict on it and what became of it."""

    proposal: Proposal
    verdict: Verdict
    decision: Decision
    prepared: apply.Prepared | None = None  # as it was judged; None where it never came to that


@dataclass(frozen=True, slots=True)
class LessonResult:
    """What one lesson led to."""

    trial: Trial | None = None
    recurrence: offline_drafter.Recurrence | None = None  # it is a rule already, or waits
    taken: str = ""  # id of the edit that another source made of the same words
    trouble: str = ""  # what stood in its way
    discarded: str = ""  # why a check did, now or in an earlier reading
    known: str = ""  # why no edit was made of it, where it needs none


@dataclass(frozen=True, slots=True)
class Digest:
    """What one session taught: what was found, each proposal with what became of it, and what stood in the way."""

    session: Session
    disagreements: tuple[Disagreement, ...]
    lessons: tuple[Lesson, ...]
    suspect: dict[str, str]  # why something else than the person may have written it, by id of its evidence
    trials: tuple[Trial, ...] = ()
    recurrences: tuple[offline_drafter.Recurrence, ...] = ()
    troubles: tuple[str, ...] = ()
    unproposed: dict[str, str] = field(default_factory=dict)  # why no edit was made, by id of the lesson
    noted: tuple[edits.Note, ...] = ()  # Claude Code's own notes on it


@dataclass(frozen=True)
class Run:
    """One session on its way."""

    session: Session
    home: Path
    history: Store | None  # what is known from before, if anything is
    record: Store | None  # where it is recorded; None in a plan
    connect: Callable[[Config], llm.ModelClient | None] = lambda _rules: None  # to the model that rules allow
    ahead: Ahead = None
    made: list[Proposal] = field(default_factory=list)  # in this run, what is applied or waits
    noted: list[edits.Note] = field(default_factory=list)  # Claude Code's own notes on the session
    asked: bool = False  # the person is there to decide: nothing is applied before

    @cached_property
    def model(self) -> ModelStage:
        """The model's part in it."""
        return ModelStage(self.session, self.home, self.history, self.connect)


def _start(session: Session, home: Path, store: Store | None, ahead: Ahead = None) -> Run:
    """Return a real run, or a dry one: without a store, or on a copy of it with what files would hold by now."""
    if store is None or ahead is not None:
        return Run(session, home, store, store, ahead=ahead)
    connect = partial(llm.connect, store=store, session=session.session_id)
    return Run(session, home, store, store, connect)


def plan(session: Session, home: Path, history: Store) -> list[llm.Planned]:
    """Return what digesting a session would send to a model, in order. Nothing is sent or written."""
    planned: list[llm.Planned] = []
    run = Run(session, home, history, None, partial(llm.connect, store=history, planned=planned))
    learn(run, detect_in(run))
    return planned


def digest(session: Session, home: Path, store: Store | None = None, *, ahead: Ahead = None) -> Digest:
    """Digest a session. Without a store it is a dry run that knows of nothing before, with `ahead`, which grows, one on a copy.

    Raises SkillloopError: the store cannot be written, or the person's rules cannot be read.
    """
    run = _start(session, home, store, ahead)
    return learn(run, detect_in(run))


def digest_job(home: Path, path: Path) -> Digest:
    """Digest the transcript of one job of the inbox. Raises SkillloopError: all of it failed; the job may be tried again."""
    with Store.open(home) as store:
        return digest(transcript.read(path), home, store)


def try_again(home: Path, store: Store, ahead: Ahead = None) -> None:
    """Carry out lessons that nothing stands in the way of any more; what no rule forbids any more waits (`ahead`: see `digest`)."""
    for item in store.proposals(states=("discarded",)):
        with suppress(SkillloopError):  # its file is gone, or other than it was
            forbidden = item.verdict.forbidding is not None
            if forbidden and apply.prepare(item.proposal, home, store).verdict.outcome in _OPEN:
                store.set_state(
                    item.proposal.id, "queued", "no setting of yours forbids it any more", by="auto"
                )
    for lesson, _ in store.troubles():
        try:
            if lesson.target is None:  # it was for one of skillloop's own commands
                store.set_trouble(lesson.id, "")
                continue
            _target_text(lesson.target)
            propose_for(lesson, home, store, ahead)
        except Corrupt:
            raise
        except Exception as error:  # noqa: BLE001  (it must not hold up the others)
            store.set_trouble(lesson.id, _reason(error))


def detect_in(run: Run) -> Found:
    """Find what a session teaches, and which files; a dry run asks no model."""
    earlier = run.history and partial(run.history.wishes, before=run.session.session_id)
    disagreements, lessons = study(run.session, cache(earlier or dict[str, str]))
    run.noted.extend(edits.notes(run.session))
    found = [] if run.session.automated else run.noted
    known = targets.known_skills(run.session) if lessons or found or run.model.there else []
    known = [replace(skill, text=(run.ahead or {}).get(str(skill.ref.path), skill.text)) for skill in known]
    lessons = _with_notes(run, lessons, found, known)
    corrections = {item.turn for item in disagreements}
    lessons = tuple(_placed(run, lesson, known, corrections) for lesson in lessons)
    if run.model.there:
        lessons = run.model.read(lessons, known)
    kept = {lesson.turn for lesson in lessons if lesson.offered}
    said = not run.model.there  # else what the model thinks counts
    return tuple(replace(x, durable=x.turn in kept or (said and x.durable)) for x in disagreements), lessons


def _with_notes(
    run: Run, lessons: tuple[Lesson, ...], found: Iterable[edits.Note], known: Sequence[targets.KnownSkill]
) -> tuple[Lesson, ...]:
    """Return the lessons with those that Claude Code's notes put into words, which come first but where the detector is sure."""
    noted = []
    for note in found:
        if note.turn is None:
            continue
        turn = run.session.turns[note.turn]
        shares = {text: fidelity.novel_words(text, turn.text)[1] for text in note.wordings}
        fit = next((text for text, share in shares.items() if share >= fidelity.KNOWN), None)
        text = (fit or max(shares, key=lambda each: shares[each]))[: model_drafter.LONGEST]
        answer = model_drafter.Answer((detect.saying(run.session, turn).id,), text)
        with suppress(model_drafter.Unusable):
            noted.append(model_drafter.lesson(answer, run.session, known, "note", run.home))
    noted, same = model_drafter.apart(noted), offline_drafter.same_words
    own = [x for x in lessons if x.offered or not any(same(x.evidence, note.evidence) for note in noted)]
    ranked = [*((x.turn, 2 * bool(x.look), x) for x in own), *((x.turn, 1, x) for x in noted)]
    return tuple(x for *_, x in sorted(ranked, key=lambda rank: rank[:2])) if noted else lessons


def _placed(run: Run, lesson: Lesson, known: Sequence[targets.KnownSkill], corrections: set[int]) -> Lesson:
    """Return a lesson with its file, the same as before if there was one; what turns a line of that file round is offered."""
    if not run.model.suspicion(lesson.turn):  # else it may speak of a skill that the person never thought of
        before = run.history.find_lesson(lesson.id) if run.history is not None else None
        if before is not None and before.target is not None:
            lesson = replace(lesson, target=before.target, scope=before.scope, look=before.look)
        elif lesson.source == "detector":
            lesson = targets.aimed(lesson, run.session, known, corrections)
    text = next((skill.text for skill in reversed(known) if skill.ref.path == lesson.target), "")
    shown = lesson.skill is not None and lesson.skill.path == lesson.target  # its output, to the person
    if lesson.offered or not text or not (shown or lesson.disagreement):
        return lesson
    return replace(lesson, offered=any(placement.contradicted(text, lesson.text)))


def study(session: Session, recurring: Callable[[], Mapping[str, str]] = dict) -> Found:
    """Return the disagreements of a session and its lessons, redacted. An automated session has none.

    What the assistant or a tool's result said first is no lesson of the person's, nor a quote, nor says it more of others.
    """
    find = partial(detect.find, recurring=recurring, seen={})

    def read(heard: Session) -> tuple[list[Disagreement], list[Lesson], frozenset[Evidence]]:
        disagreements, lessons = find(heard)
        cited = [item.evidence for items in (disagreements, lessons) for item in items]
        return disagreements, lessons, gather.echoed(session, cited)

    def redacted(evidence: Evidence) -> Evidence:
        return replace(evidence, quote=redact.redact(evidence.quote))

    disagreements, lessons, echoed = read(session)
    if back := [item for item in lessons if item.evidence in echoed]:
        own = list(session.turns)
        for item in back:
            text = pastes.without_failures(own[item.turn].text.replace(item.evidence.quote, " "))
            own[item.turn] = replace(own[item.turn], text=text)
        disagreements, lessons, echoed = read(replace(session, turns=tuple(own)))
        lessons = [item for item in lessons if item.evidence not in echoed]
    return tuple(
        replace(item, evidence=redacted(item.evidence))
        if item.evidence not in echoed
        else replace(item, durable=False, evidence=replace(item.evidence, quote=detect.ONLY_PASTED))
        for item in disagreements
    ), tuple(replace(x, text=redact.redact(x.text), evidence=redacted(x.evidence)) for x in lessons)


def learn(run: Run, found: Found) -> Digest:
    """Record what was found in a session and carry out what each lesson leads to."""
    session, (disagreements, lessons) = run.session, found
    if run.record is not None:
        client_edits.record(session, run.home, run.record)
    if run.record is not None and not session.automated:
        if run.ahead is None:
            confirmation.record_changes(run.record, run.home, Path(session.cwd) if session.cwd else None)
        # a suspect one without a target is no lesson that waits for one
        kept = [item for item in lessons if item.target or not run.model.suspicion(item.turn)]
        kept.sort(key=lambda item: (not item.offered, -item.chance))
        read = targets.read_in(session)
        run.record.save_digest(session, disagreements, kept[:LESSONS], read)
        for path in map(str, {*map(Path, read)}.intersection(run.record.skills())):
            with suppress(Refused, Unreachable):  # what cannot be read has no newer version
                history.record_external_edit(run.record, path)
        _save_cases(run, run.record, lessons)
    return _digest(run, found, [item for item in lessons if draftable(item)])


def propose_for(lesson: Lesson, home: Path, store: Store, ahead: Ahead = None) -> Digest:
    """Carry out what one lesson leads to that a person gave a target. Raises SkillloopError: its transcript is gone."""
    run = _start(transcript.read(lesson.evidence.path), home, store, ahead)
    _save_cases(run, store, [lesson])
    return _digest(run, ((), (lesson,)), [lesson])


def offer(lesson: Lesson, session: Session, home: Path, store: Store, *, asked: bool = False) -> LessonResult:
    """Carry out a lesson that Claude put forward in a session: no model is asked about it. `asked`: in auto mode it waits too."""
    return _learn_one(Run(session, home, store, store, asked=asked), lesson)


def draftable(lesson: Lesson) -> bool:
    """Return whether a lesson is drafted for: it is offered, and a file is to learn it."""
    return lesson.offered and lesson.target is not None


def _save_cases(run: Run, record: Store, lessons: Iterable[Lesson]) -> None:
    """Keep each lesson that the person surely gave, in their words, as a case of the skill in force, if that is to learn it."""
    for item in lessons:
        path = item.target if item.skill and item.skill.path == item.target else None
        if item.offered and path and not run.model.suspicion(item.turn) and not malformed_path(path):
            text = item.text if item.source == "detector" else item.evidence.quote
            case = cases.from_lesson(run.model.shown, replace(item, text=text))
            if case is not None:
                record.evaluations.save_case(case.id, case.skill, case.session_id, case)


def _digest(run: Run, found: Found, chosen: Iterable[Lesson]) -> Digest:
    """Take each chosen lesson through the pipeline, one after the other. Raises SkillloopError: see `digest`."""
    config.load(run.home, Path(run.session.cwd) if run.session.cwd else None)
    chosen = list(chosen)
    results = [_learn_one(run, lesson) for lesson in chosen]
    unproposed = {lesson.id: result.known for lesson, result in zip(chosen, results, strict=True)}
    # the model's lessons of which nothing came: in other words, else what was found without it in their place
    done = zip(chosen, results, strict=True)
    failed = [
        (x, result) for x, result in done if x.source == "model" and (result.discarded or result.trouble)
    ]
    again = run.model.reworded([(lesson, result.discarded) for lesson, result in failed if result.discarded])
    for lesson, _ in failed:
        tried = [_learn_one(run, again[lesson.id], attempt=2)] if lesson.id in again else []
        if not tried or tried[0].discarded or tried[0].trouble:
            others = filter(draftable, run.model.instead.get(lesson.id, ()))
            tried += [_learn_one(run, other, attempt=3) for other in others]
        results += tried
    suspicions = {item.id: run.model.suspicion(item.turn) for items in found for item in items}
    for lesson in found[1]:
        if lesson.offered and not draftable(lesson):
            unproposed[lesson.id] = suspicions[lesson.id] or "no file to learn it"
    troubles = (*run.model.troubles, *(result.trouble for result in results if result.trouble))
    return Digest(
        run.session,
        *found,
        {name: why for name, why in suspicions.items() if why},
        tuple(result.trial for result in results if result.trial),
        tuple(result.recurrence for result in results if result.recurrence),
        tuple(dict.fromkeys(troubles)),
        {name: why for name, why in unproposed.items() if why},
        tuple(run.noted),
    )


def _learn_one(run: Run, lesson: Lesson, attempt: int = 1) -> LessonResult:
    """Carry one lesson out. Whatever stands in its way, but a damaged store, is its own trouble, kept until it is out of it."""
    try:
        result = _carry(run, lesson, attempt)
    except Corrupt:
        raise
    except Exception as error:  # noqa: BLE001  (one trouble spoils one lesson, never the session)
        result = LessonResult(trouble=_reason(error))
    if result.trial and result.trial.decision.outcome is Outcome.CRASH:
        trouble = _reason(SkillloopError(f"{lesson.target}: {result.trial.decision.reason}"))
        result = replace(result, trouble=trouble)
    if run.record is not None and not run.model.suspicion(lesson.turn):
        run.record.set_trouble(lesson.id, result.trouble)
    return result


def _reason(error: Exception) -> str:
    """Return what went wrong and what to do, for a person, on one line that anything may show."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SkillloopError):
        text = "; ".join(filter(None, (error.message, error.hint)))
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in redact.redact(text))


def _target_text(path: str, ahead: Mapping[str, str] | None = None) -> str:
    """Return a file's text; in a dry run the one it would have by now. Raises SkillloopError: it cannot be read, or edited."""
    if unwritable := structure.forbidden(SkillPath.of(path)):
        raise Refused(f"{path}: {unwritable}")
    text = (ahead or {}).get(path) or gather.live_text(path)
    document.parse(text, path)
    if structure.frontmatter(text) is None:
        hint = "keep `---` and odd characters out of it"
        raise Refused(f"{path}:1: the end of the frontmatter is in doubt", hint)
    return text


def _carry(run: Run, lesson: Lesson, attempt: int) -> LessonResult:
    """Draft for one lesson and judge the draft. What was proposed before, or is like it, is not proposed again.

    `attempt` counts the drafts for its turn; after the first only the person's own no still counts. Raises SkillloopError:
    its target cannot learn it, or the rules around that cannot be read; then nothing is decided.
    """
    assert lesson.target is not None
    if taken := _taken(run, lesson):
        return LessonResult(taken=taken, known=f"edit {taken} says it")
    path = lesson.target
    text = _target_text(path, run.ahead)
    rules = gather.rules_for(path, run.home, run.session)
    if run.record is not None:
        if run.ahead is None:  # it keeps a copy of the rules in the home
            confirmation.record_changes(run.record, run.home, *gather.rules_folders(path, run.session))
        history.record_external_edit(run.record, path)
    lesson = replace(lesson, look=(*lesson.look, *targets.contradicting(lesson, run.session)))
    draft = offline_drafter.draft(lesson, text, path, avoid=rules.protect.headings)
    if run.history and isinstance(draft, Proposal):
        draft = offline_drafter.pending(run.history, draft, lesson)
    if isinstance(draft, offline_drafter.Recurrence):
        return _said_again(run, draft)
    if lesson.source == "model":
        draft = replace(draft, drafter=run.model.drafter)
    if run.history is not None:
        if run.history.has_proposal(draft.id):
            before = run.history.find_proposal(draft.id)
            reason = before.reason if before.state == "discarded" else ""
            why = reason or _DECIDED.get(before.state, "it waits for you")
            return LessonResult(discarded=reason, known=f"edit {draft.id} was made of it: {why}")
        failed = run.history.proposals(states=("rejected", "discarded"), skill=path)
        if offline_drafter.repeats(draft, [item for item in failed if attempt == 1 or item.by == "person"]):
            return LessonResult(known="an edit like it was rejected")
    trial = _judge(run, lesson, draft, attempt)
    discarded = trial.decision.reason if trial.decision.outcome is Outcome.DISCARD else ""
    return LessonResult(trial, discarded=discarded)


def _said_again(run: Run, draft: offline_drafter.Recurrence) -> LessonResult:
    """Return that a rule is there already; what a fork copies is one saying, and none of its own."""
    made = [] if run.history is None else [each.proposal for each in run.history.proposals(skill=draft.path)]
    here = run.session.session_id
    if any(item.id == draft.lesson.id and item.session_id != here for each in made for item in each.evidence):
        return LessonResult(known="a copy of the same saying")
    lines = [edit.new or "" for each in made if each.session_id == here for edit in each.edits]
    return LessonResult(recurrence=replace(draft, own=any(draft.rule in line for line in lines)))


def _taken(run: Run, lesson: Lesson) -> str:
    """Return the id of the edit that another source made of the same words, or ""; one that a check turned down is none."""
    earlier = [] if run.history is None else run.history.citing(lesson.evidence)
    made = [*run.made, *(each.proposal for each in earlier if each.state != "discarded")]
    return next((each.id for each in made if offline_drafter.same_saying(each, lesson)), "")


def _judge(run: Run, lesson: Lesson, draft: Proposal, attempt: int) -> Trial:
    """Judge one draft, decide, and carry the decision out. A draft that breaks something is a crash, no more."""
    trial = Trial(draft, Verdict(Outcome.CRASH, ()), Decision(Outcome.CRASH, ""))
    try:
        old = (run.ahead or {}).get(draft.path)
        prepared = apply.prepare(draft, run.home, run.history, run.session, lesson.confidence, old)
        trial = replace(trial, prepared=prepared)
        prepared = replace(prepared, verdict=run.model.prove(prepared, lesson, attempt))
        trial = replace(trial, verdict=prepared.verdict, prepared=prepared)
        return replace(trial, decision=_carry_out(run, prepared))
    except Exception as error:  # noqa: BLE001  (one bad draft must not end the session)
        return replace(trial, decision=Decision(Outcome.CRASH, f"{type(error).__name__}: {error}"))


def _carry_out(run: Run, prepared: apply.Prepared) -> Decision:
    """Decide, and apply, queue or drop; without a record, only decide."""
    item, failed = prepared.proposal, prepared.verdict.failed
    reason = f"{failed[0].name}: {failed[0].detail}" if failed else "every check passed"
    decision = Decision(prepared.verdict.outcome, reason)
    if decision.outcome in _OPEN:
        run.made.append(item)
    if decision.outcome is Outcome.KEEP and (run.asked or prepared.config.apply.mode == "review"):
        decision = Decision(Outcome.DEFER, "every check passed, and you decide")
    if run.record is None:
        return decision
    kept = decision.outcome is Outcome.KEEP
    _save(run, run.record, prepared, Decision(Outcome.DEFER, "about to be applied") if kept else decision)
    if not kept:
        return decision
    if run.ahead is not None:
        run.ahead[item.path] = prepared.new
        run.record.set_state(item.id, "applied", reason, by="auto")
        return decision
    try:
        apply.publish(prepared, run.record, by="auto", note=reason)
    except SkillloopError as error:
        run.record.set_state(item.id, "queued", error.message, by="auto")
        return Decision(Outcome.DEFER, error.message)
    return decision


def _save(run: Run, store: Store, prepared: apply.Prepared, decision: Decision) -> None:
    """Save a proposal, with how the turn before each quote ended, redacted: what a reviewer needs to understand it."""
    item, context = prepared.proposal, []
    lines = {each.line for each in item.evidence}
    for before, turn in pairwise(run.model.shown.turns):
        if turn.line in lines:
            said = before.text or next((tool.brief for tool in before.tools[-1:]), "")
            text = " ".join(redact.redact(said).split())
            text = text if len(text) <= CONTEXT else "…" + text[-CONTEXT:]
            context.append(f"{'you' if before.role == 'human' else 'Claude'}: {text}")
    state: State = "queued" if decision.outcome is Outcome.DEFER else "discarded"
    store.save_proposal(item, prepared.verdict, state=state, reason=decision.reason, context=context)
