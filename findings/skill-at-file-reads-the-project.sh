#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): `@style.md` in the body of a SKILL.md, with a style.md beside it, as rules files allow.
# Guess: as in CLAUDE.md and rules, `@file` is relative to the file that says it: the skill's own style.md comes in.
# Seen: in a rules file, yes. In a skill `@style.md` is the *project's* file of that name, attached as if the Read tool had
# been called; a file that only the skill has (`@forms.md`) is passed over without a word.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import call, claude, write

for folder in (".claude/skills/letters", ".claude/rules"):
    write(f"{folder}/style.md", f"STYLE OF {folder}.\n")
write(".claude/skills/letters/forms.md", "FORMS OF THE SKILL.\n")
write(".claude/skills/letters/SKILL.md", "---\ndescription: Write letters\n---\nSee @style.md and @forms.md first.\n")
write(".claude/rules/sub/a.md", "See @../style.md first.\n")
write("style.md", "STYLE OF THE PROJECT.\n")
_, before = claude("go")
_, after = claude("go", call("Skill", skill="letters"))
assert "STYLE OF .claude/rules." in before and "STYLE OF THE PROJECT." not in before, before
assert "STYLE OF THE PROJECT." in after and "See @style.md and @forms.md first." in after, after
assert "STYLE OF .claude/skills" not in after and "FORMS OF THE SKILL." not in after, after
print("OK claude-code 2.1.332: @style.md in a skill attached the project's; the skill's own style.md and forms.md: not read")
PY
