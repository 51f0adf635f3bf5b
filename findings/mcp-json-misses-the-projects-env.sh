#!/usr/bin/env bash
# Claude Code 2.1.332 (npm), mcp 2.3.0 (PyPI): `${TARGET:-default}` in a .mcp.json, and TARGET in `env` of a settings.json.
# Guess: both are the project's, so the settings' value is put in; and one set in the shell goes before it, as with a .env file.
# Seen: the settings of the project (and settings.local.json) come too late: the server is started with the argument "default",
# or the shell's, while its own environment has TARGET from the file. From ~/.claude/settings.json or `--settings` both have
# the file's. So within one server two values of one name; and in no case does the shell's reach its environment.
source "$(dirname "$0")/lib/client.sh"
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check mcp==2.3.0 >&2
cat >"$tmp/server.py" <<'PY'
import os
import sys

from mcp.server import MCPServer

server = MCPServer("notes")


@server.tool()
def given():
    return f"argument {sys.argv[1]}, environment {os.environ.get('TARGET')}"


server.run()
PY
with_client <<'PY'
import json
import re

import client
from client import call, claude, project, tmp, write

run, more = client.subprocess.run, {"arguments": [], "shell": {}}
client.subprocess.run = lambda command, env, **kwargs: run(command + more["arguments"], env=env | more["shell"], **kwargs)
server = {"command": str(tmp / "venv/bin/python"), "args": [str(tmp / "server.py"), "${TARGET:-default}"]}
write(".mcp.json", json.dumps({"mcpServers": {"notes": server}}))
base, file = {"enableAllProjectMcpServers": True, "permissions": {"allow": ["mcp__notes"]}}, {"env": {"TARGET": "file"}}
(tmp / "home/.claude").mkdir()
(tmp / "home/.claude.json").write_text(json.dumps({"projects": {str(project): {"hasTrustDialogAccepted": True}}}))
given = {}
for place in ("nowhere", "project", "local", "person", "--settings"):
    (tmp / "home/.claude/settings.json").write_text(json.dumps(base | (file if place == "person" else {})))
    write(".claude/settings.json", json.dumps(file if place == "project" else {}))
    write(".claude/settings.local.json", json.dumps(file if place == "local" else {}))
    more["arguments"] = ["--settings", json.dumps(file)] if place == "--settings" else []
    for more["shell"] in ({}, {"TARGET": "shell"}):
        replies = call("ToolSearch", query="select:mcp__notes__given", max_results=1), call("mcp__notes__given")
        (said,) = re.findall(r"argument (\w+), environment (\w+)", claude("go", *replies)[1])
        given.setdefault(place, []).append(said)
late, early = [("default", "file"), ("shell", "file")], [("file", "file")] * 2
assert given.pop("nowhere") == [("default", "None"), ("shell", "shell")], given
assert given == {"project": late, "local": late, "person": early, "--settings": early}, given
print("OK claude-code 2.1.332: (argument, environment) without and with TARGET=shell:", given)
PY
