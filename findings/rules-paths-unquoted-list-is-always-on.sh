#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): `paths: **/*.py` without quotes, which is no valid YAML (`*` starts an alias).
# Guess: either both spellings below are refused, or both are read as the glob that was meant.
# Seen: on one line it is mended, and the rule waits for a .py file. As a list item (`- **/*.py`) the frontmatter is given
# up in silence: the rule stands in every session, also one that never touches Python, and its --- lines are not shown.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import call, claude, project, write

write(".claude/rules/line.md", "---\npaths: **/*.py\n---\nRULE LINE.\n")
write(".claude/rules/list.md", "---\npaths:\n  - **/*.py\n---\nRULE LIST.\n")
write(".claude/rules/quoted.md", '---\npaths:\n  - "**/*.py"\n---\nRULE QUOTED.\n')
write("a.py", "x = 1\n")
_, before = claude("go")
_, after = claude("go", call("Read", file_path=str(project / "a.py")))
assert [n for n in ("LINE", "LIST", "QUOTED") if f"RULE {n}." in before] == ["LIST"], before
assert [n for n in ("LINE", "LIST", "QUOTED") if f"RULE {n}." in after] == ["LINE", "LIST", "QUOTED"], after
assert "paths:" not in before.split("RULE LIST.")[0], before
print("OK claude-code 2.1.332: unquoted list item: always loaded; unquoted on one line, or quoted: loaded with a .py file")
PY
