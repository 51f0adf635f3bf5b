#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): `model: haiku` and `effort: low` in a skill's frontmatter, with `claude -p`.
# Guess: while the skill is at work its model answers, whoever called it; with the next prompt the session's own is back.
# Seen: called by the model it changes the effort, but not the model. Typed as `/quick` it changes both; and if a session ends
# there, `claude --continue` takes the skill's model for the session's: later turns stay on haiku, at the usual effort.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import subprocess

import client
from client import call, claude, requests, write

write(".claude/skills/quick/SKILL.md", "---\ndescription: Be quick\nmodel: haiku\neffort: low\n---\nBody.\n")
run, again = subprocess.run, []
client.subprocess.run = lambda command, **kwargs: run(command + again, **kwargs)


def answered(prompt, *replies):
    """Return the kind of model and the effort that each request of a session asked for."""
    claude(prompt, *replies)
    return [(r["model"].split("-")[1], r.get("output_config", {}).get("effort")) for r in requests]


look = call("Bash", command="echo hi")
called = answered("go", call("Skill", skill="quick"), look)
typed = answered("/quick", look)
again.append("--continue")
continued = [answered("go"), answered("go")]
assert called == [("opus", "medium"), ("opus", "low"), ("opus", "low")], called
assert typed == [("haiku", "low")] * 2 and continued == [[("haiku", "medium")]] * 2, (typed, continued)
print("OK claude-code 2.1.332: called by the model:", called, "- typed:", typed, "- continued:", continued)
PY
