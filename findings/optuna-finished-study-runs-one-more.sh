#!/usr/bin/env bash
# optuna 5.0.0 (PyPI): a stored study with MaxTrialsCallback(5), the script for it started again when the five are done.
# Guess: the callback is the limit of the study, so that a script that is started again (cron, a retry) has nothing to do.
# Seen: callbacks are asked after a trial, not before one. Each start of a finished study runs (and pays for) one more trial, and
# the sixth may become the best, so a comparison at equal budgets is none.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check optuna==5.0.0 >&2
nice "$tmp/venv/bin/python" - "sqlite:///$tmp/study.db" <<'PY'
import sys

import optuna
from optuna.study import MaxTrialsCallback

optuna.logging.set_verbosity(optuna.logging.WARNING)


def start():
    """Start the script once more; return how many trials the study has now, and the best value."""
    study = optuna.create_study(study_name="s", storage=sys.argv[1], load_if_exists=True, direction="maximize")
    study.optimize(lambda trial: float(trial.number), callbacks=[MaxTrialsCallback(5)])
    return len(study.trials), study.best_value


starts = [start() for _ in range(3)]
assert starts == [(5, 4.0), (6, 5.0), (7, 6.0)], starts
print("OK optuna 5.0.0: MaxTrialsCallback(5), (trials, best value) after each start:", starts)
PY
