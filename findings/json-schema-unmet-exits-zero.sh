#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): `claude -p … --output-format json --json-schema SCHEMA`, and a model that answers in words.
# Guess: a run that ends without an answer of that schema is an error, as after five bad answers.
# Seen: the model is reminded once; if it talks on, the run is `subtype: success`, is_error false, exit code 0, `structured_output`
# missing, even if its words are the JSON asked for, and also after a refused try. Only five refused tries are an error.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import json
import subprocess

import client

SCHEMA = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
options, run = ["--output-format", "json", "--json-schema", json.dumps(SCHEMA)], subprocess.run
client.subprocess.run = lambda command, **kwargs: run(command + options, **kwargs)


def ended(*replies):
    """Return the exit code, the kind of end, if it is an error, and the answer."""
    done, _ = client.claude("go", *replies)
    result = json.loads(done.stdout)
    return done.returncode, result["subtype"], result["is_error"], result.get("structured_output")


words = [{"type": "text", "text": '{"count": 1}'}]
bad, good = client.call("StructuredOutput", count="many"), client.call("StructuredOutput", count=1)
assert ended(good) == ended(words, good) == (0, "success", False, {"count": 1})
assert ended(words, words) == ended(bad, words, words) == (0, "success", False, None)
assert ended(*[bad] * 5) == (1, "error_max_structured_output_retries", True, None)
print("OK claude-code 2.1.332: no answer of the schema: exit code 0, success; five bad ones: exit code 1")
PY
