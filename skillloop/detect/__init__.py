"""Where in a session the person disagreed with the assistant: offline, in fourteen languages, under a millisecond a turn.

`find` looks at both sides of every turn that a person said, gives a calibrated confidence, the kind, whether it is worth
remembering, and the lesson in the person's own words. Invariants: a machine's words never fire; a turn is one disagreement at most, however often it was re-sent,
resumed or forked; a quote is a verbatim span of its turn. Only a turn that is nothing but a paste has a fixed quote, `[pasted text]`: it
stands in no turn, so the gate, which reads every quote again, never takes it for evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache, partial

from skillloop.detect import durability
from skillloop.detect import lesson as lessons
from skillloop.detect.classifier import learned, sigmoid
from skillloop.detect.features import Scene, features, said, scenes
from skillloop.detect.kinds import kind
from skillloop.detect.lesson import Lesson
from skillloop.detect.recurrence import RECURS, Wishes
from skillloop.model import Disagreement, Evidence, Kind, Session, Signal, Turn
from skillloop.text import words

SecondOpinion = Callable[[Disagreement, Session], float | None]

__all__ = ["DRAFT_AT", "DURABLE_AT", "FOUND_AT", "OPINION", "RECURS", "UNSURE", "find", "reads_lasting"]

FOUND_AT = 0.45
"""Confidence from which a turn counts as a disagreement."""

DRAFT_AT = 0.65
"""Confidence from which a proposal may be drafted: at least four in five such detections are right (tests/bench/detect.py)."""

UNSURE = (0.2, DRAFT_AT)
"""Between these a second opinion is worth asking for."""

OPINION = "second opinion"
"""Name of the signal that says by how much a second opinion changed the confidence."""

DURABLE_AT = 0.2
"""Chance from which a turn is worth remembering that does not say so itself: that it is a disagreement, times that its rule lasts."""

TOLD_AT = 0.45
"""The same where the rule is no order but tells how things are, as "error messages are lower case" does, and much else."""

AT_HAND = 0.6
"""Share of a rule's words from which it is about the matter at hand: the assistant had just used them."""

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
        seen, rule = _weighed(scene, least)
        confidence = round(learned().disagreement.confidence(seen), 3)
        if confidence < least:
            continue
        describe = partial(_describe, session, scene, seen, rule, wishes)
        disagreement = describe(confidence)
        if second_opinion is not None and UNSURE[0] <= confidence <= UNSURE[1]:
            opinion = second_opinion(disagreement, session)
            if opinion is not None:
                disagreement = _reconsidered(describe(round(min(1.0, max(0.0, opinion)), 3)), confidence)
        if disagreement.confidence >= FOUND_AT:
            found.append(disagreement)
    return _once(found)


def _weighed(scene: Scene, least: float) -> tuple[dict[str, float], Lesson | None]:
    """The features of a turn, and its rule; a rule is looked for only where it could lift the turn over `least`."""
    seen = features(scene)
    if sigmoid(learned().disagreement.score(seen) + _lift()) < least:
        return seen, None
    rule = lessons.draw(scene.turn.text)
    return seen | lessons.wish(rule), rule


@cache
def _lift() -> float:
    """The most that the rule of a turn can add to its score."""
    return sum(
        max(0.0, weight)
        for name, weight in learned().disagreement.weights.items()
        if name.startswith("wish: ")
    )


def _reconsidered(found: Disagreement, before: float) -> Disagreement:
    """With what a second opinion changed as a signal."""
    return replace(found, signals=(*found.signals, Signal(OPINION, round(found.confidence - before, 3))))


def _describe(
    session: Session,
    scene: Scene,
    seen: dict[str, float],
    rule: Lesson | None,
    wishes: Wishes,
    confidence: float,
) -> Disagreement:
    """What kind of disagreement a turn is, in which words, and what it teaches."""
    turn, sort = scene.turn, kind(seen)
    lesson = None
    if rule is not None:
        chance = confidence * learned().durable.confidence(rule.features)
        if reads_lasting(scene, rule, sort, chance) or _recurs(turn.text, rule, sort, wishes):
            lesson = rule
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


def reads_lasting(scene: Scene, rule: Lesson, sort: Kind, chance: float, least: float = DURABLE_AT) -> bool:
    """Whether a rule is worth remembering by itself.

    Args:
        scene: Where it was said.
        rule: As drawn from the turn.
        sort: Of the disagreement.
        chance: That the turn is a disagreement, times that its rule lasts.
        least: What the chance has to be where the rule is an order.
    """
    if durability.SAYS_SO in rule.features:
        return True
    if durability.ONLY_TOLD in rule.features:
        least = max(least, TOLD_AT)
    # how to mend a symptom is no rule
    return chance >= least and sort is not Kind.BUG_REPORT and not _at_hand(rule, scene)


def _at_hand(rule: Lesson, scene: Scene) -> bool:
    """Whether a rule speaks of what the assistant had just spoken of."""
    mine = words.content_words(rule.text)
    heard = words.content_words("\n".join(turn.text for turn in scene.before))
    return bool(mine) and len(mine & heard) / len(mine) >= AT_HAND


def _recurs(text: str, rule: Lesson, sort: Kind, wishes: Wishes) -> bool:
    """Whether the person has wished it before; the same symptom twice is no wish."""
    telling = sort is not Kind.BUG_REPORT and len(words.content_words(rule.text)) >= TELLING
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
