#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): `claude -p` whose UserPromptSubmit hook refuses the prompt with exit code 2.
# Guess: nothing is sent, the run fails with a non-zero exit code, and the refused words are gone.
# Seen: nothing is sent, but the exit code is 0 and the refusal is the answer on stdout. The words stay in the transcript
# twice, in a queue-operation and in a `system` record, and in no `user` record: who counts prompts there misses it.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import json

from client import claude, requests, tmp, write

hook = {"type": "command", "command": "if grep -q zebra; then echo not here >&2; exit 2; fi"}
write(".claude/settings.json", json.dumps({"hooks": {"UserPromptSubmit": [{"hooks": [hook]}]}}))
done, _ = claude("paint a zebra")
(transcript,) = (tmp / "home/.claude/projects").rglob("*.jsonl")
records = [json.loads(line) for line in transcript.read_text().splitlines()]
where = [record["type"] for record in records if "paint a zebra" in json.dumps(record)]
assert done.returncode == 0 and not requests, (done, requests)
assert done.stdout.endswith("Original prompt: paint a zebra\n"), done.stdout
assert where == ["queue-operation", "system"], where
print(f"OK claude-code 2.1.332: requests sent: 0, exit code: 0, the words are in {where}")
PY
