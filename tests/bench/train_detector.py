"""Make skillloop/disagreements/weights.json, byte for byte the same each time.

    python tests/bench/train_detector.py --dev DEV.jsonl --labelled LABELLED.jsonl [--out FILE]

Trains on our own examples, on the rows of DEV under a permissive licence and on LABELLED (CodeChat, ODC-BY). Pure Python: ridge
logistic regression by cyclic coordinate descent (Newton steps), Platt's calibration on rows held out by group. The weights are
of named features; no text goes into the file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

import corpus
from corpus import Row

from skillloop.disagreements import lessons
from skillloop.disagreements.classifier import Linear, sigmoid
from skillloop.disagreements.features import features
from skillloop.model import Kind

RIDGE = 10.0
"""Strength of the pull towards 0, in units of one row."""

STEPS = 60
TOLERANCE = 1e-4

Example = tuple[dict[str, float], bool, float]


def fit(examples: list[Example], ridge: float = RIDGE) -> dict[str, float]:
    """Weights that minimise the weighted logistic loss plus ridge/2 · |w|²; biases are not pulled."""
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


def platt(pairs: list[tuple[float, bool]]) -> tuple[float, float]:
    """Slope and offset that turn held-out scores into probabilities (Platt 1999, with his prior-corrected targets)."""
    yes = sum(true for _, true in pairs)
    high, low = (yes + 1) / (yes + 2), 1 / (len(pairs) - yes + 2)
    slope, offset = 1.0, 0.0
    for _ in range(100):
        gradient, hessian = [0.0, 0.0], [[1e-6, 0.0], [0.0, 1e-6]]
        for score, true in pairs:
            p = sigmoid(slope * score + offset)
            off, bend = p - (high if true else low), p * (1 - p)
            gradient = [gradient[0] + off * score, gradient[1] + off]
            hessian[0][0] += bend * score * score
            hessian[0][1] += bend * score
            hessian[1][1] += bend
        (a, b), d = hessian[0], hessian[1][1]
        determinant = a * d - b * b
        slope -= (d * gradient[0] - b * gradient[1]) / determinant
        offset -= (a * gradient[1] - b * gradient[0]) / determinant
    return round(slope, 4), round(offset, 4)


def groups(rows: list[Row]) -> list[str]:
    """The groups of the trainable rows of real sessions, in order."""
    return sorted({row.group for row in rows if row.trainable and row.group not in {"own", "codechat"}})


def calibrated(rows: list[Row], pick, ridge: float = RIDGE) -> Linear:
    """Fit on all trainable rows; calibrate on real sessions that were held out by group.

    `pick` gives a row's features and truth, or None to leave it out.
    """
    usable = [row for row in rows if row.trainable and pick(row) is not None]
    examples = {id(row): (*pick(row), row.weight) for row in usable}
    pairs = []
    for held in groups(usable):
        weights = Linear(fit([examples[id(row)] for row in usable if row.group != held], ridge))
        pairs += [
            (weights.score(examples[id(row)][0]), examples[id(row)][1]) for row in usable if row.group == held
        ]
    slope, offset = platt(pairs)
    return Linear(fit(list(examples.values()), ridge), slope, offset)


def cached_features(row: Row, _seen: dict[int, dict[str, float]] = {}) -> dict[str, float]:  # noqa: B006  (a cache)
    if id(row) not in _seen:
        # What is particular to a source (its share of disagreements, say) goes into a weight that no session has.
        _seen[id(row)] = features(row.scene) | (
            {f"source: {row.group}": 1.0} if row.group in {"own", "codechat"} else {}
        )
    return _seen[id(row)]


def disagreement(row: Row):
    return cached_features(row), row.disagreement


def durable(row: Row):
    """Durable is asked of disagreements that hold a lesson at all."""
    lesson = lessons.draw(row.scene.turn.text) if row.disagreement and row.group != "codechat" else None
    return None if lesson is None else (lesson.features | {"bias": 1.0}, row.durable)


def kind(name: str):
    def pick(row: Row):
        return (
            (cached_features(row), row.label == name)
            if row.disagreement and row.group != "codechat"
            else None
        )

    return pick


def train(rows: list[Row]) -> dict:
    """Everything that weights.json holds."""

    def plain(model: Linear) -> dict:
        return {"weights": dict(model.weights), "slope": model.slope, "offset": model.offset}

    return {
        "disagreement": plain(calibrated(rows, disagreement)),
        "durable": plain(calibrated(rows, durable, ridge=3.0)),
        "kinds": {
            name.value: plain(
                Linear(
                    fit(
                        [
                            (*kind(name.value)(row), 1.0)
                            for row in rows
                            if row.trainable and kind(name.value)(row)
                        ],
                        5.0,
                    )
                )
            )
            for name in Kind
        },
    }


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--dev", type=Path, required=True)
    args.add_argument("--labelled", type=Path, required=True)
    args.add_argument(
        "--out", type=Path, default=Path(__file__).parents[2] / "skillloop/disagreements/weights.json"
    )
    opts = args.parse_args()
    rows = corpus.own() + corpus.dev(opts.dev) + corpus.labelled(opts.labelled)
    made = train(rows)
    opts.out.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    used = sum(row.trainable for row in rows)
    print(f"{opts.out}: {len(made['disagreement']['weights'])} weights from {used} rows")


if __name__ == "__main__":
    main()
