#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): a repository with AGENTS.md, and one file of instructions beside it.
# Guess: AGENTS.md is not read at all; or it is the fallback for "no CLAUDE.md", so only CLAUDE.md hides it.
# Seen: it is read. A CLAUDE.md that holds only an HTML comment leaves it, and so do ~/.claude/CLAUDE.md and a rules file;
# but one person's git-ignored CLAUDE.local.md, or .claude/CLAUDE.md, makes the whole team's AGENTS.md disappear.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import claude, project, tmp, write

write("AGENTS.md", "TEAM RULES.\n")
others = {
    "nothing": None,
    "CLAUDE.md with a comment only": project / "CLAUDE.md",
    ".claude/rules/a.md": project / ".claude/rules/a.md",
    "~/.claude/CLAUDE.md": tmp / "home/.claude/CLAUDE.md",
    ".claude/CLAUDE.md": project / ".claude/CLAUDE.md",
    "CLAUDE.local.md": project / "CLAUDE.local.md",
}
read = {}
for name, path in others.items():
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<!-- to do -->\n" if "comment" in name else "MINE.\n")
    _, sent = claude("go")
    read[name] = "TEAM RULES." in sent
    assert path is None or "comment" in name or "MINE." in sent, name
    if path:
        path.unlink()
assert [name for name, seen in read.items() if not seen] == [".claude/CLAUDE.md", "CLAUDE.local.md"], read
print("OK claude-code 2.1.332: AGENTS.md read:", read)
PY
