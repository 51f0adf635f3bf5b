#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): skills whose `name:` is not the name of their folder.
# Guess: the name is what one types, or a mere label (the open specification wants it to be the folder's).
# Seen: it is a second name. The skill is offered as "folder (name)" and both call it, typed or through the tool. Where two
# skills claim one second name, the later folder by alphabet keeps its own name alone, and nothing says so; a folder's name
# goes before a second name, so two skills that swap their names still answer to their folders.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import re

from client import call, claude, write

NAMES = {"drafts": "writing", "letters": "mail", "notes": "mail", "plans": "tasks", "tasks": "plans"}
for folder, name in NAMES.items():
    write(f".claude/skills/{folder}/SKILL.md", f"---\nname: {name}\ndescription: About {folder}\n---\nBody of {folder}.\n")


def loaded(prompt, *replies):
    """Return whose body the model was sent."""
    return re.findall(r"Body of (\w+)\.", claude(prompt, *replies)[1])


_, sent = claude("go")
offered = re.findall(r"^- (.*): About", sent, re.M)
assert offered == ["drafts (writing)", "letters (mail)", "notes", "plans", "tasks"], offered
answers = {"writing": "drafts", "drafts": "drafts", "mail": "letters", "notes": "notes", "plans": "plans", "tasks": "tasks"}
for name, folder in answers.items():
    assert loaded(f"/{name}") == [folder], (name, loaded(f"/{name}"))
assert loaded("go", call("Skill", skill="writing")) == ["drafts"]
print("OK claude-code 2.1.332: /writing and /drafts are one skill; /mail is the first of the two that claim it; swapped: folders win")
PY
