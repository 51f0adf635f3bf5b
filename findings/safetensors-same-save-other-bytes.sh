#!/usr/bin/env bash
# safetensors 0.8.0 with numpy 2.4.6 (PyPI): the same tensors and the same metadata, saved again.
# Guess: a format made of a JSON header and raw bytes gives equal bytes for equal input, so a file's sha256 names its content.
# Seen: with two or more metadata entries their order in the header is drawn anew at every save, and with it the hash; with
# one entry, or none, the bytes are equal. The order in which `load` returns the tensors is drawn in the same way.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6 >&2
nice "$tmp/venv/bin/python" - <<'PY'
import hashlib

import numpy as np
from safetensors.numpy import load, save

tensors = {name: np.arange(3, dtype="float32") for name in "abcdef"}
metadata = {"step": "1", "seed": "2", "loss": "3", "run": "4"}


def hashes(entries):
    """Return the distinct hashes of 40 saves with so many metadata entries."""
    chosen = dict(list(metadata.items())[:entries])
    return {hashlib.sha256(save(tensors, chosen)).hexdigest() for _ in range(40)}


counts = {entries: len(hashes(entries)) for entries in (0, 1, 2, 4)}
assert counts[0] == counts[1] == 1 and counts[2] == 2 and counts[4] > 2, counts
orders = {tuple(load(save(tensors))) for _ in range(40)}
assert len(orders) > 1, orders
print(f"OK safetensors 0.8.0: distinct files of 40 saves, by metadata entries: {counts}; orders of 40 loads: {len(orders)}")
PY
