#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): 120 project skills with descriptions of 400 characters each.
# Guess: each skill is offered with its description (perhaps all cut evenly), whatever its name.
# Seen: past a budget of about 30,000 characters the skills of the project that come last by name are offered by name
# alone, with nothing to choose them by; the client's own skills keep theirs. One use of the last skill gives it its
# description back in the next session, and takes the description of another away.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import re

from client import call, claude, write

for i in range(1, 121):
    write(f".claude/skills/s{i:03}/SKILL.md", f"---\ndescription: Topic {i} {'word ' * 78}\n---\nBody.\n")


def described():
    """Return which skills of the project were offered with a description, which by name alone, and if an own one was."""
    _, sent = claude("go", call("Skill", skill="s120"))
    return re.findall(r"^- (s\d{3}): Topic", sent, re.M), re.findall(r"^- (s\d{3})$", sent, re.M), "- simplify: " in sent


full, bare, own = described()
full_later, bare_later, _ = described()
assert full == [f"s{i:03}" for i in range(1, len(full) + 1)] and len(full) + len(bare) == 120 and len(bare) > 30, (full, bare)
assert own, "the client's own skills are described"
lost = sorted(set(full) - set(full_later))
assert "s120" in full_later and lost == [full[-1]], (lost, full_later)
print(f"OK claude-code 2.1.332: {len(full)} of 120 described, from {bare[0]} on names alone; s120 used once: {lost[0]} out")
PY
