#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): an HTML comment on lines of its own, as a note to the next author, in four kinds of files.
# Guess: Markdown source goes to the model as it is, so the comment is read (and paid for) everywhere, or nowhere.
# Seen: cut out of CLAUDE.md and .claude/rules, but not inside a line there; in AGENTS.md it is cut out too; in a SKILL.md the
# model reads it. So a mark put into a comment is private in a rule and an instruction in a skill.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import call, claude, write


def text(name):
    """Return a document with a comment in a line and one on its own line."""
    return f"START-{name} <!-- in-line-{name} -->\n\n<!-- own-line-{name} -->\n\nEND-{name}\n"


write(".claude/rules/a.md", text("rule"))
write("AGENTS.md", text("agents"))
write(".claude/skills/note/SKILL.md", f"---\ndescription: Note\n---\n{text('skill')}")
_, sent = claude("go", call("Skill", skill="note"))
write("CLAUDE.md", text("claude"))
sent += claude("go")[1]
shown = {name: (f"in-line-{name}" in sent, f"own-line-{name}" in sent) for name in ("rule", "agents", "claude", "skill")}
assert all(f"START-{name}" in sent and f"END-{name}" in sent for name in shown), sent
assert shown == {"rule": (True, False), "agents": (True, False), "claude": (True, False), "skill": (True, True)}, shown
print("OK claude-code 2.1.332: model sees (comment in a line, comment on its own line):", shown)
PY
