#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): a SKILL.md whose code block holds awk's $1.
# Guess: code is code; only $ARGUMENTS is a placeholder, and $1 would be the first argument if it were one.
# Seen: called without arguments the block reaches the model as written. Called with arguments, `$0`, `$1`, `$2` are
# replaced inside code fences too, counted from 0: awk's first column becomes the second argument, and "$1.50" its price.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import call, claude, write

body = "Costs $1.50.\n```\nawk '{print $1}' table\n```\n"
write(".claude/skills/columns/SKILL.md", f"---\nname: columns\ndescription: Print a column\n---\n{body}")
_, bare = claude("go", call("Skill", skill="columns"))
_, given = claude("go", call("Skill", skill="columns", args="first second"))
assert body in bare, bare
assert "Costs second.50.\n```\nawk '{print second}' table\n```" in given, given
print("OK claude-code 2.1.332: no arguments: awk '{print $1}'; arguments 'first second': awk '{print second}', Costs second.50")
PY
