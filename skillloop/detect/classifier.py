"""Linear models over named features: small, inspectable, quick. What they learned lies in `data/weights.json`.

A score is the sum of the weights of the features that are there: log-odds, so the logistic function gives a probability.
tests/bench/train_detector.py makes the file, and prints how good it is on people who were held out. It holds names of
features and numbers, no text of a person.
"""

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from skillloop.model import Kind, Signal
from skillloop.text.lexicon import DATA

SHOWN = 6  # how many signals of a detection are shown

SINGLE_WORDS = "single words"
"""Name of what the words of a turn add that no class holds: each is a number, "#17", that tells a reader nothing."""


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
    data = json.loads((DATA / "weights.json").read_bytes())
    turn, rule, lesson = (Linear(data[part]) for part in ("disagreement", "durable", "lesson"))
    kinds = {name: Linear(kind) for name, kind in data["kinds"].items()}
    return Weights(turn, rule, lesson, kinds, data["thresholds"])


def sigmoid(score: float) -> float:
    """Turn log-odds into a probability, without overflow."""
    return 0.5 + 0.5 * math.tanh(score / 2)


def kind(features: Mapping[str, float]) -> Kind:
    """Return the kind of disagreement whose learned score is the highest; the order of `Kind` breaks a tie."""
    return max(Kind, key=lambda name: learned().kinds[name.value].confidence(features))
