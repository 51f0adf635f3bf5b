"""A linear model over named features: small, inspectable, quick. What it learned lies in `data/weights.json`.

A score is the sum of the weights of the features that are there: log-odds, so the logistic function gives a probability
(tests/bench/detect.py prints how reliable it is on people who were held out). The file is made by
tests/bench/train_detector.py and holds names of features and numbers, no text of a person.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from skillloop.model import Signal

SHOWN = 6
"""How many signals of a detection are shown."""


@dataclass(frozen=True, slots=True)
class Linear:
    """One yes-or-no question: a weight a feature."""

    weights: Mapping[str, float]

    def score(self, features: Mapping[str, float]) -> float:
        """Log-odds; unknown features say nothing."""
        return sum(self.weights.get(name, 0.0) * value for name, value in features.items())

    def confidence(self, features: Mapping[str, float]) -> float:
        """Probability, 0 to 1."""
        return sigmoid(self.score(features))

    def signals(self, features: Mapping[str, float]) -> tuple[Signal, ...]:
        """The features that spoke the loudest, with what each added to the log-odds."""
        spoken = (
            Signal(name, round(self.weights.get(name, 0.0) * value, 2))
            for name, value in features.items()
            if name != "bias"
        )
        loud = sorted((signal for signal in spoken if signal.weight), key=lambda s: (-abs(s.weight), s.name))
        return tuple(loud[:SHOWN])


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything that was learned: is it a disagreement, is it durable, and which kind."""

    disagreement: Linear
    durable: Linear
    kinds: Mapping[str, Linear]


@cache
def learned() -> Weights:
    """The committed weights."""
    return read((Path(__file__).parents[1] / "data" / "weights.json").read_text(encoding="utf-8"))


def read(text: str) -> Weights:
    """Weights from their JSON form."""
    data = json.loads(text)
    return Weights(
        Linear(data["disagreement"]),
        Linear(data["durable"]),
        {name: Linear(kind) for name, kind in data["kinds"].items()},
    )


def sigmoid(score: float) -> float:
    """Log-odds to probability, without overflow."""
    if score >= 0:
        return 1.0 / (1.0 + math.exp(-score))
    odds = math.exp(score)
    return odds / (1.0 + odds)
