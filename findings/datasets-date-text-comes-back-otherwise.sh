#!/usr/bin/env bash
# datasets 5.2.0 with pyarrow 26.0.1 (PyPI): JSON lines with a text such as "2026-11-27", read with load_dataset("json").
# Guess: JSON has no dates, so a text in quotation marks stays that text, and `to_json` writes what was read.
# Seen: a field whose texts all look like dates in the first file becomes a timestamp: `row["day"] == "2026-11-27"` finds no
# row, to_json writes 1795737600000, and a later file with "soon" is an error. With the files the other way round there is none:
# the field is text, and the date has become "2026-11-27 00:00:00". With a fraction, "…:00.5Z", it is left as it was.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check datasets==5.2.0 pyarrow==26.0.1 >&2
cd "$tmp"
HOME="$tmp" HF_HUB_OFFLINE=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1 nice venv/bin/python - 2>/dev/null <<'PY'
import json
import pathlib

import datasets
from datasets.exceptions import DatasetGenerationError

texts = {"day": "2026-11-27", "minute": "2026-11-27 10:00", "fraction": "2026-11-27T10:00:00.5Z", "word": "soon"}
for name, text in texts.items():
    pathlib.Path(f"{name}.jsonl").write_text(json.dumps({"day": text}) + "\n")


def read(*names):
    """Return the rows of these files, in this order."""
    files = [f"{name}.jsonl" for name in names]
    return datasets.load_dataset("json", data_files=files, split="train", cache_dir=f"cache-{'-'.join(names)}")


written = {}
for name in texts:
    read(name).to_json("out.jsonl")
    written[name] = json.loads(pathlib.Path("out.jsonl").read_text())["day"]
assert written == texts | {"day": 1795737600000, "minute": 1795773600000}, written
assert read("day").filter(lambda row: row["day"] == texts["day"]).num_rows == 0
assert read("word", "day")["day"][:] == ["soon", "2026-11-27 00:00:00"], read("word", "day")["day"][:]
try:
    read("day", "word")
except DatasetGenerationError as error:
    assert "'soon' as a scalar of type timestamp[s]" in str(error.__cause__), error.__cause__
else:
    raise AssertionError("the files in this order are no error any more")
print("OK datasets 5.2.0: written back:", written, "- after a file with 'soon':", read("word", "day")["day"][1])
PY
