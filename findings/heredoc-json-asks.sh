#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): a command that is allowed, and given its input in a quoted heredoc.
# Guess: `Bash(wc *)` lets it run whatever the body holds; or a heredoc always asks.
# Seen: TOML runs. JSON asks, as soon as a quotation mark follows a brace: "Contains brace with quote character".
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import json

from client import call, claude, write

write(".claude/settings.json", json.dumps({"permissions": {"allow": ["Bash(wc *)"]}}))
bodies = {"TOML": 'a = ["it\'s", "$b `c`"]', "an array": '["a", 1]', "an object": '{"a": 1}', "spaced": '{ a: "b" }'}
ran = {}
for name, body in bodies.items():
    _, sent = claude("go", call("Bash", command=f"wc -l <<'X'\n{body}\nX"))
    ran[name] = "Contains brace with quote character" not in sent
assert ran == {"TOML": True, "an array": True, "an object": False, "spaced": False}, ran
print("OK claude-code 2.1.332: ran without asking:", ran)
PY
