#!/usr/bin/env bash
# optuna 5.0.0 (PyPI): a study in SQLite, run in three sittings of three trials, each with TPESampler(seed=1).
# Guess: the seed makes the study reproducible, and a resumed study goes on where the random numbers stopped.
# Seen: the study is stored, the sampler is not. Each sitting draws the same three points again, so nine trials (each
# paid for) are three; `load_if_exists` with another direction is accepted as well, and the direction is ignored in silence.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check optuna==5.0.0 >&2
nice "$tmp/venv/bin/python" - "sqlite:///$tmp/study.db" <<'PY'
import sys
import warnings

import optuna

optuna.logging.set_verbosity(optuna.logging.WARNING)


def resume(**options):
    """Open the study, or create it, as the examples do."""
    return optuna.create_study(study_name="s", storage=sys.argv[1], load_if_exists=True, **options)


for _ in range(3):
    resume(sampler=optuna.samplers.TPESampler(seed=1)).optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
points = [round(trial.params["x"], 4) for trial in resume().trials]
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    turned = resume(direction="maximize")
assert points == points[:3] * 3 and len(set(points)) == 3, points
assert turned.direction.name == "MINIMIZE" and turned.best_value == min(t.value for t in turned.trials), turned.direction
assert not said, [str(warning.message) for warning in said]
print(f"OK optuna 5.0.0: points {points}; asked to maximize: {turned.direction.name}, best {turned.best_value:.4f}, warnings: 0")
PY
