#!/usr/bin/env bash
# mcp 2.3.0 (PyPI) and Claude Code 2.1.332 (npm): what the model is shown of an MCP tool's result.
# Guess: `content` is for the model, `structuredContent` for programs; a tool `-> str` gives the model its text.
# Seen: where there is structuredContent the model gets that alone, as JSON, and `content` never reaches it. The SDK adds it
# for a return annotation: lines of text arrive as {"result":"…\n…"} with each quotation mark escaped.
source "$(dirname "$0")/lib/client.sh"
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check mcp==2.3.0 >&2
cat >"$tmp/server.py" <<'PY'
from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent

server = MCPServer("notes")
TEXT = 'say "a"\nsay "b"\n'


@server.tool()
def annotated() -> str:
    return TEXT


@server.tool()
def bare():
    return TEXT


@server.tool()
def both() -> CallToolResult:
    text = TextContent(type="text", text="3 rows; ask before deleting them")
    return CallToolResult(content=[text], structured_content={"rows": 3})


server.run()
PY
with_client <<'PY'
import json

from client import call, claude, requests, tmp, write

server = {"command": str(tmp / "venv/bin/python"), "args": [str(tmp / "server.py")]}
write(".mcp.json", json.dumps({"mcpServers": {"notes": server}}))
(tmp / "home/.claude").mkdir()
settings = {"enableAllProjectMcpServers": True, "permissions": {"allow": ["mcp__notes"]}}
(tmp / "home/.claude/settings.json").write_text(json.dumps(settings))
shown = {}
for name in ("annotated", "bare", "both"):
    tool = f"mcp__notes__{name}"
    claude("go", call("ToolSearch", query=f"select:{tool}", max_results=1), call(tool))
    blocks = [b for m in requests[-1]["messages"] if isinstance(m["content"], list) for b in m["content"]]
    (content,) = (b["content"] for b in blocks if b.get("tool_use_id") == "toolu_2_0")
    shown[name] = content if isinstance(content, str) else content[0]["text"]
text = 'say "a"\nsay "b"\n'
assert json.loads(shown["annotated"]) == {"result": text} and shown["bare"] == text, shown
assert json.loads(shown["both"]) == {"rows": 3} and "ask before" not in json.dumps(requests[-1]["messages"]), shown
print("OK mcp 2.3.0, claude-code 2.1.332: the model is shown", shown)
PY
