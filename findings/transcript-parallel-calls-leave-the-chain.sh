#!/usr/bin/env bash
# Claude Code 2.1.332 (npm), claude-code-log 1.7.0 (PyPI): a reply with three tool calls at once, the first one slow.
# Guess: walking back from the last record by `parentUuid` gives the whole conversation; what is off that chain was rewound.
# Seen: each call hangs below the call before it, each result below its own call, and the next reply below the result that
# came in last: the chain holds that one result. So the fast calls look like abandoned branches, though the model got all
# three results, and claude-code-log's export has the result of the first call only, and of the third not even the call.
source "$(dirname "$0")/lib/client.sh"
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check claude-code-log==1.7.0 >&2
with_client <<'PY'
import json
import os
import subprocess

from client import call, claude, project, tmp, write

names = ("one", "two", "three")
for name in names:
    write(f"{name}.txt", f"RESULT {name}\n")
(tmp / "home/.claude").mkdir(parents=True)
(tmp / "home/.claude/settings.json").write_text('{"permissions": {"allow": ["Bash(sleep *)"]}}')
slow = call("Bash", command="sleep 2; cat one.txt", description="Wait and show")
fast = [block for name in names[1:] for block in call("Read", file_path=str(project / f"{name}.txt"))]
_, sent = claude("go", slow + fast)
(transcript,) = (tmp / "home/.claude/projects").rglob("*.jsonl")
records = [json.loads(line) for line in transcript.read_text().splitlines()]
by_uuid = {record["uuid"]: record for record in records if "uuid" in record}
record = next(record for record in reversed(records) if record["type"] == "assistant")
chain = ""
while record:
    chain += json.dumps(record.get("message", ""))
    record = by_uuid.get(record["parentUuid"])
got, chained = ([name for name in names if f"RESULT {name}" in text] for text in (sent, chain))
assert got == [*names] and chained == ["one"], (got, chained)
assert "two.txt" not in chain and "three.txt" not in chain, chain
export = tmp / "export.md"
command = [tmp / "venv/bin/claude-code-log", transcript.parent, "-o", export, "--format", "md"]
subprocess.run(command, check=True, capture_output=True, env={"HOME": str(tmp / "home"), "PATH": os.environ["PATH"]})
exported = [name for name in names if f"RESULT {name}" in export.read_text()]
assert exported == ["one"] and "three.txt" not in export.read_text(), export.read_text()
print(f"OK claude-code 2.1.332, claude-code-log 1.7.0: results sent {got}, on the chain {chained}, exported {exported}")
PY
