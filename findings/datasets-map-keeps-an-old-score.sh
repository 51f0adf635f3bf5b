#!/usr/bin/env bash
# datasets 5.2.0 (PyPI): `dataset.map(add_score)`, where add_score calls `score` of a module of one's own, run again after an edit.
# Guess: the cache key is made of the function and what it uses, so edited code is run anew, as the documentation has it.
# Seen: what stands in the script itself counts, also a helper that the function calls, and a number that it uses. What is
# imported from a module counts by its name: after an edit there the old scores come from the cache without a word.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check datasets==5.2.0 pyarrow==26.0.1 >&2
cd "$tmp"
echo '{"text": "abc"}' >rows.jsonl
cat >module.py <<'PY'
def score(text):
    return 1
PY
cat >run.py <<'PY'
import datasets
from module import score

WEIGHT = 1


def inside(text):
    return 1


def add_imported(row):
    return {"score": score(row["text"])}


def add_inside(row):
    return {"score": inside(row["text"]) * WEIGHT}


rows = datasets.load_dataset("json", data_files="rows.jsonl", split="train", cache_dir="cache")
print(*(rows.map(function)[0]["score"] for function in (add_imported, add_inside)))
PY
run() { HOME="$tmp" HF_HUB_OFFLINE=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1 PYTHONDONTWRITEBYTECODE=1 nice venv/bin/python run.py 2>>said; }
first=$(run)
sed -i 's/return 1/return 2/' module.py run.py
edited=$(run)
sed -i 's/WEIGHT = 1/WEIGHT = 3/' run.py
weighed=$(run)
rm -r cache
anew=$(run)
[[ "$first, $edited, $weighed, $anew" == "1 1, 1 2, 1 6, 2 6" ]]
[[ ! -s said ]]
echo "OK datasets 5.2.0: scores by an imported and by an own function: $first; both edited: $edited; without the cache: $anew"
