"""Make skillloop/data/weights.json, byte for byte the same each time.

    python tests/bench/train_detector.py --dev DEV.jsonl --labelled LABELLED.jsonl [--out FILE]

Trains on our own examples, on the rows of DEV under a permissive licence and on LABELLED (CodeChat, ODC-BY). Pure Python: ridge
logistic regression by cyclic coordinate descent (Newton steps). Rows of real sessions alone set the base rate, since every other
source has an intercept of its own, so the confidence needs no second calibration (detect.py prints how reliable it is). The weights
are of named features; no text goes into the file.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

import corpus
from corpus import Row

from skillloop.detect import durability
from skillloop.detect import lesson as lessons
from skillloop.detect.classifier import Linear, sigmoid
from skillloop.detect.features import features
from skillloop.model import Kind

RIDGE = 5.0
"""Strength of the pull towards 0, in units of one row."""

DURABLE_RIDGE = 5.0
ROUNDS = 3
START = {
    "rule: always": 1.0,
    "rule: prohibition": 1.0,
    "rule: means": 1.0,
    "rule: practice": 0.5,
    "rule: working": 0.5,
    "told: always": 0.5,
    "told: must": 0.5,
}
"""What makes a sentence the likeliest rule of its turn before anything is learned."""

STEPS = 60
TOLERANCE = 1e-4

Picked = tuple[dict[str, float], bool]
Example = tuple[dict[str, float], bool, float]


def fit(examples: list[Example], ridge: float = RIDGE) -> dict[str, float]:
    """Return the weights that minimise the weighted logistic loss plus ridge/2 · |w|²; biases are not pulled."""
    columns: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for i, (found, _, _) in enumerate(examples):
        for name, value in found.items():
            columns[name].append((i, value))
    truth = [float(true) for _, true, _ in examples]
    weight = [share for _, _, share in examples]
    scores = [0.0] * len(examples)
    weights = dict.fromkeys(sorted(columns), 0.0)
    for _ in range(STEPS):
        moved = 0.0
        for name in weights:
            pull = 0.0 if name == "bias" or name.startswith("source: ") else ridge
            slope, bend = pull * weights[name], pull
            for i, value in columns[name]:
                p = sigmoid(scores[i])
                slope += weight[i] * (p - truth[i]) * value
                bend += weight[i] * max(p * (1 - p), 0.02) * value * value
            step = -slope / bend if bend else 0.0
            weights[name] += step
            moved = max(moved, abs(step))
            for i, value in columns[name]:
                scores[i] += step * value
        if moved < TOLERANCE:
            break
    return {
        name: round(value, 4)
        for name, value in weights.items()
        if abs(value) >= 5e-4 and not name.startswith("source: ")
    }


def learn(rows: list[Row], pick: Callable[[Row], Picked | None], ridge: float = RIDGE) -> Linear:
    """Fit on all trainable rows. `pick` gives a row's features and truth, or None to leave it out."""
    picked = [(pick(row), row.weight) for row in rows if row.trainable]
    return Linear(fit([(*pair, weight) for pair, weight in picked if pair is not None], ridge))


def source(row: Row) -> dict[str, float]:
    """Return a feature of the source: what is particular to it (its share of disagreements, say) goes into a weight that no session has."""
    return {f"source: {row.group}": 1.0} if row.group in {"own", "codechat"} else {}


def cached_features(row: Row, _seen: dict[int, dict[str, float]] = {}) -> dict[str, float]:  # noqa: B006  (a cache)
    if id(row) not in _seen:
        _seen[id(row)] = features(row.scene) | source(row)
    return _seen[id(row)]


def disagreement(model: Linear) -> Callable[[Row], Picked]:
    """Pick what teaches whether a turn is a disagreement: both of its sides, and what `model` says of its rule."""

    def pick(row: Row) -> Picked:
        rule = lessons.extract(row.scene.turn.text, model)
        return cached_features(row) | lessons.rule_features(rule, model), row.disagreement

    return pick


def durable(model: Linear) -> Callable[[Row], Picked | None]:
    """Pick what teaches whether a rule is durable: the sentence that `model` takes for the rule of the turn."""

    def pick(row: Row) -> Picked:
        text = row.scene.turn.text
        rule = lessons.extract(text, model)
        found = rule.features if rule else durability.surrounding_features(text)
        return found | (source(row) if row.group == "own" else {}), row.durable

    return pick


def in_talk(rows: list[Row]) -> list[Row]:
    """Return our examples once more with other things said around them: real turns are longer than one sentence."""
    passing: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.group == "own" and not row.durable:
            passing[row.lang].append(row.scene.turn.text)
    made = []
    for row in rows:
        if row.group == "own":
            text = row.scene.turn.text
            rng = random.Random(text)
            others = rng.sample(passing[row.lang], rng.randint(1, 4))
            others.insert(rng.randint(0, len(others)), text)
            turn = replace(row.scene.turn, text=rng.choice((". ", "\n", " ")).join(others))
            made.append(replace(row, scene=replace(row.scene, turn=turn)))
    return made


def learn_durable(rows: list[Row]) -> Linear:
    """Fit a few times over, since which sentence is the rule depends on the weights."""
    model, rows = Linear(START), rows + in_talk(rows)
    for _ in range(ROUNDS):
        model = learn(rows, durable(model), ridge=DURABLE_RIDGE)
    return model


def kind(name: str) -> Callable[[Row], Picked | None]:
    """Pick what teaches a kind: the person's side of the turn; what assistants answer to each differs from one to the next."""

    def pick(row: Row) -> Picked | None:
        if not row.disagreement or row.group == "codechat":
            return None
        return {
            key: value
            for key, value in cached_features(row).items()
            if not key.startswith(("before", "after", "source"))
        }, row.label == name

    return pick


def train(rows: list[Row]) -> dict[str, Any]:
    """Learn everything that weights.json holds."""
    durable_model = learn_durable(rows)
    return {
        "disagreement": dict(learn(rows, disagreement(durable_model)).weights),
        "durable": dict(durable_model.weights),
        "kinds": {name.value: dict(learn(rows, kind(name.value)).weights) for name in Kind},
    }


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--dev", type=Path, required=True)
    args.add_argument("--labelled", type=Path, required=True)
    args.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "skillloop/data/weights.json")
    opts = args.parse_args()
    rows = corpus.own() + corpus.dev(opts.dev) + corpus.labelled(opts.labelled)
    made = train(rows)
    opts.out.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    used = sum(row.trainable for row in rows)
    print(f"{opts.out}: {len(made['disagreement'])} weights from {used} rows")


if __name__ == "__main__":
    main()
