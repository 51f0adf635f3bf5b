#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): `claude -p --input-format stream-json --output-format stream-json`, five messages written at once.
# Guess: one turn and one `result` for each message, in their order, so that a program may wait for five results.
# Seen: two results. What waits when a turn ends is joined with line breaks into one turn, and into one `user` record of the
# transcript; only the queue-operation records still tell the messages apart. A slash command among them is a turn of its own.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import json
import subprocess

import client

run, options = subprocess.run, ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]


def ended(*texts):
    """Write the messages; return the number of results, and the prompts and the queued texts of the transcript."""
    lines = [json.dumps({"type": "user", "message": {"role": "user", "content": text}}) + "\n" for text in texts]
    client.subprocess.run = lambda command, stdin, **kwargs: run(
        command[:2] + options + command[3:], input="".join(lines), **kwargs
    )
    done, _ = client.claude("")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (transcript,) = (client.tmp / "home/.claude/projects").rglob(f"{events[-1]['session_id']}.jsonl")
    records = [json.loads(line) for line in transcript.read_text().splitlines()]
    prompts = [r["message"]["content"] for r in records if r["type"] == "user" and "promptSource" in r]
    queued = [r["content"] for r in records if r.get("operation") == "enqueue"]
    return [event["type"] for event in events].count("result"), prompts, queued


five, three = ended("a", "b", "c", "d", "e"), ended("a", "/cost", "b")
assert five == (2, ["a", "b\nc\nd\ne"], ["a", "b", "c", "d", "e"]), five
assert three[0] == 3 and three[2] == ["a", "/cost", "b"], three
print("OK claude-code 2.1.332: five messages:", five[0], "results, user records", five[1], "- queued", five[2])
PY
