"""How good the detector is on people it has never seen.

    python tests/bench/detect.py DEV.jsonl --labelled LABELLED.jsonl

Grouped cross-validation: a group's rows are scored by a model trained without any row of that group (and, as for the committed weights, on
our examples, on rows under a permissive licence and on LABELLED only). Prints precision, recall and F1 with a bootstrap interval over groups.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import corpus
import train_detector as training

from skillloop.detect import DRAFT_AT, DURABLE_AT, FOUND_AT, lesson
from skillloop.detect.classifier import kind
from skillloop.detect.disagreements import is_durable
from skillloop.detect.features import features
from skillloop.model import Kind
from skillloop.text.phrase_matcher import tokens

PARTS = {
    "both sides": lambda name: True,
    "words only": lambda name: name.startswith(
        ("says", "starts", "goes on", "form", "length", "wish", "source", "bias")
    ),
    "structure only": lambda name: not name.startswith(("says", "starts", "goes on", "wish")),
    "without the reply": lambda name: not name.startswith("after"),
}

KEYWORDS = set(
    "no wrong don't dont not stop instead actually revert undo still broken error never always wait incorrect no, nein falsch non faux não errado mal нет 不对 违う".split()
)


def held_out(rows, recipe):
    """For each row of a real session the confidence of a model that never saw its group; and the training rows' own.

    `recipe` gives, for a group, how to pick the features and the truth of a row without having seen that group.
    """
    real = [row for row in rows if row.group not in {"own", "codechat"}]
    models = {}
    scored, trained = {}, []
    for held in sorted({row.group for row in real}):
        key = unseen(rows, held)
        pick = recipe(key)
        if key not in models:
            models[key] = training.learn([row for row in rows if row.group != key], pick)
            seen = [row for row in real if row.trainable and row.group != held and pick(row) is not None]
            trained += [(models[key].confidence(pick(row)[0]), row) for row in seen]
        for row in real:
            if row.group == held and pick(row) is not None:
                scored[id(row)] = models[key].confidence(pick(row)[0])
    return real, scored, trained


def unseen(rows, group):
    """The group that a model has to do without; none where nothing of it is trained on anyway."""
    return group if any(row.trainable for row in rows if row.group == group) else ""


class Durable:
    """The models of what lasts, one for each group that was held out."""

    def __init__(self, rows):
        self.rows, self.models = rows, {}

    def __call__(self, group):
        if group not in self.models:
            self.models[group] = training.learn_durable([r for r in self.rows if r.group != group])
        return self.models[group]


def counts(pairs):
    """Precision, recall and F1 of (said, true) pairs."""
    hits = sum(said and true for said, true in pairs)
    precision = hits / (sum(said for said, _ in pairs) or 1)
    recall = hits / (sum(true for _, true in pairs) or 1)
    return precision, recall, 2 * precision * recall / (precision + recall or 1)


def interval(rows, pairs):
    """95 % bootstrap interval of F1 over groups."""
    by_group = defaultdict(list)
    for row, pair in zip(rows, pairs, strict=True):
        by_group[row.group].append(pair)
    rng, names = random.Random(0), sorted(by_group)
    values = sorted(
        counts([pair for name in rng.choices(names, k=len(names)) for pair in by_group[name]])[2]
        for _ in range(1000)
    )
    return values[25], values[974]


def show(name, rows, said, true=lambda row: row.disagreement):
    if rows:
        pairs = [(said(row), true(row)) for row in rows]
        p, r, f = counts(pairs)
        low, high = interval(rows, pairs)
        print(
            f"{name:34s} P {p:.3f}  R {r:.3f}  F1 {f:.3f}  [{low:.2f}, {high:.2f}]  true {sum(t for _, t in pairs)} of {len(rows)}"
        )


def average_precision(scored):
    ranked = sorted(scored, key=lambda pair: -pair[0])
    hits, total = 0, 0.0
    for rank, (_, true) in enumerate(ranked, 1):
        hits += true
        total += true * hits / rank
    return total / (hits or 1)


def detection(rows, durable):
    real, scored, trained = held_out(rows, lambda group: training.disagreement(durable(group)))
    print("## Disagreements, held out by group")
    for threshold, what in ((FOUND_AT, "found"), (DRAFT_AT, "drafted")):
        show(f"{what}, from {threshold}", real, lambda row, at=threshold: scored[id(row)] >= at)
    print(
        f"average precision: held out {average_precision([(scored[id(row)], row.disagreement) for row in real]):.3f}, training rows {average_precision([(score, row.disagreement) for score, row in trained]):.3f}"
    )
    show(
        "training rows, found",
        [row for _, row in trained],
        lambda row: {id(r): s for s, r in trained}[id(row)] >= FOUND_AT,
    )
    print("\n## By language, label, person")
    for lang in sorted({row.lang for row in real}):
        show(
            f"language {lang}",
            [row for row in real if row.lang == lang],
            lambda row: scored[id(row)] >= FOUND_AT,
        )
    for label in sorted({row.label for row in real if row.disagreement}):
        mine = [row for row in real if row.label == label and row.disagreement]
        print(f"{'recall on ' + label:34s} {sum(scored[id(row)] >= FOUND_AT for row in mine)} of {len(mine)}")
    for group in sorted({row.group for row in real}):
        show(group, [row for row in real if row.group == group], lambda row: scored[id(row)] >= FOUND_AT)
    print("\n## Reliability: confidence said, share that was right")
    edges = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01]
    for low, high in pairwise(edges):
        mine = [row for row in real if low <= scored[id(row)] < high]
        if mine:
            print(
                f"{low:.1f}-{min(high, 1):.1f}  n {len(mine):3d}  mean {sum(scored[id(r)] for r in mine) / len(mine):.2f}  right {sum(r.disagreement for r in mine) / len(mine):.2f}"
            )
    brier = sum((scored[id(row)] - row.disagreement) ** 2 for row in real) / len(real)
    print(f"Brier score {brier:.3f}")
    return real, scored


def operating(real, scored):
    print("\n## Thresholds")
    for at in (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8):
        p, r, f = counts([(scored[id(row)] >= at, row.disagreement) for row in real])
        print(f"{at:.2f}  P {p:.3f}  R {r:.3f}  F1 {f:.3f}")


def partly(keep, durable):
    """The detector with only some of its features."""

    def recipe(group):
        whole = training.disagreement(durable(group))
        return lambda row: (
            {name: value for name, value in whole(row)[0].items() if keep(name)},
            row.disagreement,
        )

    return recipe


def baselines(rows, durable):
    real = [row for row in rows if row.group not in {"own", "codechat"}]
    print("\n## Against simple ways (held out by group, F1 at the same threshold)")
    show("always yes", real, lambda _: True)
    show("keyword list", real, lambda row: bool(KEYWORDS & set(row.scene.turn.text.lower().split())))
    for name, keep in PARTS.items():
        _, scored, _ = held_out(rows, partly(keep, durable))
        show(name, real, lambda row, scored=scored: scored[id(row)] >= FOUND_AT)
        print(
            f"{'':34s} average precision {average_precision([(scored[id(row)], row.disagreement) for row in real]):.3f}"
        )

    def grams(row):
        words = tokens(row.scene.turn.text[:1500])[:200]
        return {"bias": 1.0} | {
            " ".join(words[i : i + n]): 0.5 for n in (1, 2) for i in range(len(words) - n + 1)
        }, row.disagreement

    _, scored, _ = held_out(rows, lambda _: grams)
    show("word 1-2-grams", real, lambda row: scored[id(row)] >= FOUND_AT)
    print(
        f"{'':34s} average precision {average_precision([(scored[id(row)], row.disagreement) for row in real]):.3f}"
    )


def kinds_and_durable(rows, real, scored, durable):
    print("\n## Kinds (of true disagreements, held out by group)")
    by_kind = {name: held_out(rows, lambda _, name=name: training.kind(name.value))[1] for name in Kind}
    pairs = defaultdict(int)
    mine = [row for row in real if row.disagreement]
    for row in mine:
        pairs[row.label, max(Kind, key=lambda name: by_kind[name][id(row)]).value] += 1
    print(
        f"right {sum(n for (a, b), n in pairs.items() if a == b)} of {len(mine)}: "
        + ", ".join(f"{a} as {b} {n}" for (a, b), n in sorted(pairs.items(), key=lambda pair: -pair[1]))
    )
    print("\n## Durable, with a lesson (held out by group)")
    for at in (0.1, 0.15, DURABLE_AT, 0.25, 0.3, 0.4):

        def said(row, at=at):
            model = durable(unseen(rows, row.group))
            rule = lesson.extract(row.scene.turn.text, model)
            if rule is None or scored[id(row)] < FOUND_AT:
                return False
            chance = scored[id(row)] * model.confidence(rule.features)
            return is_durable(row.scene, rule, kind(training.cached_features(row)), chance, at)

        show(f"found and durable from {at}", real, said, lambda row: row.durable)


def speed(rows):
    real = [row.scene for row in rows if row.group not in {"own", "codechat"}]
    began = time.process_time()
    for scene in real:
        features(scene)
    print(f"\n{(time.process_time() - began) / len(real) * 1e6:.0f} µs of processor time a turn (features)")


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("dev", type=Path)
    args.add_argument("--labelled", type=Path, required=True)
    opts = args.parse_args()
    rows = corpus.own() + corpus.dev(opts.dev) + corpus.labelled(opts.labelled)
    durable = Durable(rows)
    real, scored = detection(rows, durable)
    operating(real, scored)
    baselines(rows, durable)
    kinds_and_durable(rows, real, scored, durable)
    speed(rows)


if __name__ == "__main__":
    main()
