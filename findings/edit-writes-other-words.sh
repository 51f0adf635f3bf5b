#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): what a call of its Edit tool says, and what the file holds afterwards.
# Guess: `old_string` is replaced by `new_string` as they stand, so a transcript's calls can be replayed, or looked for.
# Seen: blanks at the ends of lines are dropped, but not in a .md; an empty `new_string` takes the line break with it; straight
# quotes find curly ones, and then the new text gets curly ones too. `toolUseResult` in the transcript has the first change,
# not the other two: its newString says TWO "z" where the file has curly marks. Only its structuredPatch is the file.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import json

from client import call, claude, project, tmp, write

(tmp / "home/.claude").mkdir(parents=True)
(tmp / "home/.claude/settings.json").write_text('{"permissions": {"allow": ["Edit(*)"]}}')


def edited(name, before, old, new):
    """Let the model edit a file; return the file, and newString and the added lines of the transcript's toolUseResult."""
    write(name, before)
    path = str(project / name)
    claude("go", call("Read", file_path=path), call("Edit", file_path=path, old_string=old, new_string=new))
    logs = [log.read_text() for log in (tmp / "home/.claude/projects").rglob("*.jsonl") if name in log.read_text()]
    records = [json.loads(line) for log in logs for line in log.splitlines()]
    (result,) = (r["toolUseResult"] for r in records if "newString" in (r.get("toolUseResult") or ()))
    added = [line for hunk in result["structuredPatch"] for line in hunk["lines"] if line[0] == "+"]
    return (project / name).read_text(), result["newString"], added


blanks = edited("blanks.py", "a = 1\n", "a = 1", "a = 1  \nb = 2\t")
kept = edited("blanks.md", "a = 1\n", "a = 1", "a = 1  \nb = 2\t")
empty = edited("empty.md", "one\ntwo\nthree\n", "two", "")
curly = edited("curly.md", "say \u201cq\u201d\n", 'say "q"', 'TWO "z"')
assert blanks == ("a = 1\nb = 2\n", "a = 1\nb = 2", ["+b = 2"]), blanks
assert kept == ("a = 1  \nb = 2\t\n", "a = 1  \nb = 2\t", ["+a = 1  ", "+b = 2\t"]), kept
assert empty == ("one\nthree\n", "", []), empty
assert curly == ("TWO \u201cz\u201d\n", 'TWO "z"', ["+TWO \u201cz\u201d"]), curly
print("OK claude-code 2.1.332: (file, newString, added lines):", blanks, empty, curly)
PY
