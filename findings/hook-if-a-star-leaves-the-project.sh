#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): `if` of a PreToolUse hook, with a file's bare name, and with a star before it.
# Guess: as in a .gitignore, `Read(NOTES.md)`, `Read(*NOTES.md)` and `Read(**/NOTES.md)` are the same: any NOTES.md that is read.
# Seen: the bare name means the project's files only, in any folder; a star at the front, also in `*/NOTES.md`, is not bound to
# the project: the same hook then starts for files anywhere on the machine. A leading `/` binds it to the project's root.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import json

from client import call, claude, project, tmp, write

patterns = ["NOTES.md", "/NOTES.md", "*NOTES.md", "*/NOTES.md", "**/NOTES.md"]
hooks = [
    {"type": "command", "if": f"Read({pattern})", "command": f"echo '{pattern}' >> \"$HOME/started\""} for pattern in patterns
]
write(".claude/settings.json", json.dumps({"hooks": {"PreToolUse": [{"matcher": "Read", "hooks": hooks}]}}))
write("NOTES.md", "root\n")
write("docs/deep/NOTES.md", "deep\n")
outside = tmp / "home" / "papers" / "NOTES.md"
outside.parent.mkdir()
outside.write_text("outside\n")


def started(path):
    log = tmp / "home" / "started"
    log.unlink(missing_ok=True)
    claude("go", call("Read", file_path=str(path)))
    return set(log.read_text().splitlines()) if log.exists() else set()


root, deep, away = (started(path) for path in (project / "NOTES.md", project / "docs/deep/NOTES.md", outside))
assert root == set(patterns), root
assert deep == set(patterns) - {"/NOTES.md"}, deep
assert away == {"*NOTES.md", "*/NOTES.md", "**/NOTES.md"}, away
print("OK claude-code 2.1.332: Read(NOTES.md) starts in the project only; with a star at the front outside of it, too")
PY
