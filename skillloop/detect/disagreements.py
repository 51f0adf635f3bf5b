"""Where in a session the person disagreed with the assistant: offline, in fifteen languages, under a millisecond a turn.

`find` looks at both sides of every turn of a person, gives a calibrated confidence, the kind, whether it is durable, and the
lesson in the person's own words. Invariants: a machine's words never count; a turn is one disagreement at most, however often
it was sent again, resumed or forked; a quote is a verbatim span of its turn. Only a turn that is nothing but a paste has a
fixed quote, `[pasted text]`: it stands in no turn, so the gate, which reads every quote again, never takes it for evidence.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property

from skillloop.detect import durability
from skillloop.detect import lesson as lessons
from skillloop.detect.features import Scene, features, kind, learned, scenes, without_reply, words_used
from skillloop.detect.lesson import Rule
from skillloop.model import Disagreement, Evidence, Kind, Lesson, Scope, Session, Turn, TurnKind, sha256
from skillloop.text import lexicon, wishes, words

FOUND_AT = learned().thresholds["found"]
"""Confidence from which a turn counts as a disagreement: where F1 is best on people whom the training did not see."""

DRAFT_AT = 0.65
"""Confidence from which a lesson may be applied unseen: at least four in five such detections are right (tests/bench/train_detector.py)."""

OFFER_AT = learned().thresholds["offer"]
"""Chance from which a lesson is offered: of those that nobody has seen before, at least 28 in 100 are durable."""

SURE_AT = learned().thresholds["sure"]
"""Chance from which a lesson may be applied unseen: at least 85 in 100 are durable."""

REPLY_SAYS = 0.1
"""What the words with which the assistant answered may add to how sure a lesson is: assistants apologise for anything."""

ONCE = "it may have been meant for once"  # why a person must look at a lesson that is less surely durable

NOT_CORRECTED = "it may not have been said as a correction"
"""Why a person must look at a lesson from a turn that is less surely a disagreement."""

LONGEST_QUOTE = 400  # characters
CANDIDATE_AT = 0.02  # chance from which a rule is a candidate

AGAIN_AT = 0.035
"""Chance from which an order that is said again is a rule, where the person did not disagree: "commit all" comes every day.
Half of what a turn has by lot."""

NORMS = {"always", "every", "must", "condition", "instead"}
"""Classes of words with which an order for something new is one for more than once: "write a test for each bug"."""

LEAST_WORDS = 2
"""Content words without which a sentence is no rule, unless it has the form of one ("no emojis"): "have a look at", "ah yes"."""

ONLY_PASTED = "[pasted text]"
"""Stands for the quote of a turn without words of the person's own: what they paste is nobody's evidence."""


def find(
    session: Session,
    *,
    recurring: Callable[[], Mapping[str, str]] = dict,
    seen: dict[tuple[object, ...], "_Reading"] | None = None,
) -> tuple[list[Disagreement], list[Lesson]]:
    """Find the disagreements of a session and what its turns teach, each line once, in order.

    `recurring` returns what this person asked for in earlier sessions, by id of its evidence; what comes again is durable.
    `seen` keeps what was read of each turn, for when the session is read again with other words in some of the person's.
    """
    disagreements: list[Disagreement] = []
    taught: list[Lesson] = []
    if session.automated:
        return disagreements, taught
    earlier, seen = EarlierRules(recurring), {} if seen is None else seen
    for scene in scenes(session):
        said = (scene.turn.index, scene.turn.text, *(turn.text for turn in scene.earlier))
        if said not in seen:
            seen[said] = _read(session, scene, earlier)
        found = seen[said]
        last = disagreements[-1] if disagreements else None
        if found.confidence >= FOUND_AT:
            disagreement = found.disagreement()
            near = last is not None and disagreement.turn - last.turn <= 1
            if last and near and disagreement.evidence.quote == last.evidence.quote:
                disagreements.pop()  # the turn was sent again at once; the last sending stays
                taught = [lesson for lesson in taught if lesson.turn != last.turn]
            disagreements.append(disagreement)
        taught += found.lessons()
    once: dict[str, Lesson] = {}
    for lesson in taught:
        if lesson.text not in once or lesson.offered > once[lesson.text].offered:
            once[lesson.text] = lesson
    return disagreements, list(once.values())


class EarlierRules:
    """What the person asked for in earlier sessions, by id of its evidence; fetched when the first question comes."""

    def __init__(self, load: Callable[[], Mapping[str, str]]) -> None:
        self._said = cache(load)

    @cached_property
    def _by_word(self) -> Mapping[str, list[str]]:
        """What was said, by the beginning of each content word in it."""
        found: dict[str, list[str]] = defaultdict(list)
        for text in dict.fromkeys(self._said().values()):
            for root in {word[: wishes.ROOT] for word in words.content_words(text)}:
                found[root].append(text)
        return found

    def recurs(self, saying: str, rule: str, *texts: str) -> bool:
        """Return whether a rule has enough words to be recognized, and it or any of these texts was said before.

        `saying` is the id of the turn: the copy of a known one, in a fork or a branch, is no second saying.
        """
        if saying in self._said() or len(words.content_words(rule)) < LEAST_WORDS:
            return False
        for text in dict.fromkeys((rule, *texts)):
            roots = {word[: wishes.ROOT] for word in words.content_words(text)}
            met = Counter(said for root in roots for said in self._by_word.get(root, ()))
            near = (said for said, n in met.items() if 2 * n > wishes.ENOUGH * len(roots))
            if any(wishes.same_wish(text, said) for said in near):
                return True
        return False


@dataclass(frozen=True)
class _Reading:
    """What was read in one turn of a person, and how sure it is that they disagreed."""

    evidence: Evidence  # without a quote
    scene: Scene
    present: dict[str, float]  # features of the turn
    rules: list[tuple[Rule, float]]  # each with the chance that it is durable
    earlier: EarlierRules
    plain: float  # the detector's confidence without the words with which the assistant answered
    confidence: float

    def lessons(self) -> list[Lesson]:
        """Return what the turn teaches, best first."""
        turn, disagrees = self.scene.turn, self.confidence >= FOUND_AT
        own = self.evidence.id  # a further rule of the turn has an id of its own
        ids = [own, *(sha256(f"{own} {rule.quote}")[:16] for rule, _ in self.rules[1:])]
        return [
            Lesson(
                evidence=replace(self.evidence, id=ids[number], quote=rule.quote),
                text=rule.text,
                chance=round(chance, 3),
                offered=offered,
                confidence=self._bounded,
                turn=turn.index,
                skill=turn.skill,
                scope=Scope.SKILL if turn.skill else Scope.PROJECT,
                target=turn.skill.path if turn.skill else None,
                disagreement=self.evidence.id if disagrees else None,
                look=self._look(rule, chance),
            )
            for number, (rule, chance, offered) in enumerate(self._ranked)
            if offered or self._candidate(rule, chance)
        ]

    def _candidate(self, rule: Rule, chance: float) -> bool:
        """Return whether a rule that is not offered may be one: no order, no telling of how things are, no bit of a sentence."""
        told = durability.STATEMENT in rule.features or "says: pleased" in self.present
        idle = self.scene.opens_work or (told and not self._wanted(rule))
        enough = chance >= OFFER_AT or _says_enough(rule)
        return enough and chance >= (AGAIN_AT if idle else CANDIDATE_AT) and not self._orders(rule)

    def _orders(self, rule: Rule) -> bool:
        """Return whether the turn only orders work, or a rule one new thing: "write a helper", "add another test"."""
        names = {name.partition(": ")[2] for name in rule.features}
        new = {"starts new work", "indefinite"} <= names and names.isdisjoint(NORMS)
        return self.scene.only_orders or ((new or self.scene.commands) and self.confidence < FOUND_AT)

    def _wanted(self, rule: Rule) -> bool:
        """Return whether a rule is wanted, however it is worded: it follows a flat no, or says how something shall be."""
        no = lexicon.finder("gate.answer", r"\W*<all>(?!\w)").match(self.scene.turn.text)
        wish, asks = lexicon.finder("rule.wish").search, lexicon.finder("lesson.asks").match
        shall = not durability.SHALL.isdisjoint(rule.features) or wish(rule.text)
        return bool(no or shall or asks(rule.text))

    def disagreement(self) -> Disagreement:
        """Return the disagreement that the turn is: of what kind, and in which words."""
        turn, offered = self.scene.turn, [rule for rule, _, offered in self._ranked if offered]
        text = offered[0].quote if offered else turn.text
        if len(text) > LONGEST_QUOTE and not offered:  # of a long turn the sentence that weighs most
            weight = learned().disagreement.score
            text = max(lessons.sentences(text), key=lambda part: weight(words_used(part)), default="")
        quote = text if offered else text[:LONGEST_QUOTE].strip() or ONLY_PASTED
        evidence, signals = replace(self.evidence, quote=quote), learned().disagreement.signals(self.present)
        sort, durable = kind(self.present), bool(offered)
        return Disagreement(evidence, sort, self._bounded, durable, turn.skill, turn.index, signals)

    @cached_property
    def _ranked(self) -> list[tuple[Rule, float, bool]]:
        """Each rule, the chance that it is durable, and whether it is offered."""
        return [(rule, chance, self._offered(rule, chance)) for rule, chance in self.rules]

    @cached_property
    def _bounded(self) -> float:
        """How sure it is that they disagreed, with what the assistant's words may add."""
        return round(min(self.confidence, self.plain + REPLY_SAYS), 3)

    def _offered(self, rule: Rule, chance: float) -> bool:
        """Return whether a rule is offered: durable by itself, or asked for again. The same symptom twice is no request."""
        explicit = durability.EXPLICIT in rule.features
        if self._orders(rule):
            return explicit
        if explicit or (chance >= OFFER_AT and _says_enough(rule)):
            return True
        told = durability.STATEMENT in rule.features or chance < AGAIN_AT
        idle = self.scene.opens_work or (told and not self._wanted(rule))
        if idle and self.confidence < FOUND_AT:
            return False
        pointing = lexicon.finder("lasting.at hand", lexicon.WHOLE).search(rule.text)
        if pointing and len(words.content_words(rule.text)) <= LEAST_WORDS:  # "not this page, the other one"
            return False
        again = self.earlier.recurs(self.evidence.id, rule.text, self.scene.turn.text, rule.quote)
        return again and kind(self.present) is not Kind.BUG_REPORT

    def _look(self, rule: Rule, chance: float) -> tuple[str, ...]:
        """Return why a person must look at a rule."""
        answered = self.scene.question if self.scene.turn.kind is TurnKind.ANSWER else ""
        alone = not answered or words.content_words(rule.text) & words.content_words(answered)
        doubts = {
            f"it answers “{answered}”": not alone,
            NOT_CORRECTED: self._bounded < DRAFT_AT,
            ONCE: chance < SURE_AT and durability.EXPLICIT not in rule.features,
        }
        return (*rule.look, *(why for why, true in doubts.items() if true))


def _says_enough(rule: Rule) -> bool:
    """Return whether a rule has enough words to be one."""
    return durability.NORM in rule.features or len(words.content_words(rule.text)) >= LEAST_WORDS


def _read(session: Session, scene: Scene, earlier: EarlierRules) -> _Reading:
    """Read a turn with what stands around it."""
    turn, rules = scene.turn, lessons.rules(scene.turn.text)
    present = features(scene) | lessons.rule_features(rules[0] if rules else None)
    unanswered = without_reply(present)
    chances = durability.chances(unanswered, [rule.features for rule in rules])
    says = learned().disagreement.confidence
    confidence, plain = (0.0, 0.0) if scene.only_orders else (round(says(present), 3), says(unanswered))
    ranked = list(zip(rules, chances, strict=True))
    return _Reading(saying(session, turn), scene, present, ranked, earlier, plain, confidence)


def saying(session: Session, turn: Turn) -> Evidence:
    """Return the evidence that a person's turn is, still without a quote. Copies in a fork or a resumed session are one saying."""
    name = sha256(turn.uuid or f"{session.session_id}/{turn.line}/{turn.text}")[:16]
    where = (session.session_id, session.path, turn.line, turn.uuid)
    return Evidence(name, *where, "", turn.origin, turn.timestamp)
