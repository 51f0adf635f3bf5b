#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): the `tools:` field of a subagent in .claude/agents, left empty, and with a name that is no tool.
# Guess: an empty `tools:` (or `[]`) is none or is the default of all, and the listing says which; a wrong name is an error.
# Seen: the model is told "Tools: All tools" of an agent that is then started without one, so it sends work that the agent
# cannot do. A wrong name, also `read` for Read, is listed as if it were a tool: alone it stops the agent before its first
# request, beside a good one it is passed over.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
import json
import re

from client import call, claude, requests, write

fields = {
    "absent": "",
    "empty": "tools:\n",
    "list": "tools: []\n",
    "two": "tools: Read, Grep\n",
    "beside": "tools: Read, grep\n",
    "alone": "tools: read\n",
}
for name, field in fields.items():
    write(f".claude/agents/{name}.md", f"---\nname: {name}\ndescription: About {name}\n{field}---\nBody of {name}.\n")
told, given = {}, {}
for name in fields:
    _, sent = claude("go", call("Agent", subagent_type=name, description="work", prompt="work"))
    told[name] = re.search(rf"^- {name}: About {name} \(Tools: (.*)\)$", sent, re.M)[1]
    started = [request for request in requests if f"Body of {name}." in json.dumps(request["system"])]
    given[name] = sorted(tool["name"] for tool in started[0].get("tools", ())) if started else "not started"
assert {"Bash", "Edit", "Read"} < set(given.pop("absent")) and told.pop("absent") == "All tools", (told, given)
assert told == {"empty": "All tools", "list": "All tools", "two": "Read, Grep", "beside": "Read, grep", "alone": "read"}, told
assert given == {"empty": [], "list": [], "two": ["Grep", "Read"], "beside": ["Read"], "alone": "not started"}, given
print("OK claude-code 2.1.332: the model is told", told, "- the agent is given", given)
PY
