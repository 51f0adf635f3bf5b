#!/usr/bin/env bash
# rulesync 17.0.0 (npm) and Claude Code 2.1.332 (npm): `paths: "src/**, docs/**"`, two globs in one text.
# Guess: the importer reads what the client reads, or leaves that one file out and says so with its exit code.
# Seen: the client reads the text as two globs. `rulesync import` cannot, and with that one file it imports no rule at all:
# neither the other rules nor CLAUDE.md. It ends with "No rule files found" and exit code 0; as a list, all three come.
source "$(dirname "$0")/lib/client.sh"
npm install --silent --no-fund --no-audit --prefix "$tmp" rulesync@17.0.0 >&2
with_client <<'PY'
import os
import subprocess

from client import call, claude, project, tmp, write


def imported():
    """Import the rules of the project; return the exit code and the files that came."""
    command = [tmp / "node_modules/.bin/rulesync", "import", "--targets", "claudecode", "--features", "rules"]
    env = {"HOME": str(tmp / "home"), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=project, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, sorted(path.name for path in (project / ".rulesync/rules").glob("*")), done.stdout + done.stderr


write("CLAUDE.md", "Overview.\n")
write(".claude/rules/plain.md", "RULE PLAIN.\n")
write(".claude/rules/two.md", '---\npaths: "src/**, docs/**"\n---\nRULE TWO.\n')
write("docs/a.txt", "text\n")
_, before = claude("go")
_, after = claude("go", call("Read", file_path=str(project / "docs/a.txt")))
assert "RULE PLAIN." in before and "RULE TWO." not in before and "RULE TWO." in after, after
code, files, output = imported()
assert (code, files) == (0, []) and "No rule files found" in output, (code, files, output)
write(".claude/rules/two.md", '---\npaths: ["src/**", "docs/**"]\n---\nRULE TWO.\n')
code_of_list, files_of_list, output = imported()
assert code_of_list == 0 and len(files_of_list) == 3, (code_of_list, files_of_list, output)
print(f"OK rulesync 17.0.0: a text of two globs: exit {code}, imported {files}; the same as a list: imported {files_of_list}")
PY
