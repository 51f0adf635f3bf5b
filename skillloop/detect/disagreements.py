"""Where in a session the person disagreed with the assistant: offline, in fourteen languages, under a millisecond a turn.

`find` looks at both sides of every turn of a person, gives a calibrated confidence, the kind, whether it is durable, and the
lesson in the person's own words. Invariants: a machine's words never count; a turn is one disagreement at most, however often
it was sent again, resumed or forked; a quote is a verbatim span of its turn. Only a turn that is nothing but a paste has a
fixed quote, `[pasted text]`: it stands in no turn, so the gate, which reads every quote again, never takes it for evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial

from skillloop.detect import durability
from skillloop.detect import lesson as lessons
from skillloop.detect.classifier import kind, learned, sigmoid
from skillloop.detect.features import features, words_used
from skillloop.detect.lesson import Rule
from skillloop.detect.recurrence import EarlierRules
from skillloop.detect.turn_context import Scene, scenes
from skillloop.model import Disagreement, Evidence, Kind, Lesson, Scope, Session, Signal
from skillloop.text import words

SecondOpinion = Callable[[Disagreement, Session], float | None]

FOUND_AT = 0.45
"""Confidence from which a turn counts as a disagreement."""

DRAFT_AT = 0.65
"""Confidence from which a proposal may be drafted: at least four in five such detections are right (tests/bench/detect.py)."""

UNSURE = (0.2, DRAFT_AT)
"""Between these a second opinion is worth asking for."""

OPINION = "second opinion"
"""Name of the signal that says by how much a second opinion changed the confidence."""

DURABLE_AT = 0.2
"""Chance from which a rule is durable that does not say so itself: that its turn is a disagreement, times that the rule lasts."""

STATEMENT_AT = 0.45
"""The same where the rule is no order but tells how things are, as "error messages are lower case" does, and much else."""

AT_HAND = 0.6
"""Share of a rule's words from which it is about the matter at hand: the assistant had just used them."""

LONGEST_QUOTE = 400
"""Characters."""

ONLY_PASTED = "[pasted text]"
"""Stands for the quote of a turn without words of the person's own: what they paste is nobody's evidence."""


def find(
    session: Session,
    *,
    recurring: Mapping[str, str] | None = None,
    second_opinion: SecondOpinion | None = None,
) -> tuple[list[Disagreement], list[Lesson]]:
    """Find the disagreements of a session and what its turns teach, each in order.

    Args:
        session: As read from its transcript.
        recurring: What this person asked for in earlier sessions, by id of its evidence; what comes again is durable.
        second_opinion: Asked about the uncertain middle only. It gives a probability that replaces the confidence, or
            None when it cannot say.
    """
    disagreements: list[Disagreement] = []
    taught: list[Lesson] = []
    if session.automated:
        return disagreements, taught
    earlier = EarlierRules(recurring or {})
    least = FOUND_AT if second_opinion is None else min(FOUND_AT, UNSURE[0])
    for scene in scenes(session):
        present = features(scene)
        if sigmoid(learned().disagreement.score(present) + _most_of_a_rule()) < least:
            continue  # no rule could lift the turn that far
        rules = lessons.rules(scene.turn.text)
        present |= lessons.rule_features(rules[0] if rules else None)
        confidence = round(learned().disagreement.confidence(present), 3)
        if confidence < least:
            continue
        describe = partial(_describe, session, scene, present, rules, earlier)
        found, learnt = describe(confidence)
        if second_opinion is not None and UNSURE[0] <= confidence <= UNSURE[1]:
            opinion = second_opinion(found, session)
            if opinion is not None:
                found, learnt = describe(round(min(1.0, max(0.0, opinion)), 3))
        if found.confidence < FOUND_AT:
            continue
        last = disagreements[-1] if disagreements else None
        if last and found.turn - last.turn <= 1 and found.evidence.quote == last.evidence.quote:
            disagreements.pop()  # the turn was sent again at once; the last sending stays
            taught = [lesson for lesson in taught if lesson.turn != last.turn]
        disagreements.append(found)
        taught += learnt
    return disagreements, taught


@cache
def _most_of_a_rule() -> float:
    """Return the most that the rule of a turn can add to its score."""
    weights = learned().disagreement.weights
    return sum(max(0.0, weight) for name, weight in weights.items() if name.startswith("wish: "))


def _describe(
    session: Session,
    scene: Scene,
    present: dict[str, float],
    rules: list[Rule],
    earlier: EarlierRules,
    confidence: float,
) -> tuple[Disagreement, list[Lesson]]:
    """Describe what kind of disagreement a turn is, in which words, and what it teaches.

    Where the confidence is another than the detector's, a signal says by how much a second opinion changed it.
    """
    turn, its_kind = scene.turn, kind(present)
    # a forked or resumed session keeps a turn's uuid, so the copies are one disagreement
    own = turn.uuid or f"{session.session_id}/{turn.line}/{turn.text}"
    digest = hashlib.sha256(own.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    detected = learned().disagreement.confidence(present)
    signals = learned().disagreement.signals(present)
    if confidence != round(detected, 3):
        signals = (*signals, Signal(OPINION, round(confidence - round(detected, 3), 3)))
    evidence = Evidence(
        digest, session.session_id, session.path, turn.line, turn.uuid, "", turn.origin, turn.timestamp
    )
    taught = []
    for number, rule in enumerate(rules):
        chance = min(1.0, durability.chance(present, rule.features) * confidence / detected)
        again = its_kind is not Kind.BUG_REPORT and earlier.recurs(
            digest, rule.text, turn.text, rule.quote
        )  # the same symptom twice is no request
        further = hashlib.sha256(f"{digest} {rule.quote}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        lesson = Lesson(
            evidence=replace(evidence, id=further if number else digest, quote=rule.quote),
            text=rule.text,
            chance=round(chance, 3),
            offered=again or is_durable(scene, rule, its_kind, chance),
            confidence=confidence,
            turn=turn.index,
            skill=turn.skill,
            scope=Scope.SKILL if turn.skill else Scope.PROJECT,
            target=turn.skill.path if turn.skill else None,
            disagreement=digest,
            signals=signals,
        )
        taught.append(lesson)
    offered = [lesson for lesson in taught if lesson.offered]
    quote = offered[0].evidence.quote if offered else _quote(turn.text) or ONLY_PASTED
    disagreement = Disagreement(
        replace(evidence, quote=quote), its_kind, confidence, bool(offered), turn.skill, turn.index, signals
    )
    return disagreement, taught


def _quote(text: str) -> str:
    """Return the words that carry the disagreement: all of a short turn, of a long one the sentence that weighs most."""
    if len(text) <= LONGEST_QUOTE:
        return text.strip()
    score = learned().disagreement.score
    heaviest = max(lessons.sentences(text), key=lambda part: score(words_used(part)), default="")
    return heaviest[:LONGEST_QUOTE].strip()


def is_durable(scene: Scene, rule: Rule, its_kind: Kind, chance: float, least: float = DURABLE_AT) -> bool:
    """Return whether a rule is worth knowing next time, by itself.

    Args:
        scene: Where it was said.
        rule: As drawn from the turn.
        its_kind: Of the disagreement.
        chance: That the turn is a disagreement, times that its rule lasts.
        least: What the chance has to be where the rule is an order.
    """
    if durability.EXPLICIT in rule.features:
        return True
    if durability.STATEMENT in rule.features:
        least = max(least, STATEMENT_AT)
    if chance < least or its_kind is Kind.BUG_REPORT:  # how to mend a symptom is no rule
        return False
    stems = words.content_words(rule.text)
    before = words.content_words("\n".join(turn.text for turn in scene.before))
    return not stems or len(stems & before) / len(stems) < AT_HAND
