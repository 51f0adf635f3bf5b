#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): a SKILL.md that shows, in a code fence, how to write a skill with `!`command``.
# Guess: a code fence is quoted text; and if a command may not run, the rest of the skill still loads.
# Seen: inside a fence too the command is run while the skill loads and its output stands in its place; backticks around
# do protect it. If one command needs a permission, nothing of the skill reaches the model, only the error.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import call, claude, project, write

skill = "---\ndescription: Write skills\n---\nFIRST RULE.\n```\nDate: !`{0}`\n```\nQuoted: `!`{0}``\nLAST RULE.\n"
write(".claude/skills/may/SKILL.md", skill.format("echo ran-$((40 + 2))"))
write(".claude/skills/maynot/SKILL.md", skill.format("touch made"))
_, may = claude("go", call("Skill", skill="may"))
_, maynot = claude("go", call("Skill", skill="maynot"))
assert "FIRST RULE.\n```\nDate: ran-42\n```\nQuoted: `!`echo ran-$((40 + 2))``\nLAST RULE." in may, may
assert "permission check failed" in maynot and "RULE." not in maynot, maynot
assert not (project / "made").exists()
print("OK claude-code 2.1.332: in a fence !`echo` became its output; with !`touch` in a fence the whole skill was refused")
PY
