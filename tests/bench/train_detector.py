"""Make skillloop/data/weights.json, and say how good it is on people it has never seen.

    pip install scikit-learn==1.9.1
    python tests/bench/train_detector.py --dev DEV.jsonl --labelled LABELLED.jsonl [--out FILE] [--cv-only]

Trains on our own examples, on the rows of DEV under a permissive licence and on LABELLED (CodeChat, ODC-BY): ridge logistic
regression. Rows of real sessions alone set the base rate, since every other source has a feature of its own. In ten folds cut by
person each row of DEV, whatever its licence, is scored by weights that saw nobody of its fold; the figures that are printed and
the thresholds that are kept are of these scores. The weights are of named features; no text goes into the file.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

import corpus
from corpus import Row
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from skillloop.detect import durability
from skillloop.detect import lesson as lessons
from skillloop.detect.features import Linear, features, sigmoid, without_reply
from skillloop.model import Kind

RIDGE = {"disagreement": 10.0, "durable": 5.0, "lesson": 15.0, "kinds": 5.0, "words": 0.4}
"""Strength of the pull towards 0, in units of one row."""

WORDS_SAY = {"disagreement": 0.6, "lesson": 0.8}
"""What the single words of a turn count, which are learned by themselves, against everything else that is known of it."""

DISAGREES = 0.4
"""What it counts for a lesson that its turn reads like a disagreement, of which there are many more to learn from."""

OWN_SHARE = 0.3
"""Weight of one of our own examples where it is learned what a turn teaches: real turns are longer and say more at once."""

CHAT_SHARE = 2.0
"""Weight of a message of CodeChat where it is learned what a correction is; what a turn teaches is as good with 1."""

OFFERED, SURE = 0.28, 0.85
"""Precision that is asked for in what is offered, and in what may be applied unseen."""

SAME = 0.003
"""Difference in F1 that a set of this size does not tell."""

FOLDS = 10
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

# What no weight changes is worked out once for all folds: that makes training five times as fast.
_found = lessons._candidates
lessons._candidates = cache(lambda text: tuple(_found(text)))
durability.surrounding_features = cache(durability.surrounding_features)

Picked = tuple[dict[str, float], bool]
Example = tuple[dict[str, float], bool, float]


def fit(examples: list[Example], ridge: float) -> dict[str, float]:
    """Return the weights that minimise the weighted logistic loss plus ridge/2 · |w|²; the bias is not pulled."""
    columns = DictVectorizer()
    found = columns.fit_transform(
        [{k: v for k, v in present.items() if k != "bias"} for present, _, _ in examples]
    )
    model = LogisticRegression(C=1 / ridge, max_iter=2000)
    model.fit(found, [true for _, true, _ in examples], [share for _, _, share in examples])
    weights = dict(zip(columns.get_feature_names_out(), model.coef_[0], strict=True)) | {
        "bias": model.intercept_[0]
    }
    return {
        name: round(float(value), 3)
        for name, value in sorted(weights.items())
        if abs(value) >= 5e-4 and not name.startswith("source: ")
    }


def learn(
    rows: list[Row],
    pick: Callable[[Row], Picked | None],
    ridge: float,
    shares: dict[str, float] | None = None,
) -> Linear:
    """Fit on all trainable rows. `pick` gives a row's features and truth, or None to leave it out; `shares` weigh groups."""
    shares = shares or {}
    picked = [(pick(row), row.weight * shares.get(row.group, 1.0)) for row in rows if row.trainable]
    return Linear(fit([(*pair, weight) for pair, weight in picked if pair is not None], ridge))


def is_word(name: str) -> bool:
    """Return whether a feature is the number of a single word."""
    return name.startswith("#")


def learn_with_words(
    rows: list[Row], pick: Callable[[Row], Picked | None], part: str, own: float = 1.0, chat: float = 1.0
) -> dict[str, float]:
    """Fit what is known of a turn and its single words, each by itself, and add the two up."""

    def only(keep: Callable[[str], bool]) -> Callable[[Row], Picked | None]:
        def chosen(row: Row) -> Picked | None:
            pair = pick(row)
            return pair and ({name: value for name, value in pair[0].items() if keep(name)}, pair[1])

        return chosen

    plain = learn(
        rows, only(lambda name: not is_word(name)), RIDGE[part], {"own": own, "codechat": chat}
    ).weights
    word = only(lambda name: is_word(name) or name == "bias")
    words = learn(rows, word, RIDGE["words"], {"codechat": chat}).weights
    added = {name: round(WORDS_SAY[part] * value, 3) for name, value in words.items()}
    return {**plain, **added, "bias": round(plain["bias"] + added["bias"], 3)}


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
        rule = next(iter(lessons.rules(row.scene.turn.text, model, most=1)), None)
        return cached_features(row) | lessons.rule_features(rule, model), row.disagreement

    return pick


def durable(model: Linear) -> Callable[[Row], Picked | None]:
    """Pick what teaches whether a rule is durable: the sentence that `model` takes for the rule of the turn."""

    def pick(row: Row) -> Picked:
        text = row.scene.turn.text
        rule = next(iter(lessons.rules(text, model, most=1)), None)
        found = rule.features if rule else durability.surrounding_features(text)
        return found | (source(row) if row.group == "own" else {}), row.durable

    return pick


def lesson(model: Linear) -> Callable[[Row], Picked | None]:
    """Pick what teaches whether a turn teaches anything: the turn without the reply, and its rule as `model` finds it."""

    def pick(row: Row) -> Picked | None:
        if row.group == "codechat":  # nobody said of them whether they last
            return None
        rule = next(iter(lessons.rules(row.scene.turn.text, model, most=1)), None)
        found = rule.features if rule else durability.surrounding_features(row.scene.turn.text)
        return without_reply(cached_features(row)) | found, row.durable

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
        model = learn(rows, durable(model), RIDGE["durable"])
    return model


def kind(name: str) -> Callable[[Row], Picked | None]:
    """Pick what teaches a kind: the person's side of the turn; what assistants answer to each differs from one to the next."""

    def pick(row: Row) -> Picked | None:
        if not row.disagreement or row.group == "codechat":
            return None
        return {
            key: value
            for key, value in cached_features(row).items()
            if not key.startswith(("before", "after", "source", "#"))
        }, row.label == name

    return pick


def train(rows: list[Row]) -> dict[str, Any]:
    """Learn all but the kinds."""
    durable_model = learn_durable(rows)
    said = learn_with_words(rows, disagreement(durable_model), "disagreement", chat=CHAT_SHARE)
    taught = learn_with_words(rows, lesson(durable_model), "lesson", OWN_SHARE)
    for name, value in learn_with_words(rows, disagreement(durable_model), "disagreement").items():
        taught[name] = round(taught.get(name, 0.0) + DISAGREES * value, 3)
    return {"disagreement": said, "durable": dict(durable_model.weights), "lesson": taught}


Scores = tuple[list[float], list[float]]
"""Of each row, how sure it is that it is a disagreement, and that it teaches something."""


def scored(made: dict[str, Any], rows: list[Row]) -> Scores:
    """Score rows by weights."""
    durable_model, said, taught = (
        Linear(made["durable"]),
        Linear(made["disagreement"]),
        Linear(made["lesson"]),
    )
    sure = [said.confidence(disagreement(durable_model)(row)[0]) for row in rows]
    picked = map(lesson(durable_model), rows)
    return sure, [taught.confidence(found[0]) for found in picked if found]


def out_of_fold(rows: list[Row], real: list[Row]) -> tuple[Scores, Scores]:
    """Score each row of real sessions by weights that saw nobody of its fold; and the rows that these were fitted on."""
    groups = sorted({row.group for row in real})
    random.Random(1).shuffle(groups)
    held: dict[int, tuple[float, float]] = {}
    fitted: Scores = ([], [])
    for number in range(FOLDS):
        fold = set(groups[number::FOLDS])
        made = train([row for row in rows if row.group not in fold])
        theirs = [row for row in real if row.group in fold]
        held |= dict(zip(map(id, theirs), zip(*scored(made, theirs), strict=True), strict=True))
        if number == 0:
            fitted = scored(made, [row for row in real if row.trainable and row.group not in fold])
    pairs = [held[id(row)] for row in real]
    return ([pair[0] for pair in pairs], [pair[1] for pair in pairs]), fitted


def curve(scores: list[float], truth: list[bool]) -> list[tuple[float, float, float]]:
    """Return threshold, precision and recall at each score, the highest first."""
    hits, points = 0, []
    for rank, (score, true) in enumerate(sorted(zip(scores, truth, strict=True), reverse=True), 1):
        hits += true
        points.append((score, hits / rank, hits / (sum(truth) or 1)))
    return points


def average_precision(points: list[tuple[float, float, float]]) -> float:
    """Return the area under precision over recall."""
    before, total = 0.0, 0.0
    for _, precision, recall in points:
        total, before = total + precision * (recall - before), recall
    return total


def f1(point: tuple[float, float, float]) -> float:
    """Return the harmonic mean of precision and recall."""
    return 2 * point[1] * point[2] / (point[1] + point[2] or 1)


def report(name: str, scores: list[float], truth: list[bool], least: float | None = None) -> float:
    """Print how good scores are, and return the threshold: as good as the best F1, or the most recall at a precision."""
    points = curve(scores, truth)
    if least is None:  # the F1 is flat around its best: of equal ones the threshold that accuses least
        best = next(point for point in points if f1(point) >= max(map(f1, points)) - SAME)
    else:
        enough = [point for point in points if point[1] >= least]
        best = max(enough, key=lambda point: point[2], default=points[0])
    print(
        f"{name:32} average precision {average_precision(points):.3f}   at {best[0]:.3f}: "
        f"P {best[1]:.3f}  R {best[2]:.3f}  F1 {f1(best):.3f}   true {sum(truth)} of {len(truth)}"
    )
    return round(best[0], 3)


Line = tuple[float, float]
"""Slope and height of the line from log-odds that were added up to log-odds that are right."""


def line(scores: list[float], truth: list[bool]) -> Line:
    """Return the line that makes scores honest, which were of people unseen."""
    model = LogisticRegression(C=1e6).fit([[log_odds(score)] for score in scores], truth)
    return round(float(model.coef_[0][0]), 3), round(float(model.intercept_[0]), 3)


def log_odds(score: float) -> float:
    """Undo the logistic function."""
    return math.log(score / (1 - score))


def along(by: Line, scores: list[float]) -> list[float]:
    """Return scores as they are with honest weights."""
    return [sigmoid(by[0] * log_odds(score) + by[1]) for score in scores]


def honest(by: Line, weights: dict[str, float]) -> dict[str, float]:
    """Return weights that give honest scores."""
    scaled = {name: round(by[0] * value, 3) for name, value in weights.items()}
    return scaled | {"bias": round(scaled["bias"] + by[1], 3)}


def measure(rows: list[Row]) -> tuple[dict[str, float], dict[str, Line]]:
    """Print the figures of the folds; return the thresholds, and for each part the line to honest scores."""
    real = [row for row in rows if row.group not in {"own", "codechat"}]
    (sure, taught), fitted = out_of_fold(rows, real)
    wrong, durable_rows = [row.disagreement for row in real], [row.durable for row in real]
    lines = {"disagreement": line(sure, wrong), "lesson": line(taught, durable_rows)}
    sure, taught = along(lines["disagreement"], sure), along(lines["lesson"], taught)
    fitted = along(lines["disagreement"], fitted[0]), along(lines["lesson"], fitted[1])
    thresholds = {
        "found": report("disagreement", sure, wrong),
        "offer": report("durable, offered", taught, durable_rows, OFFERED),
        "sure": report("durable, applied unseen", taught, durable_rows, SURE),
    }
    for name, part in (("released rows", "released"), ("others", "other")):
        chosen = [at for at, row in enumerate(real) if (row.part == "released") == (part == "released")]
        report(f"disagreement, {name}", [sure[at] for at in chosen], [wrong[at] for at in chosen])
        report(
            f"durable, {name}", [taught[at] for at in chosen], [durable_rows[at] for at in chosen], OFFERED
        )
    seen = [row for row in real if row.trainable]
    if len(fitted[0]) <= len(seen):
        groups = sorted({row.group for row in real})
        random.Random(1).shuffle(groups)
        seen = [row for row in seen if row.group not in set(groups[0::FOLDS])]
        report("disagreement, training rows", fitted[0], [row.disagreement for row in seen])
        report("durable, training rows", fitted[1], [row.durable for row in seen], OFFERED)
    return thresholds, lines


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--dev", type=Path, required=True)
    args.add_argument("--labelled", type=Path, required=True)
    args.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "skillloop/data/weights.json")
    args.add_argument("--cv-only", action="store_true", help="print the figures of the folds, write nothing")
    opts = args.parse_args()
    rows = corpus.own() + corpus.dev(opts.dev) + corpus.labelled(opts.labelled)
    thresholds, lines = measure(rows)
    if opts.cv_only:
        return
    kinds = {name.value: dict(learn(rows, kind(name.value), RIDGE["kinds"]).weights) for name in Kind}
    made = train(rows)
    made |= {part: honest(by, made[part]) for part, by in lines.items()}
    made |= {"kinds": kinds, "thresholds": thresholds}
    opts.out.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    used = sum(row.trainable for row in rows)
    print(f"{opts.out}: {len(made['disagreement'])} weights from {used} rows")


if __name__ == "__main__":
    main()
