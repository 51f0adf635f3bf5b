"""What a disagreement looks like from both sides of the turn, as named numbers between 0 and 1.

A `Scene` is a turn of a person with what the assistant did before and after, and what the person said earlier; `features`
names everything in it that speaks for or against a disagreement. The names are shown to people, so they are words.
Limit: both sides are the nearest run of the assistant's turns; of what lies further away only the person's last few turns count.

What the features weigh is learned: linear models, small, inspectable, quick. A score is the sum of the weights of the features
that are there: log-odds, so the logistic function gives a probability. tests/bench/train_detector.py makes `data/weights.json`,
and prints how good it is on people who were held out. It holds names of features and numbers, no text of a person.
"""

import json
import math
import re
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import dropwhile, pairwise, takewhile

from skillloop.model import Kind, Origin, Session, Signal, Turn, TurnKind
from skillloop.skillpath import is_command
from skillloop.text import lexicon
from skillloop.text.lexicon import Phrases, tokens, wide
from skillloop.text.words import stem

PERSON, REPLY, CLAIM = map(Phrases, ("said", "replied", "claimed"))
"""The classes of words of a person, of an assistant that answers, and of one that says that it is done."""

HEAD, TAIL = 1200, 300  # characters of a person's prose that are looked at, from its start and from its end
OPENING, CLOSING = 260, 700  # characters of the reply, and of the assistant's turn before, that are looked at
OPENED = 6  # words of a later sentence that are looked at for how it starts
SINGLE = 400  # characters of a person's prose whose single words are looked at
BUCKETS = 4096  # numbers that a single word can have: several words share one, and none can be read from it
SIMILAR = 0.25  # share of words in common from which a turn is like an earlier one
TEMPLATE = 25  # characters in common from which two prompts are filled in from one template
EARLIER = 8  # turns of the person before this one that are kept
LONGEST_ORDER = 2500  # characters, with the findings that are to be worked through
SHOWN = 6  # signals of a detection that are shown
SINGLE_WORDS = (
    "single words"  # what the words of a turn add that no class holds: each is a number, which tells nothing
)
REPEATED = 30  # characters from which a line that the assistant wrote before counts as repeated

_NO_LETTERS = re.compile(r"[\W\d_]+")
_SENTENCE = re.compile(r"[.!?。！？\n]+")
_EDITS = re.compile(r"(?i:edit|write|update$|patch|replace|create_file|insert|delete_file|notebook)")
_TROUBLE = re.compile(
    r"(?:Error|Exception)\b|traceback|\bfail(?:ed|ure|s)?\b|fatal|cannot find|not found|ERR!|panic|\b[45]\d\d\b (?:\(|error|bad|not|internal)",
    re.IGNORECASE,
)
_SHOUTED = re.compile(r"[A-Z](?<!\w[A-Z])[A-Z]{3,}\b")
_STRONG = re.compile(r"[!?]{2}|[！？]{2}")
_LIST = re.compile(r"^\s*(?:\d+[.)]|[-*])\s", re.MULTILINE)
_COMMIT = re.compile(r"\bgit (?:commit|push|merge)\b|gh pr")
_REVERT = re.compile(r"\bgit (?:revert|reset|restore|checkout --|checkout HEAD|stash)")


@dataclass(frozen=True)
class Scene:
    """One human turn with both of its sides. `position` counts the human turns before it."""

    turn: Turn
    before: tuple[Turn, ...]  # the assistant's last run of turns; words sent twice at once have it in common
    after: tuple[Turn, ...]  # the assistant's next run of turns
    earlier: tuple[Turn, ...]  # what the person said before, newest first
    position: int

    @property
    def opens_work(self) -> bool:
        """Whether the turn is an order rather than a remark on work: nothing came before it, or a skill was launched for it."""
        return not self.before or any(tool.name == "Skill" for turn in self.after for tool in turn.tools)

    @property
    def commands(self) -> bool:
        """Whether the turn asks for one of skillloop's own commands, which the assistant then called."""
        return any(
            is_command(tool.brief) for turn in self.after for tool in turn.tools if tool.name == "Skill"
        )

    @property
    def question(self) -> str:
        """What the assistant asked last, if it has a tool for questions and used it; else ""."""
        asked = (tool.brief for turn in self.before for tool in turn.tools if tool.name == "AskUserQuestion")
        return max(enumerate(asked), default=(0, ""))[1]

    @cached_property
    def only_orders(self) -> bool:
        """Whether the turn orders other work, or to go on with it, and says nothing of what was done."""
        orders = lexicon.finder("scene.orders", r"\W{0,9}<all>\W{0,9}").fullmatch
        return len(self.turn.text) <= LONGEST_ORDER and bool(orders(self.turn.text))

    def own_prose(self) -> str:
        """Return the turn's text without the lines that it repeats from what the assistant just said."""
        lines = self.turn.text.splitlines()
        if len(lines) < 2:
            return self.turn.text
        if max(map(len, lines)) < REPEATED:
            return "\n".join(lines)
        before = _letters("".join(turn.text for turn in self.before))
        return "\n".join(line for line in lines if len(line) < REPEATED or _letters(line) not in before)


def _letters(text: str) -> str:
    return _NO_LETTERS.sub("", text).lower()


def scenes(session: Session) -> Iterator[Scene]:
    """Yield each turn of a person, in order, with what stands around it."""
    turns = session.turns
    human: list[Turn] = []

    def run(indexes: range) -> tuple[Turn, ...]:
        """Return the assistant's nearest run of turns in a direction."""
        start = dropwhile(lambda index: turns[index].role != "assistant", indexes)
        return tuple(turns[index] for index in takewhile(lambda n: turns[n].role == "assistant", start))

    for i, turn in enumerate(turns):
        if turn.role != "human":
            continue
        if turn.origin is not Origin.MACHINE:
            before, after = run(range(i - 1, -1, -1)), run(range(i + 1, len(turns)))
            yield Scene(turn, before[::-1], after, tuple(reversed(human[-EARLIER:])), len(human))
        human.append(turn)


@cache
def patterns(table: str) -> dict[str, re.Pattern[str]]:
    """Compile a table of `data/detector.toml`: the pattern of each feature."""
    return {name: re.compile(pattern) for name, pattern in lexicon.table("detector")[table].items()}


def pairs(table: str, present: Collection[str]) -> list[str]:
    """Return the features of a table of pairs of which both are there."""
    listed = lexicon.table("detector")[table].items()
    return [f"{a} + {b}" for a, others in listed if a in present for b in others if b in present]


def features(scene: Scene) -> dict[str, float]:
    """Return every feature of a scene that is not 0."""
    prose, log = scene.own_prose(), "\n".join(scene.turn.pasted)
    present = {"bias": 1.0} | words_used(prose) | _form(prose, log) | _circumstances(scene)
    opening = "\n".join(turn.text for turn in scene.after).strip()[:OPENING]
    for name, at in REPLY.find(tokens(opening)).items():
        if name != "welcomes":  # assistants are friendly anywhere; only the opening tells
            present[f"after: {name}"] = 1.0
        if at < 3:
            present[f"after: opens and {name}"] = 1.0
    words = _content(prose[:HEAD])
    if len(words) >= 2:
        others = (_content(turn.text[:HEAD]) for turn in scene.earlier)
        closest = max((len(words & other) / len(words | other) for other in others), default=0.0)
        if closest >= SIMILAR:
            present["asked before"] = min(1.0, closest * 1.5)
        head = prose[:TEMPLATE]
        if any(len(prose) > TEMPLATE < len(t.text) and t.text.startswith(head) for t in scene.earlier):
            present["turn: begins like an earlier one"] = 1.0
    present |= dict.fromkeys(pairs("turn-pairs", present), 1.0)
    return present | single_words(prose)


def without_reply(present: Mapping[str, float]) -> dict[str, float]:
    """Return the features of a turn but for the words with which the assistant answered it."""
    replies = _replies()
    return {name: value for name, value in present.items() if name not in replies}


@cache
def _replies() -> frozenset[str]:
    names = lexicon.classes("replied")
    return frozenset(f"after: {way}{name}" for name in names for way in ("", "opens and "))


@lru_cache(maxsize=64)
def single_words(prose: str) -> dict[str, float]:
    """Return the stems of a text as numbers that none can be read from, each weighed by how many there are."""
    stems = sorted({stem(word) for word in tokens(prose[:SINGLE])})  # so that every process adds alike
    value = round(1 / len(stems) ** 0.5, 3) if stems else 0.0
    return {f"#{zlib.crc32(word.encode('utf-8', 'replace')) % BUCKETS}": value for word in stems}


@lru_cache(maxsize=64)
def _content(text: str) -> frozenset[str]:
    """Return the longer words of a text, or its pairs of neighbours where words are not spaced."""
    words = tokens(text)
    if wide(text):
        return frozenset(a + b for a, b in pairwise(words))
    return frozenset(word for word in words if len(word) > 3)


def words_used(prose: str) -> dict[str, float]:
    """Return the classes of words that a person used: anywhere, at the very start, and at the start of a later sentence."""
    sample = prose if len(prose) <= HEAD + TAIL else prose[:HEAD] + "\n" + prose[-TAIL:]
    lead = 5 if wide(sample) else 3
    present: dict[str, float] = {}
    for name, at in PERSON.find(tokens(sample)).items():
        if name != "asks":  # "what" and "that" are everywhere; only at the start do they ask
            present[f"says: {name}"] = 1.0
        if at < lead:
            present[f"starts: {name}"] = 1.0
    for sentence in _SENTENCE.split(sample)[1:]:
        for name, at in PERSON.find(tokens(sentence[:60])[:OPENED]).items():
            if at < lead:
                present[f"goes on: {name}"] = 1.0
    return present


def _form(prose: str, log: str) -> dict[str, float]:
    """Return length, punctuation and what the message is made of."""
    size = len(tokens(prose[: HEAD + TAIL])) * (0.6 if wide(prose) else 1.0)
    head = prose[:HEAD]
    line = "\n" + head
    end = head.rfind("?") + 1
    negative = lexicon.pattern("scene.negative question", "<spaced>").search(head, 0, end)
    negative = negative or lexicon.pattern("scene.negative question", "<dense>").search(head)
    asks, shouts = "?" in prose or "？" in prose, "!" in prose or "！" in prose
    names = {
        "length: only a log": not prose and bool(log),
        "length: 1-2 words": 0 < size <= 2,
        "length: 3-7 words": 2 < size <= 7,
        "length: 8-20 words": 7 < size <= 20,
        "length: 21-60 words": 20 < size <= 60,
        "length: over 60 words": size > 60,
        "form: ends with a question mark": prose.rstrip().endswith(("?", "？")),
        "form: question mark": asks,
        "form: negative question": bool(negative),
        "form: exclamation mark": shouts,
        "form: strong punctuation": (asks or shouts) and bool(_STRONG.search(prose)),
        "form: trailing dots": ".." in prose or "…" in prose,
        "form: shouted word": size < 60 and bool(_SHOUTED.search(prose)),
        "form: log or code": bool(log),
        "form: trouble in a log": bool(_TROUBLE.search(log[:4000])),
        "form: list": len(_LIST.findall(head)) >= 2,
    } | {name: bool(pattern.search(line)) for name, pattern in patterns("turn").items()}
    return {name: 1.0 for name, true in names.items() if true}


def _circumstances(scene: Scene) -> dict[str, float]:
    """Return how and when the turn came, what the assistant had done or claimed before, and what it did then."""
    turn, position = scene.turn, scene.position
    claim = "\n".join(turn.text for turn in scene.before).strip()[-CLOSING:]
    tools = [tool for turn in scene.before for tool in turn.tools]
    next_tools = [tool for turn in scene.after for tool in turn.tools]
    edits = [tool for tool in next_tools if _edits(tool.name)]
    edited, editing = (
        {tool.brief or tool.name for tool in each if _edits(tool.name)} for each in (tools, edits)
    )
    guide = patterns("turn")["form: names a guide"]
    first = "\n".join(tool.brief for tool in next_tools[:6])
    names = {
        "turn: first of the session": position == 0,
        "turn: second or third": 0 < position <= 2,
        "turn: later than the tenth": position > 10,
        "turn: interrupted the assistant": turn.interrupted,
        "turn: refused a tool": turn.denied or turn.kind is TurnKind.DENIAL,
        "turn: comment on a refusal": turn.kind is TurnKind.DENIAL,
        "turn: typed while the assistant worked": turn.kind is TurnKind.QUEUED,
        "turn: arguments of a command": turn.kind is TurnKind.COMMAND,
        "turn: rewound": turn.abandoned or any(earlier.abandoned for earlier in scene.earlier[:1]),
        "before: nothing": not scene.before,
        "before: asks": claim.rstrip(" *_`)").endswith(("?", "？")),
        "before: only talks": bool(scene.before) and not tools,
        "before: edited": bool(edited),
        "before: a tool failed": any(tool.failed and not tool.rejected for tool in tools),
        "before: claims to be done": bool(CLAIM.find(tokens(claim))),
        "after: only talks": bool(scene.after) and not next_tools,
        "after: edits the same file again": bool(edited & editing),
        "after: edits other files": bool(editing) and not edited & editing,
        "after: edits at once": any(_edits(tool.name) for tool in next_tools[:3]),
        "after: a few edits": 0 < len(edits) <= 3,
        "after: writes a guide": any(guide.search(tool.brief) for tool in edits),
        "after: commits": _COMMIT.search(first) is not None,
        "after: reverts": _REVERT.search(first) is not None,
    }
    return {name: 1.0 for name, true in names.items() if true}


@lru_cache(maxsize=256)
def _edits(tool: str) -> bool:
    """Return whether a tool of this name changes files."""
    return _EDITS.search(tool) is not None


# --- what was learned ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """One yes-or-no question: a weight for each feature."""

    weights: Mapping[str, float]

    def score(self, features: Mapping[str, float]) -> float:
        """Return the log-odds; unknown features say nothing."""
        weights = self.weights
        return sum([weights[name] * value for name, value in features.items() if name in weights])

    def confidence(self, features: Mapping[str, float]) -> float:
        """Return the probability, 0 to 1."""
        return sigmoid(self.score(features))

    def signals(self, features: Mapping[str, float]) -> tuple[Signal, ...]:
        """Return the features that weighed most, with what each added to the log-odds; single words are one of them."""
        added: dict[str, float] = defaultdict(float)
        for name, value in features.items():
            added[SINGLE_WORDS if name.startswith("#") else name] += self.weights.get(name, 0.0) * value
        signals = (Signal(name, round(weight, 2)) for name, weight in added.items() if name != "bias")
        heaviest = sorted((s for s in signals if s.weight), key=lambda s: (-abs(s.weight), s.name))
        return tuple(heaviest[:SHOWN])


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything that was learned, and the thresholds that were chosen with it."""

    disagreement: Linear  # of a turn
    durable: Linear  # of a sentence by itself: which is the rule of its turn
    lesson: Linear  # of a turn and a rule in it: is it worth knowing next time
    kinds: Mapping[str, Linear]
    thresholds: Mapping[str, float]


@cache
def learned() -> Weights:
    """Return the committed weights, read once."""
    data = json.loads((lexicon.DATA / "weights.json").read_bytes())
    turn, rule, lesson = (Linear(data[part]) for part in ("disagreement", "durable", "lesson"))
    kinds = {name: Linear(kind) for name, kind in data["kinds"].items()}
    return Weights(turn, rule, lesson, kinds, data["thresholds"])


def sigmoid(score: float) -> float:
    """Turn log-odds into a probability, without overflow."""
    return 0.5 + 0.5 * math.tanh(score / 2)


def kind(features: Mapping[str, float]) -> Kind:
    """Return the kind of disagreement whose learned score is the highest; the order of `Kind` breaks a tie."""
    return max(Kind, key=lambda name: learned().kinds[name.value].confidence(features))
