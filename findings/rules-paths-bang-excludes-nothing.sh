#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): globs in the `paths:` frontmatter of .claude/rules/*.md.
# Guess: plain globs (`src/*` is one level, case counts), or else .gitignore patterns, where a later `!…` takes files out.
# Seen: .gitignore patterns without the `!`. `src/*` takes in src/gen/a.py, `gen` any folder of that name, `SRC/**` too;
# but a rule for ["**/*.py", "!src/gen/**"] comes in when src/gen/a.py is read, and `./src/**` never does.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import call, claude, project, write

rules = {
    "WHOLE": '["**/*.py"]',
    "BANG": '["**/*.py", "!src/gen/**"]',
    "ONE_LEVEL": '"src/*"',
    "ONE_LEVEL_PY": '"src/*.py"',
    "FOLDER": "gen",
    "CAPITALS": '"SRC/**"',
    "DOT_SLASH": '"./src/**"',
}
for name, paths in rules.items():
    write(f".claude/rules/{name}.md", f"---\npaths: {paths}\n---\nRULE {name}.\n")
write("src/gen/a.py", "x = 1\n")
_, before = claude("go")
_, after = claude("go", call("Read", file_path=str(project / "src/gen/a.py")))
loaded = {name for name in rules if f"RULE {name}." in after}
assert "RULE" not in before, before
assert loaded == {"WHOLE", "BANG", "ONE_LEVEL", "FOLDER", "CAPITALS"}, loaded
print("OK claude-code 2.1.332: src/gen/a.py brought in", ", ".join(f"{name} {rules[name]}" for name in rules if name in loaded))
PY
