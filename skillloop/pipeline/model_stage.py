"""The model's part in a session: second opinions, drafts, and the proof of a draft. Nothing at all offline.

Invariants: without a store there is no ledger, so nothing is sent; a model that fails or has spent its budget leaves
the session where it would be without one; what a model or a replay says can only lower a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from skillloop import config, llm
from skillloop.config import Config
from skillloop.errors import SkillloopError
from skillloop.evaluate import cases, replay
from skillloop.evaluate import judge as judging
from skillloop.evaluate import second_opinion as doubt
from skillloop.evaluate.cases import Case
from skillloop.llm import Door
from skillloop.model import Check, Disagreement, Outcome, Proposal, Session, Verdict
from skillloop.pipeline import gather
from skillloop.pipeline.gather import Prepared
from skillloop.propose import model, offline, rejected
from skillloop.propose.model import Brief, Spoilt
from skillloop.store import Store


class Modelled:
    """The model at work on one session."""

    def __init__(self, session: Session, home: Path, store: Store | None) -> None:
        self.session, self.home = session, home
        self.troubles: list[str] = []
        self._store = store
        self._doors: dict[str, Door | None] = {}  # by path of the skill, since each has its own rules
        self._down = ""  # why the model is not asked any more in this session

    @cached_property
    def shown(self) -> Session:
        """The session as a model, a case and a reviewer's context may hold it."""
        return gather.credible(self.session, self.home)

    def second_opinion(self, found: Disagreement, _session: Session) -> float | None:
        """The probability that an uncertain turn is a disagreement; None offline, or where the model cannot say."""
        if self._store is None or self._down:
            return None
        rules = rules_around(found, self.session, self.home)
        path = found.skill.path if found.skill is not None else None
        door = self._door(path or "", rules)
        if door is None or rules.model.second_opinion == "off":
            return None
        try:
            return doubt.ask(door, found, self.shown, rules.model.cheap)
        except (llm.Spent, llm.Failed) as error:
            trouble = f"no second opinion by the model: {self._noted(error)}"
            if trouble not in self.troubles:
                self.troubles.append(trouble)
            return None

    def drafts(
        self, lesson: Disagreement, text: str, path: str, rules: Config
    ) -> Iterator[Proposal | Spoilt]:
        """The model's drafts for one lesson, as they are asked for; none offline, in a dry run, or once it failed."""
        door = self._door(path, rules)
        if door is None or self._store is None or self._down:
            return
        brief = brief_for(self.shown, lesson, text, path, rules, self._store)
        try:
            yield from model.drafts(door, brief, rules.model.careful, rules.model.candidates)
        except (llm.Spent, llm.Failed) as error:
            self.troubles.append(f"no draft by the model: {self._noted(error)}")

    def prove(self, prepared: Prepared, lesson: Disagreement, tried: int) -> Verdict:
        """The gate's verdict, lowered by what replaying its cases and asking the judge show; as it is, offline.

        Args:
            prepared: The proposal, through the gate.
            lesson: What it answers.
            tried: Drafts for this lesson so far, this one included.
        """
        verdict = prepared.verdict
        if (check := doubt.raised(lesson)) is not None:
            verdict = judging.demoted(verdict, (check,))
        door = self._door(prepared.proposal.path, prepared.config)
        if door is None or self._store is None or verdict.outcome not in {Outcome.KEEP, Outcome.DEFER}:
            return verdict
        before = door.spent
        checks = tuple(self._while_it_lasts(self._checks(door, self._store, prepared, lesson, tried)))
        return judging.demoted(verdict, checks, door.spent - before)

    def _checks(
        self, door: Door, store: Store, prepared: Prepared, lesson: Disagreement, tried: int
    ) -> Iterator[Check]:
        """Cheap ones first: copied words, then replays, then the judge."""
        item, models = prepared.proposal, prepared.config.model
        everything = (*store.evaluations.cases(item.path, Case), *self._evals(item.path))
        if item.drafter != "offline":
            known = (prepared.old, lesson.lesson or "", *(found.quote for found in item.evidence))
            yield judging.transcribed(item, _hidden(everything, store), known)
        judge = judging.standing(store, judging.named(models.careful)).on
        play = replay.player(door, models.cheap, models.careful, models.runs, judge=judge)
        own = next((case for case in everything if case.id == lesson.id), None)
        trial = replay.Trial(item, own, everything, prepared.old, prepared.new, models.runs, tried)
        yield from replay.prove(play, trial, store)
        if judge:
            yield judging.opinion(door, store, item, prepared.old, prepared.new, models.careful)

    def _while_it_lasts(self, checks: Iterable[Check]) -> Iterator[Check]:
        """The checks up to where the budget or the model ends, and a word on that."""
        if self._down:
            yield replay.unscored(self._down)
            return
        try:
            yield from checks
        except (llm.Spent, llm.Failed) as error:
            yield replay.unscored(self._noted(error))

    def _noted(self, error: SkillloopError) -> str:
        """What went wrong. A model that failed, after trying again, is not waited for once more in this session."""
        if isinstance(error, llm.Failed):
            self._down = error.message
        return error.message

    def _evals(self, path: str) -> list[Case]:
        try:
            return cases.evals(path)
        except cases.EvalsError as error:
            self.troubles.append(error.message)
            return []

    def _door(self, path: str, rules: Config) -> Door | None:
        """The way to the model that these rules allow."""
        if self._store is None:
            return None
        if path not in self._doors:
            self._doors[path] = llm.open_door(rules, self._store, self.session.session_id)
        return self._doors[path]


def rules_around(found: Disagreement, session: Session, home: Path) -> Config:
    """The rules where a turn was said: the person's, the project's, and the skill's if one was in force."""
    if found.skill is not None and found.skill.path is not None:
        return gather.rules_for(found.skill.path, home, session)
    return config.load(home, Path(session.cwd) if session.cwd else None)


def _hidden(everything: Iterable[Case], store: Store) -> Iterator[str]:
    """What a drafter must not know: the checks of all cases and the words of the judge."""
    for case in everything:
        wanted = case.expected
        yield from (*wanted.contains, *wanted.absent, *wanted.commands, wanted.rubric)
    yield from (item.said for item in store.evaluations.opinions())


def draft_offline(
    lesson: Disagreement, text: str, path: str, rules: Config, store: Store | None
) -> Proposal | offline.Recurrence:
    """The draft that needs no model, unless a rule of the skill or a proposal that waits says the same.

    Raises:
        SkillFormatError: `text` is not a SKILL.md.
    """
    drafted = offline.offline(lesson, text, path, avoid=rules.protect.headings)
    if isinstance(drafted, Proposal) and (same := rejected.waiting(store, drafted)) is not None:
        return offline.Recurrence(lesson, path, 0, same.proposal.edits[0].new or "", same.proposal.id)
    return drafted


def brief_for(
    session: Session, lesson: Disagreement, text: str, path: str, rules: Config, store: Store
) -> Brief:
    """All that a draft for a lesson starts from."""
    return Brief(session, lesson, text, path, rules.protect.headings, tuple(rejected.failed(store, path)))
