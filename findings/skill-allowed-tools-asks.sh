#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): a project's skill that the model calls in `claude -p`, with `allowed-tools: Read` in its frontmatter.
# Guess: `allowed-tools` spares questions; at worst it changes nothing, for Read needs no permission anyway.
# Seen: it adds the question. A plain skill, or one with `model:` or a field nobody knows, loads unasked; one with
# `allowed-tools`, with `hooks`, or with `disallowed-tools`, which only takes away, is refused until it is allowed itself
# (`Skill(name)`), and so never loads where nobody can answer. Typed as `/name` it loads.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import call, claude, write

HOOKS = "hooks:\n  Stop:\n    - hooks:\n        - type: command\n          command: 'true'\n"
fields = {
    "plain": "",
    "unknown": "colour: red\n",
    "model": "model: haiku\n",
    "metadata": "metadata:\n  author: me\n",
    "compatibility": "compatibility: Needs git\n",
    "hooks": HOOKS,
    "allowed-tools": "allowed-tools: Read\n",
    "disallowed-tools": "disallowed-tools: Bash\n",
}
for name, field in fields.items():
    write(f".claude/skills/{name}/SKILL.md", f"---\ndescription: About {name}\n{field}---\nBody of {name}.\n")
sent = {name: claude("go", call("Skill", skill=name))[1] for name in fields}
refused = [name for name, text in sent.items() if f"Body of {name}." not in text]
assert refused == ["hooks", "allowed-tools", "disallowed-tools"], refused
assert all(f"Execute skill: {name}" in sent[name] for name in refused), sent
assert all(f"Body of {name}." in claude(f"/{name}")[1] for name in refused)
print("OK claude-code 2.1.332: called by the model with -p,", refused, "did not load; plain, unknown, model and metadata did")
PY
