#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): a SKILL.md with `paths: "src/**"` in its frontmatter.
# Guess: `paths` is a hint when to use it: the skill is listed or at least can be called by name at any time.
# Seen: until a matching file was read it does not exist: not listed, calling it is "Unknown skill", and `/sql` of the
# person goes to the model as plain text. One Read of src/a.sql, and it is listed and loads.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import call, claude, project, write

write(".claude/skills/sql/SKILL.md", '---\ndescription: Write SQL\npaths: "src/**"\n---\nBODY OF SQL.\n')
write("src/a.sql", "select 1;\n")
_, early = claude("go", call("Skill", skill="sql"))
_, typed = claude("/sql")
_, late = claude("go", call("Read", file_path=str(project / "src/a.sql")), call("Skill", skill="sql"))
assert "Unknown skill: sql" in early and "- sql: Write SQL" not in early and "BODY OF SQL." not in early, early
assert "\n/sql\n" in typed and "BODY OF SQL." not in typed, typed
assert "- sql: Write SQL" in late and "BODY OF SQL." in late, late
print("OK claude-code 2.1.332: before a match 'Unknown skill: sql', /sql sent as text; after Read of src/a.sql listed and loaded")
PY
