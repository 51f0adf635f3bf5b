"""Where in a session the person disagreed with the assistant: offline, in fourteen languages, under a millisecond a turn.

`find` looks at both sides of every turn that a person said, gives a calibrated confidence, the kind, whether it is worth
remembering, and the lesson in the person's own words. Invariants: a machine's words never fire; a turn is one disagreement at most, however often it was re-sent,
resumed or forked; a quote is a verbatim span of its turn. Only a turn that is nothing but a paste has a fixed quote, `[pasted text]`: it
stands in no turn, so the gate, which reads every quote again, never takes it for evidence.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from skillloop import words
from skillloop.disagreements import lessons
from skillloop.disagreements.classifier import learned
from skillloop.disagreements.features import features, said, scenes
from skillloop.disagreements.kinds import kind
from skillloop.disagreements.lasting import meant_to_last
from skillloop.disagreements.wishes import RECURS, Wishes
from skillloop.model import Disagreement, Evidence, Kind, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from skillloop.disagreements.lessons import Lesson
    from skillloop.model import Session, Turn

    SecondOpinion = Callable[[Disagreement, Session], float | None]

__all__ = ["DRAFT_AT", "DURABLE_AT", "FOUND_AT", "OPINION", "RECURS", "UNSURE", "find"]

FOUND_AT = 0.4
"""Confidence from which a turn counts as a disagreement."""

DRAFT_AT = 0.65
"""Confidence from which a proposal may be drafted: at least four in five such detections are right (tests/bench/detect.py)."""

UNSURE = (0.2, DRAFT_AT)
"""Between these a second opinion is worth asking for."""

OPINION = "second opinion"
"""Name of the signal that says by how much a second opinion changed the confidence."""

DURABLE_AT = 0.25
"""Probability from which a lesson is worth remembering by itself."""

TELLING = 3
"""Content words that a wish needs to be known again; "same error" comes in every session."""

QUOTED = 400
"""Longest quote, in characters."""

ONLY_PASTED = "[pasted text]"
"""Stands for the quote of a turn without words of the person's own: what they paste is nobody's evidence."""


def find(
    session: Session,
    *,
    recurring: Collection[str] = (),
    second_opinion: SecondOpinion | None = None,
) -> list[Disagreement]:
    """The disagreements of a session, in order.

    Args:
        session: As read from its transcript.
        recurring: Lessons or quotes of this person from earlier sessions; a wish that comes again is durable.
        second_opinion: Asked about the uncertain middle only. It gives a probability that replaces the confidence, or
            None when it cannot say.
    """
    if session.automated:
        return []
    found = []
    wishes = Wishes(recurring)
    least = FOUND_AT if second_opinion is None else min(FOUND_AT, UNSURE[0])
    for scene in scenes(session):
        seen = features(scene)
        confidence = round(learned().disagreement.confidence(seen), 3)
        if confidence < least:
            continue
        disagreement = _describe(session, scene.turn, seen, confidence, wishes)
        if second_opinion is not None and UNSURE[0] <= confidence <= UNSURE[1]:
            opinion = second_opinion(disagreement, session)
            if opinion is not None:
                disagreement = _reconsidered(disagreement, opinion)
        if disagreement.confidence >= FOUND_AT:
            found.append(disagreement)
    return _once(found)


def _reconsidered(found: Disagreement, opinion: float) -> Disagreement:
    """With the second opinion as its confidence, and what that changed as a signal."""
    confidence = round(min(1.0, max(0.0, opinion)), 3)
    signal = Signal(OPINION, round(confidence - found.confidence, 3))
    return replace(found, confidence=confidence, signals=(*found.signals, signal))


def _describe(
    session: Session, turn: Turn, seen: dict[str, float], confidence: float, wishes: Wishes
) -> Disagreement:
    """What kind of disagreement a turn is, in which words, and what it teaches."""
    rule = lessons.draw(turn.text)
    sort = kind(seen)
    lasts = rule is not None and (
        _lasts(turn.text, rule)
        or (
            sort is not Kind.BUG_REPORT and _recurs(turn.text, rule, wishes)
        )  # the same symptom twice is no rule
    )
    lesson = rule if lasts else None
    quote = lesson.quote if lesson else _quote(turn.text) or ONLY_PASTED
    evidence = Evidence(
        _id(session, turn),
        session.session_id,
        session.path,
        turn.line,
        turn.uuid,
        quote,
        turn.origin,
        turn.timestamp,
    )
    return Disagreement(
        evidence=evidence,
        kind=sort,
        confidence=confidence,
        durable=lesson is not None,
        lesson=lesson.text if lesson else None,
        skill=turn.skill,
        turn=turn.index,
        signals=learned().disagreement.signals(seen),
    )


def _quote(text: str) -> str:
    """The words that carry the disagreement: all of a short turn, of a long one the sentence that weighs most."""
    if len(text) <= QUOTED:
        return text.strip()
    weight = learned().disagreement.score
    return max(lessons.sentences(text), key=lambda part: weight(said(part)), default="")[:QUOTED].strip()


def _lasts(text: str, rule: Lesson) -> bool:
    """Whether a rule is worth remembering by what it says."""
    return (
        meant_to_last(text, rule.quote, rule.text)
        or learned().durable.confidence(rule.features) >= DURABLE_AT
    )


def _recurs(text: str, rule: Lesson, wishes: Wishes) -> bool:
    """Whether it is worth remembering because the person has wished it before."""
    telling = len(words.content_words(rule.text)) >= TELLING
    return telling and any(wishes.again(wish) for wish in {text, rule.quote})


def _id(session: Session, turn: Turn) -> str:
    """Sixteen hex digits; a forked or resumed session keeps a turn's uuid, so the copies are one disagreement."""
    own = turn.uuid or f"{session.session_id}/{turn.line}/{turn.text}"
    return hashlib.sha256(own.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _once(found: list[Disagreement]) -> list[Disagreement]:
    """Without the repetitions of a turn that was sent again at once; the last sending stays."""
    kept: list[Disagreement] = []
    for one in found:
        if kept and one.turn - kept[-1].turn <= 1 and one.evidence.quote == kept[-1].evidence.quote:
            kept.pop()
        kept.append(one)
    return kept
