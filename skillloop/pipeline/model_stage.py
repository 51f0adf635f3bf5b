"""The model's part in a session: it is asked about all of it once, and its lessons are proved. Nothing at all offline.

Invariants: a model that fails or has spent its budget leaves the session where it would be without one; what a model or
a replay says can only lower a verdict; words that something else than the person may have written reach no model.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from skillloop import config
from skillloop.config.sections import Config
from skillloop.errors import SkillloopError
from skillloop.evaluate import cases, judge, replay
from skillloop.hosts.claude_code import authorship
from skillloop.llm import BudgetExceeded, ModelClient, ModelError, Request
from skillloop.model import Check, Lesson, Origin, Outcome, Session, Verdict
from skillloop.pipeline import apply, gather
from skillloop.propose import model_drafter, targets
from skillloop.skillpath import rules_file
from skillloop.store import Store

NOT_NAMED = "a model read the session and did not name it"  # why a person must look at what offline found


@dataclass
class ModelStage:
    """The model at work on one session, which the `store` (None in a dry run) and `connect` serve; `troubles` are for a person.

    `suspicion` says why something else than the person may well have written a turn, or "".
    """

    session: Session
    home: Path
    store: Store | None
    connect: Callable[[Config], ModelClient | None]
    troubles: list[str] = field(default_factory=list)
    drafter: str = "model"  # back end, model and prompt, once it answered
    instead: dict[str, list[Lesson]] = field(default_factory=dict)  # found offline, by id of the model's
    _clients: dict[str, ModelClient | None] = field(default_factory=dict)  # by path: each has its own rules
    _down: str = ""  # why the model is not asked any more in this session

    def __post_init__(self) -> None:
        turns, about = self.session.turns, partial(authorship.suspicion, self.session, home=self.home)
        self.suspicion = cache(lambda turn: about(turns[turn]))

    @cached_property
    def shown(self) -> Session:
        """The session as a model, a case and a reviewer's context may hold it: without the words of suspect turns."""
        suspect = {turn.index for turn in self.session.human_turns if self.suspicion(turn.index)}
        turns = (replace(t, text="", pasted=()) if t.index in suspect else t for t in self.session.turns)
        return replace(self.session, turns=tuple(turns))

    @property
    def there(self) -> bool:
        """Whether a model may be asked about this session. Rules that cannot be read allow none."""
        return self.store is not None and not self.session.automated and self._allowed() is not None

    def _allowed(self, path: str = "") -> ModelClient | None:
        """Return the client that the rules of the session, or of one skill, allow; one for each skill."""
        if path not in self._clients:
            try:
                rules = gather.rules_for(path, self.home, self.session) if path else self._rules
            except SkillloopError:
                return None
            self._clients[path] = self.connect(rules)
        return self._clients[path]

    @cached_property
    def _rules(self) -> Config:
        return config.load(self.home, Path(self.session.cwd) if self.session.cwd else None)

    def read(self, found: Sequence[Lesson], known: Sequence[targets.KnownSkill]) -> tuple[Lesson, ...]:
        """Ask a model that is `there` about the whole session, and return what it teaches.

        Its lesson takes the place of those found offline in its turns (see `instead`), unless it is the same. What it held for
        meant once, or for nothing, is a candidate at most; what it did not name waits for a person.
        """
        client, brief = self._allowed(), self._brief(found, known)
        if client is None or not brief.turns:
            return tuple(found)
        request = model_drafter.request(brief, self._rules.model.careful)
        if (value := self._answer(client, request)) is None:
            return tuple(found)
        self.drafter = f"{client.backend.name}:{request.model}:{request.prompt.name}"
        drawn, silenced = model_drafter.read(value, brief, self.home)
        lessons: dict[str, Lesson] = {}
        rest = [item for item in found if item.offered]
        for lesson, turns in drawn.items():
            own = [item for item in rest if item.turn in turns]
            rest = [item for item in rest if item.turn not in turns]
            same = next((item for item in own if _same(item, lesson)), lesson)
            lessons[same.id] = same
            self.instead[lesson.id] = own
        sent, cited = {turn.index for turn in brief.turns}, set().union(*drawn.values())
        for item in found:
            changed = item
            if item.turn in cited:
                changed = replace(item, offered=False)
            elif item.turn in silenced:
                changed = replace(item, offered=False, chance=min(item.chance, model_drafter.NOT_SURE))
            elif item.turn in sent and item.offered:
                changed = replace(item, look=(*item.look, NOT_NAMED))
            lessons.setdefault(item.id, changed)
        return tuple(sorted(lessons.values(), key=lambda item: item.turn))

    def _brief(self, found: Sequence[Lesson], known: Sequence[targets.KnownSkill]) -> model_drafter.Brief:
        """Return what may be sent: no turn that nobody is sure of, and nothing of a skill whose rules allow no model."""
        assert self.store is not None
        closed = {skill.ref for skill in known if skill.ref.path and self._allowed(skill.ref.path) is None}
        left = (replace(t, text="", tools=()) if t.skill in closed else t for t in self.shown.turns)
        session = replace(self.shown, turns=tuple(left))
        skills = tuple(skill for skill in known if skill.ref not in closed)
        files = {"person": rules_file(None)}
        if (project := targets.project_of(self.session)) is not None:
            files["project"] = rules_file(project)
        paths = {*files.values(), *(skill.ref.path for skill in skills)}
        failed = self.store.proposals(states=("rejected", "discarded"))
        return model_drafter.Brief(
            session,
            tuple(t for t in session.human_turns if t.text.strip() and t.origin is not Origin.MACHINE),
            tuple(found),
            skills,
            {scope: targets.text_of(path) for scope, path in files.items()},
            [item for item in failed if item.proposal.path in paths],
        )

    def _answer(self, client: ModelClient, request: Request) -> dict[str, Any] | None:
        """Ask, and return the answer; where there is none it is a trouble to tell, but in a plan."""
        try:
            reply = client.complete(request)
        except (BudgetExceeded, ModelError) as error:
            self.troubles.append(f"the model could not be used: {self._noted(error)}")
            return None
        if reply.value is None and client.planned is None:
            self.troubles.append(f"the model could not be used: {reply.trouble}")
        return reply.value

    def reworded(self, refused: Sequence[tuple[Lesson, str]]) -> dict[str, Lesson]:
        """Ask once for other words of lessons that were discarded, each with the reason; what a case or the judge showed is not told."""
        client = self._allowed() if self.instead and not self._down else None
        told = [(lesson, why) for lesson, why in refused if why.partition(":")[0] not in judge.PROOF]
        if client is None or not told:
            return {}
        request = model_drafter.rewording(told, self.shown, self._rules.model.careful)
        value = self._answer(client, request)
        return {} if value is None else model_drafter.reworded(value, told)

    def prove(self, prepared: apply.Prepared, lesson: Lesson, attempt: int) -> Verdict:
        """Return the gate's verdict, lowered by replays and the judge; `attempt` counts the drafts of this lesson so far."""
        verdict = prepared.verdict
        client = self._allowed(prepared.proposal.path)
        open_ = verdict.outcome in {Outcome.KEEP, Outcome.DEFER}
        if client is None or client.planned is not None or self.suspicion(lesson.turn) or not open_:
            return verdict
        checks: list[Check] = []
        try:
            for check in self._checks(client, prepared, lesson, attempt):
                checks.append(check)  # noqa: PERF402  (those before an error count, too)
        except (BudgetExceeded, ModelError) as error:
            checks.append(replay.unscored(self._noted(error)))
        return judge.demoted(verdict, checks)

    def _checks(
        self, client: ModelClient, prepared: apply.Prepared, lesson: Lesson, attempt: int
    ) -> Iterator[Check]:
        """Yield the checks that prove a draft, cheap ones first: copied words, then replays, then the judge."""
        if self._down:
            yield replay.unscored(self._down)
            return
        assert self.store is not None
        evaluations, item, models = self.store.evaluations, prepared.proposal, prepared.config.model
        own_evals, troubles = cases.brought(item.path)
        everything = evaluations.cases(item.path, cases.Case) + own_evals
        self.troubles += troubles
        if item.drafter != "offline":
            hidden = [opinion.said for opinion in evaluations.opinions()]  # what a drafter must not know
            hidden += judge.in_force(self.store).rubric.splitlines()
            for case in everything:
                wanted = case.expected
                hidden += [*wanted.contains, *wanted.absent, *wanted.commands, wanted.rubric]
            yield judge.copies_hidden_answer(item, hidden, (prepared.old, *(e.quote for e in item.evidence)))
        heard, why = judge.status(self.store, models.careful)
        own = next((case for case in everything if case.id == lesson.id), None)
        texts = prepared.old, prepared.new
        change = replay.ProposedChange(item, own, tuple(everything), *texts, models.runs, attempt)
        yield from replay.prove(replay.player(client, models, with_judge=heard), change, self.store)
        said = judge.opinion(client, self.store, item, prepared.old, prepared.new, models.careful)
        # one that is off is still measured, so that it can come back; in its place stands a person
        off = Check("judge off", passed=False, hard=False, detail=f"{why}; {judge.WAITS}")
        yield said if heard else off

    def _noted(self, error: BudgetExceeded | ModelError) -> str:
        """Return what went wrong. A model that failed, after trying again, is not waited for once more in this session."""
        if isinstance(error, ModelError):
            self._down = error.message
        return error.message


def _same(one: Lesson, other: Lesson) -> bool:
    """Return whether two lessons are the same line for the same file."""
    a, b = (" ".join(each.text.split()).rstrip(".").casefold() for each in (one, other))
    return a == b and one.target == other.target and other.old is None
