#!/usr/bin/env bash
# Claude Code 2.1.332, skills-ref 0.1.5 (npm), skills-ref 0.1.1, python-frontmatter 1.3.0 (PyPI): `---` within a line of
# a SKILL.md's frontmatter, as in "Make a report --- for minutes" or a comment "# --- looks ---".
# Guess: the frontmatter ends at a line that is `---`, as python-frontmatter has it; what is quoted or a comment is safe.
# Seen: the client ends it at the first three hyphens anywhere, quoted too: the description loses its second half, the fields
# below such a comment are not in force and stand in the body with the real `---`; a rule loses its `paths:` and is in every
# session. Both skills-ref cut too, and say "Valid skill".
source "$(dirname "$0")/lib/client.sh"
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check skills-ref==0.1.1 python-frontmatter==1.3.0 >&2
npm install --silent --no-fund --no-audit --prefix "$tmp" skills-ref@0.1.5 >&2
with_client <<'PY'
import re
import subprocess

from client import claude, project, tmp, write

heads = {
    "two": "description: Make a report -- for minutes\ncolour: red\n",
    "three": "description: Make a report --- for minutes\ncolour: red\n",
    "quoted": 'description: "Make a report" # or "---"\ncolour: red\n',
    "comment": "description: Make a report\n# --- looks ---\ndisable-model-invocation: true\ncolour: red\n",
}
for name, head in heads.items():
    write(f".claude/skills/{name}/SKILL.md", f"---\nname: {name}\n{head}---\nBody.\n")
for name, comment in {"CUT": "# --- files ---", "WHOLE": "# files"}.items():
    write(f".claude/rules/{name}.md", f'---\n{comment}\npaths: "**/*.py"\n---\nRULE {name}.\n')
LOAD = "import frontmatter, sys; print('colour' in frontmatter.load(sys.argv[1]))"


def run(*command):
    """Return what a reader says of a skill, its exit code first."""
    done = subprocess.run([tmp / command[0], *command[1:]], capture_output=True, text=True)
    return done.returncode, done.stdout


_, sent = claude("go")
offered = dict(re.findall(r"^- (two|three|quoted|comment): (.*)", sent, re.M))
valid, keys = {}, {}
for name in heads:
    folder = project / ".claude/skills" / name
    valid[name] = [run(tool, "validate", folder)[0] == 0 for tool in ("venv/bin/agentskills", "node_modules/.bin/skills-ref")]
    keys[name] = run("venv/bin/python", "-c", LOAD, folder / "SKILL.md")
_, typed = claude("/comment")
assert "RULE CUT." in sent and "RULE WHOLE." not in sent, sent
assert offered == {**dict.fromkeys(heads, "Make a report"), "two": "Make a report -- for minutes"}, offered
assert "looks ---\ndisable-model-invocation: true\ncolour: red\n---\nBody." in typed, typed
assert valid == {**dict.fromkeys(heads, [True, True]), "two": [False, False]}, valid
assert set(keys.values()) == {(0, "True\n")}, keys
print("OK claude-code 2.1.332: offered", offered, "- skills-ref refuses the unknown field (PyPI, npm):", valid)
PY
