#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): `claude -p` and a last reply of two text blocks, as a reply with citations has them.
# Guess: what is printed, and `result` of the JSON, is the text of the last reply.
# Seen: it is its last text block: "First half." is printed nowhere, is in no field of `--output-format json`, and nothing
# says so; only stream-json (as a message of its own) and the transcript have it.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import json

import client

run, options = client.subprocess.run, []
client.subprocess.run = lambda command, **kwargs: run(command + options, **kwargs)
halves = [{"type": "text", "text": "First half."}, {"type": "text", "text": "Second half."}]


def said(*arguments):
    """Return what the client prints with these options."""
    options[:] = arguments
    done, _ = client.claude("go", halves)
    assert done.returncode == 0 and not done.stderr.strip(), done
    return done.stdout


printed, answer, stream = said(), said("--output-format", "json"), said("--output-format", "stream-json", "--verbose")
assert printed == "Second half.\n" and json.loads(answer)["result"] == "Second half.", (printed, answer)
assert "First half." not in answer, answer
events = [json.loads(line) for line in stream.splitlines()]
messages = [event["message"]["content"] for event in events if event["type"] == "assistant"]
assert messages == [[half] for half in halves] and events[-1]["result"] == "Second half.", events
logs = [log.read_text() for log in (client.tmp / "home/.claude/projects").rglob("*.jsonl")]
assert all("First half." in log for log in logs) and len(logs) == 3
print("OK claude-code 2.1.332: of a reply of two text blocks printed:", printed.strip(), "- messages of stream-json:", len(messages))
PY
