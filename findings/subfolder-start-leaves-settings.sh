#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): `claude` started in a folder of a git repository whose root has a .claude folder.
# Guess: the root is the project and all of it is in force; or the folder is, and nothing is but CLAUDE.md.
# Seen: it is halved. CLAUDE.md, rules, skills, commands and agents of the root come along; its .claude/settings.json does
# not: no hook, `env` or output style of the team is in force, and nothing says so. The transcript goes to the subfolder's
# place under ~/.claude/projects, the auto memory to the root's.
source "$(dirname "$0")/lib/client.sh"
git init --quiet "$tmp/project"
with_client <<'PY'
import json
import shutil

import client
from client import claude, project, requests, tmp, write

write("CLAUDE.md", "IN-CLAUDE.\n")
write(".claude/rules/a.md", "IN-RULES.\n")
write(".claude/skills/a/SKILL.md", "---\ndescription: IN-SKILLS.\n---\nBody.\n")
write(".claude/commands/b.md", "---\ndescription: IN-COMMANDS.\n---\nBody.\n")
write(".claude/agents/c.md", "---\nname: c\ndescription: IN-AGENTS.\n---\nBody.\n")
write(".claude/output-styles/d.md", "---\nname: d\n---\nIN-STYLE.\n")
hook = {"type": "command", "command": "echo IN-HOOK. $TEAM"}
settings = {"outputStyle": "d", "env": {"TEAM": "IN-ENV."}, "hooks": {"UserPromptSubmit": [{"hooks": [hook]}]}}
write(".claude/settings.json", json.dumps(settings))
write("pkg/a.txt", "text\n")
marks = ["CLAUDE", "RULES", "SKILLS", "COMMANDS", "AGENTS", "STYLE", "HOOK", "ENV"]


def started(folder):
    """Start in a folder; return what is in force there, and the places of the transcript and of the memory."""
    shutil.rmtree(tmp / "home/.claude", ignore_errors=True)
    client.project = folder
    done, _ = claude("go")
    assert not done.stderr.strip(), done.stderr
    (transcript,) = (tmp / "home/.claude/projects").rglob("*.jsonl")
    (memory,) = (tmp / "home/.claude/projects").rglob("memory")
    last = json.dumps([requests[-1]["system"], requests[-1]["messages"]])
    return [mark for mark in marks if f"IN-{mark}." in last], transcript.parent.name, memory.parent.name


root, pkg = started(project), started(project / "pkg")
assert root[0] == marks and pkg[0] == marks[:5], (root, pkg)
assert root[1] == root[2] == pkg[2] and pkg[1] == root[1] + "-pkg", (root, pkg)
print("OK claude-code 2.1.332: in force from the root:", root[0], "- from pkg/:", pkg[0], "- memory: the root's, transcript: pkg's")
PY
