"""The model's part in a session: second opinions, drafts, and the proof of a draft. Nothing at all offline.

Invariants: a model that fails or has spent its budget leaves the session where it would be without one; what a model or
a replay says can only lower a verdict; words that something else than the person may have written reach no model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from skillloop import config
from skillloop.config import Config
from skillloop.evaluate import cases, judge, replay, second_opinion
from skillloop.evaluate.cases import Case
from skillloop.hosts.claude_code import authorship
from skillloop.llm import BudgetExceeded, ModelClient, ModelError
from skillloop.model import Check, Disagreement, Lesson, Outcome, Proposal, Session, Verdict
from skillloop.pipeline import gather
from skillloop.pipeline.gather import Prepared
from skillloop.propose import llm_drafter, rejected
from skillloop.propose.llm_drafter import Brief, InvalidDraft
from skillloop.store import Store


class ModelStage:
    """The model at work on one session. `troubles` are what a person should know of it.

    Args:
        session: As read.
        home: $SKILLLOOP_HOME.
        store: Where earlier failures and cases are; None in a dry run, which asks nobody.
        connect: Gives the client that some rules allow, or None.
    """

    def __init__(
        self,
        session: Session,
        home: Path,
        store: Store | None,
        connect: Callable[[Config], ModelClient | None],
    ) -> None:
        self.session, self.home = session, home
        self.troubles: list[str] = []
        self._store = store
        self._connect = connect
        self._clients: dict[
            str, ModelClient | None
        ] = {}  # by path of the skill, since each has its own rules
        self._down = ""  # why the model is not asked any more in this session
        self._suspicions: dict[int, str] = {}  # by turn

    @cached_property
    def shown(self) -> Session:
        """The session as a model, a case and a reviewer's context may hold it: without the words of suspect turns."""
        turns = (
            replace(turn, text="", pasted=())
            if turn.role == "human" and self._suspicion(turn.index)
            else turn
            for turn in self.session.turns
        )
        return replace(self.session, turns=tuple(turns))

    def suspicion(self, item: Disagreement | Lesson) -> str:
        """Say why something else than the person may well have written the words of its turn, or ""."""
        return self._suspicion(item.turn)

    def _suspicion(self, turn: int) -> str:
        if turn not in self._suspicions:
            self._suspicions[turn] = authorship.suspicion(self.session, self.session.turns[turn], self.home)
        return self._suspicions[turn]

    def second_opinion(self, disagreement: Disagreement, session: Session) -> float | None:
        """Return the probability that an uncertain turn is a disagreement; None where nobody can say. See `detect.find`."""
        if self._down or self.suspicion(disagreement):
            return None
        path = disagreement.skill.path if disagreement.skill is not None else None
        if path is not None:
            rules = gather.rules_for(path, self.home, session)
        else:
            rules = config.load(self.home, Path(session.cwd) if session.cwd else None)
        client = self._client(path or "", rules)
        if client is None or rules.model.second_opinion == "off":
            return None
        try:
            return second_opinion.ask(client, disagreement, self.shown, rules.model.cheap)
        except (BudgetExceeded, ModelError) as error:
            trouble = f"no second opinion by the model: {self._noted(error)}"
            if trouble not in self.troubles:
                self.troubles.append(trouble)
            return None

    def drafts(
        self, lesson: Lesson, text: str, path: str, rules: Config
    ) -> Iterator[Proposal | InvalidDraft]:
        """Yield the model's drafts for one lesson, as they are asked for; none offline, or once it failed."""
        client = self._client(path, rules)
        if client is None or self._store is None or self._down or self.suspicion(lesson):
            return
        brief = Brief(
            self.shown, lesson, text, path, rules.protect.headings, tuple(rejected.failed(self._store, path))
        )
        own, then = cases.from_lesson(self.shown, lesson), None
        if own is not None:
            known, quote = self._store.evaluations.cases(path, Case), lesson.evidence.quote
            then = partial(replay.expected_requests, own, known, quote, text, rules.model)
        try:
            yield from llm_drafter.drafts(client, brief, rules.model.careful, rules.model.candidates, then)
        except (BudgetExceeded, ModelError) as error:
            self.troubles.append(f"no draft by the model: {self._noted(error)}")

    def prove(self, prepared: Prepared, lesson: Lesson, attempt: int) -> Verdict:
        """Return the gate's verdict, lowered by what replaying its cases and asking the judge show; as it is, offline.

        Args:
            prepared: The proposal, through the gate.
            lesson: What it answers.
            attempt: Drafts judged for this lesson so far, this one included.
        """
        verdict = prepared.verdict
        if (check := second_opinion.raised(lesson)) is not None:
            verdict = judge.demoted(verdict, (check,))
        client = self._client(prepared.proposal.path, prepared.config)
        if client is None or not client.asks or self.suspicion(lesson):
            return verdict
        if verdict.outcome not in {Outcome.KEEP, Outcome.DEFER}:
            return verdict
        before, checks = client.spent, []
        try:
            for check in self._checks(client, prepared, lesson, attempt):
                checks.append(check)  # noqa: PERF402  (those before an error count, too)
        except (BudgetExceeded, ModelError) as error:
            checks.append(replay.unscored(self._noted(error)))
        return judge.demoted(verdict, checks, client.spent - before)

    def _checks(
        self, client: ModelClient, prepared: Prepared, lesson: Lesson, attempt: int
    ) -> Iterator[Check]:
        """Yield the checks that prove a draft, cheap ones first: copied words, then replays, then the judge."""
        if self._down:
            yield replay.unscored(self._down)
            return
        assert self._store is not None
        evaluations, item, models = self._store.evaluations, prepared.proposal, prepared.config.model
        own_evals, troubles = cases.evals(item.path)
        everything = evaluations.cases(item.path, Case) + own_evals
        self.troubles += troubles
        if item.drafter != "offline":
            hidden = [opinion.said for opinion in evaluations.opinions()]  # what a drafter must not know
            for case in everything:
                wanted = case.expected
                hidden += [*wanted.contains, *wanted.absent, *wanted.commands, wanted.rubric]
            known = (prepared.old, lesson.text, *(evidence.quote for evidence in item.evidence))
            yield judge.copies_hidden_answer(item, hidden, known)
        heard = judge.status(self._store, models.careful).on
        own = next((case for case in everything if case.id == lesson.id), None)
        change = replay.Change(item, own, tuple(everything), prepared.old, prepared.new, models.runs, attempt)
        yield from replay.prove(replay.player(client, models, with_judge=heard), change, self._store)
        if heard:
            yield judge.opinion(client, self._store, item, prepared.old, prepared.new, models.careful)

    def _noted(self, error: BudgetExceeded | ModelError) -> str:
        """Return what went wrong. A model that failed, after trying again, is not waited for once more in this session."""
        if isinstance(error, ModelError):
            self._down = error.message
        return error.message

    def _client(self, path: str, rules: Config) -> ModelClient | None:
        """Return the client that these rules allow, one for each skill."""
        if path not in self._clients:
            self._clients[path] = self._connect(rules)
        return self._clients[path]
