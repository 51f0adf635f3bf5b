#!/usr/bin/env bash
# transformers 5.24.0 with tokenizers 0.23.3 (PyPI): a tokenizer called once with `truncation=True, max_length=4`, then saved.
# Guess: the arguments of a call are for that call; tokenizer.json holds the tokenizer.
# Seen: they are saved with it. transformers, which sets them anew at each call, reads the file as before; whoever reads the
# same tokenizer.json with tokenizers gets every text cut to 4 tokens, in silence, and after a padded call filled up to 8.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check transformers==5.24.0 tokenizers==0.23.3 >&2
HF_HUB_OFFLINE=1 nice "$tmp/venv/bin/python" - "$tmp" 2>/dev/null <<'PY'
import sys
import warnings

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

text = "one two three four five six"
plain = Tokenizer(models.WordLevel({"[PAD]": 0, **{word: i for i, word in enumerate(text.split(), 1)}}))
plain.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="[PAD]")
calls = {
    "no call": None,
    "truncated": {"truncation": True, "max_length": 4},
    "padded": {"padding": "max_length", "max_length": 8},
    "without": {},
}
tokens = {}
warnings.simplefilter("error")
for name, arguments in calls.items():
    if arguments is not None:
        tokenizer(text, **arguments)
    tokenizer.save_pretrained(f"{sys.argv[1]}/{name}")
    raw = Tokenizer.from_file(f"{sys.argv[1]}/{name}/tokenizer.json").encode(text).tokens
    again = PreTrainedTokenizerFast.from_pretrained(f"{sys.argv[1]}/{name}")(text)["input_ids"]
    tokens[name] = len(again), len(raw)
assert tokens == {"no call": (6, 6), "truncated": (6, 4), "padded": (6, 8), "without": (6, 6)}, tokens
print("OK transformers 5.24.0: tokens of six words by (transformers, tokenizers), after the last call:", tokens)
PY
