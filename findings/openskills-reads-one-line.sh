#!/usr/bin/env bash
# openskills 1.5.0, skills-ref 0.1.5 (npm), python-frontmatter 1.3.0 (PyPI): a description longer than a line, as `>-` or as a
# YAML library writes it; `openskills sync` puts the descriptions into AGENTS.md, by which a model chooses skills.
# Guess: frontmatter is read as YAML, so the way in which it is written makes no difference.
# Seen: each field is the rest of its line. `>-` and `|` are offered as ">-" and "|"; what python-frontmatter saves is cut
# at column 80, so one load and dump of a good file loses the "when"; quoted text keeps its marks and backslashes.
# The file is a "Valid skill", and openskills prints no warning.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check python-frontmatter==1.3.0 >&2
npm install --silent --no-fund --no-audit --prefix "$tmp" openskills@1.5.0 skills-ref@0.1.5 >&2
mkdir -p "$tmp/home" "$tmp/project" && cd "$tmp/project" && touch AGENTS.md
nice "$tmp/venv/bin/python" - "$tmp" <<'PY'
import os
import pathlib
import re
import subprocess
import sys

import frontmatter

tools = pathlib.Path(sys.argv[1], "node_modules/.bin")
text = "Write letters to members in the house style, with their names, when somebody asks for a reply by post"
heads = {
    "plain": f"description: {text}",
    "folded": f"description: >-\n  {text}",
    "literal": f"description: |\n  {text}",
    "quoted": 'description: "Write \\"letters\\" when asked"',
}
files = {name: f"---\nname: {name}\n{head}\n---\nBody.\n" for name, head in heads.items()}
files["saved"] = frontmatter.dumps(frontmatter.loads(files["plain"].replace("name: plain", "name: saved")))
assert frontmatter.loads(files["saved"])["description"] == text
for name, file in files.items():
    folder = pathlib.Path(".claude/skills", name)
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(file)
    subprocess.run([tools / "skills-ref", "validate", folder], check=True, capture_output=True)
env = {"HOME": sys.argv[1] + "/home", "PATH": os.environ["PATH"], "NO_COLOR": "1"}
done = subprocess.run([tools / "openskills", "sync", "-y"], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
table = pathlib.Path("AGENTS.md").read_text()
offered = dict(re.findall(r"<name>(.*)</name>\n<description>(.*)</description>", table))
assert done.returncode == 0 and "Added skills section to AGENTS.md (5 skill(s))" in done.stdout + done.stderr, done
assert offered.pop("plain") == text and text.startswith(offered["saved"]) and len(offered["saved"]) < 80, offered
assert (offered["folded"], offered["literal"], offered["quoted"]) == (">-", "|", heads["quoted"].removeprefix("description: ")), offered
print("OK openskills 1.5.0: offered in AGENTS.md:", offered)
PY
