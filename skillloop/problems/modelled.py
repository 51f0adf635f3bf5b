"""The model's part in a session: what it would be sent, its drafts, and the proof of a draft. Nothing at all offline.

Invariants: without a store there is no ledger, so nothing is sent; a model that fails or has spent its budget leaves
the session where it would be without one; what a model or a replay says can only lower a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skillloop import draft, drafting, llm, memory, proposals
from skillloop.drafting import Brief, Spoilt
from skillloop.errors import SkillloopError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from skillloop.config import Config
    from skillloop.llm import Door, Estimate, Request
    from skillloop.model import Disagreement, Proposal, Session
    from skillloop.store import Store


@dataclass(frozen=True, slots=True)
class Planned:
    """A request that would be sent, to whom, and what it would cost."""

    request: Request
    backend: str
    cost: Estimate
    known: bool  # answered before: it would not be sent again


class Modelled:
    """The model at work on one session."""

    def __init__(self, session: Session, store: Store | None) -> None:
        self.session = session
        self.troubles: list[str] = []
        self._store = store

    def drafts(
        self, lesson: Disagreement, text: str, path: str, rules: Config
    ) -> Iterator[Proposal | Spoilt]:
        """The model's drafts for one lesson, as they are asked for; none offline, in a dry run, or once it failed."""
        door = self.door(rules)
        if door is None:
            return
        brief = brief_for(self.session, lesson, text, path, rules, self._store)
        try:
            yield from drafting.drafts(door, brief, rules.model.careful, rules.model.candidates)
        except (llm.Spent, llm.Failed) as error:
            self.troubles.append(f"no draft by the model: {error.message}")

    def door(self, rules: Config) -> Door | None:
        """The way to the model that these rules allow."""
        if self._store is None:
            return None
        return llm.open_door(rules, self._store, self.session.session_id)


def brief_for(
    session: Session, lesson: Disagreement, text: str, path: str, rules: Config, store: Store | None
) -> Brief:
    """All that a draft for a lesson starts from."""
    return Brief(session, lesson, text, path, rules.protect.headings, tuple(memory.failed(store, path)))


def plan(
    session: Session, lessons: Iterable[Disagreement], home: Path, store: Store | None
) -> Iterator[Planned]:
    """What drafting for these lessons would send, in order. Sends and writes nothing.

    Args:
        session: As read.
        lessons: The draftable disagreements.
        home: $SKILLLOOP_HOME, for the person's rules.
        store: Where earlier failures and answers are, or None.
    """
    for lesson in lessons:
        assert lesson.skill is not None
        assert lesson.skill.path is not None
        path = lesson.skill.path
        try:
            text, rules = proposals.live_text(path), proposals.rules_for(path, home, session)
            drafted = draft.offline(lesson, text, path, avoid=rules.protect.headings)
        except SkillloopError:
            continue  # digesting tells of it
        name, _ = llm.choose(rules)
        backend = llm.BACKENDS.get(name)
        if backend is None or isinstance(drafted, draft.Recurrence):
            continue
        brief = brief_for(session, lesson, text, path, rules, store)
        for request in drafting.requests(brief, rules.model.careful, rules.model.candidates):
            known = store is not None and store.calls.answer(request.key) is not None
            yield Planned(request, name, llm.estimate(request, backend.overhead, backend.turns), known)
