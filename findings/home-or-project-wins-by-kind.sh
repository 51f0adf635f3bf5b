#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): ~/.claude and the project's .claude have a file of the same name, of each kind.
# Guess: one order for all: the project's is the more special one and wins, as with settings.json.
# Seen: of skills and commands the *person's* wins, and the team's of that name is not there for them; of agents, output styles
# and `env` the project's does; of rules, CLAUDE.md and hooks both are in force. So a team that mends a skill in the
# repository does not reach whoever has an older copy at home, while the agent beside it does.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import json
import re

from client import claude, project, requests, tmp

kinds = {
    "skills/s/SKILL.md": "---\ndescription: SKILL-{0}\n---\nTYPED-{0}\n",
    "commands/c.md": "---\ndescription: COMMAND-{0}\n---\nTYPED-{0}\n",
    "agents/a.md": "---\nname: a\ndescription: AGENT-{0}\n---\nBody.\n",
    "output-styles/d.md": "---\nname: d\n---\nSTYLE-{0}\n",
    "rules/r.md": "RULES-{0}\n",
    "CLAUDE.md": "CLAUDE-{0}\n",
}
for folder, who in ((tmp / "home/.claude", "HOME"), (project / ".claude", "PROJECT")):
    for path, text in kinds.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text.format(who))
    hooks = {"UserPromptSubmit": [{"hooks": [{"type": "command", "command": f"echo $WHOSE HOOK-{who}"}]}]}
    settings = {"outputStyle": "d", "env": {"WHOSE": f"ENV-{who}"}, "hooks": hooks}
    (folder / "settings.json").write_text(json.dumps(settings))


def in_force(prompt):
    """Return whose file of each kind the model was sent."""
    claude(prompt)
    sent = json.dumps([requests[-1]["system"], requests[-1]["messages"]]).replace("\\n", " ")
    found = sorted(set(re.findall(r"\b([A-Z]+)-(HOME|PROJECT)\b", sent)))
    return {kind: [who for k, who in found if k == kind] for kind, _ in found}


home, team, both = ["HOME"], ["PROJECT"], ["HOME", "PROJECT"]
offered = in_force("go")
expected = {"SKILL": home, "COMMAND": home, "AGENT": team, "STYLE": team, "ENV": team}
assert offered == expected | {"RULES": both, "CLAUDE": both, "HOOK": both}, offered
assert in_force("/s")["TYPED"] == in_force("/c")["TYPED"] == home
print("OK claude-code 2.1.332: in force:", offered)
PY
