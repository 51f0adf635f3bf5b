"""What a session would send to a model, worked out without sending or writing anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from skillloop import llm
from skillloop.config import Config
from skillloop.errors import SkillloopError
from skillloop.evaluate import cases, judge, replay, second_opinion
from skillloop.evaluate.cases import Case
from skillloop.gate import target
from skillloop.llm import Estimate, Request
from skillloop.model import Disagreement, Session
from skillloop.pipeline import gather
from skillloop.pipeline.model_stage import brief_for, draft_offline, rules_around
from skillloop.propose import model
from skillloop.propose.offline import Recurrence
from skillloop.store import Store


@dataclass(frozen=True, slots=True)
class Planned:
    """A request that would be sent, to whom, and what it would cost."""

    request: Request
    backend: str
    cost: Estimate
    known: bool  # answered before: it would not be sent again
    then: tuple[
        Estimate, ...
    ] = ()  # of a draft: the calls that replaying and judging it takes, if the gate lets it through


@dataclass(slots=True)
class Opinions:
    """In place of the model where the detector is unsure: notes what would be asked, and gives what was answered before."""

    session: Session  # as a model may see it, see `proposals.credible`
    home: Path
    store: Store
    planned: list[Planned] = field(default_factory=list)

    def __call__(self, found: Disagreement, _session: Session) -> float | None:
        """See `disagreements.SecondOpinion`."""
        rules = rules_around(found, self.session, self.home)
        if rules.model.second_opinion == "off":
            return None
        request = second_opinion.request(found, self.session, rules.model.cheap)
        planned = _planned(request, rules, self.store)
        if planned is None:
            return None
        self.planned.append(planned)
        reply = llm.remembered(self.store, request)
        return None if reply is None else second_opinion.chance(reply)


def drafts(session: Session, lessons: Iterable[Disagreement], home: Path, store: Store) -> Iterator[Planned]:
    """What drafting for these lessons would send, in order.

    Args:
        session: As a model may see it.
        lessons: The draftable disagreements.
        home: $SKILLLOOP_HOME, for the person's rules.
        store: Where earlier failures and answers are.
    """
    for lesson in lessons:
        assert lesson.skill is not None
        assert lesson.skill.path is not None
        path = lesson.skill.path
        if target.forbidden(path):
            continue
        try:
            text, rules = gather.live_text(path), gather.rules_for(path, home, session)
            drafted = draft_offline(lesson, text, path, rules, store)
        except SkillloopError:
            continue  # digesting tells of it
        if isinstance(drafted, Recurrence):
            continue
        brief = brief_for(session, lesson, text, path, rules, store)
        then = tuple(_proof(session, lesson, text, rules, store))
        for request in model.requests(brief, rules.model.careful, rules.model.candidates):
            planned = _planned(request, rules, store, then)
            if planned is not None:
                yield planned


def _planned(
    request: Request, rules: Config, store: Store, then: tuple[Estimate, ...] = ()
) -> Planned | None:
    """A request with its cost; None offline."""
    name, _ = llm.choose(rules)
    backend = llm.BACKENDS.get(name)
    if backend is None:
        return None
    known = llm.remembered(store, request) is not None
    return Planned(request, name, llm.estimate(request, backend.overhead, backend.turns), known, then)


def _proof(
    session: Session, lesson: Disagreement, text: str, rules: Config, store: Store
) -> Iterator[Estimate]:
    """The calls that prove a draft: each case with both texts (a draft hardly changes its length), then the judge."""
    own = cases.of(session, lesson)
    backend = llm.BACKENDS.get(llm.choose(rules)[0])
    if own is None or backend is None:
        return
    models = rules.model
    chosen, hidden = cases.split(store.evaluations.cases(own.skill, Case), own)
    for case in (own, *chosen[-replay.MOST :], *hidden[-replay.MOST :]):
        request = replay.request(case, text, models.cheap, 0, models.runs)
        yield from [llm.estimate(request, backend.overhead, backend.turns)] * (2 * models.runs)
    for request in judge.questions([lesson.evidence.quote], text, text, models.careful):
        yield llm.estimate(request, backend.overhead, backend.turns)
