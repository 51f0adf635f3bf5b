#!/usr/bin/env bash
# mcp 2.3.0 (PyPI): a tool's parameter `text: str | None`, and a text that happens to be JSON, such as a file's content.
# Guess: the schema says string or null, the model sends a string, the function gets that string, as with `text: str`.
# Seen: unless the annotation is exactly `str` the text is parsed first: "null" arrives as None, '{"a": 1}' is refused with
# "Input should be a valid string", '["a"]' becomes a list for `str | list[str]`. The words 12 and true stay text.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check mcp==2.3.0 >&2
nice "$tmp/venv/bin/python" - 2>/dev/null <<'PY'
import asyncio

from mcp import Client
from mcp.server import MCPServer

server = MCPServer("files")


@server.tool()
def plain(text: str):
    return repr(text)


@server.tool()
def optional(text: str | None = None):
    return repr(text)


@server.tool()
def one_or_more(text: str | list[str]):
    return repr(text)


async def got():
    """Return what each tool says of each text: its repr, or the error."""
    async with Client(server) as client:
        return {
            (tool, text): (await client.call_tool(tool, {"text": text})).content[0].text
            for tool in ("plain", "optional", "one_or_more")
            for text in ("null", '{"a": 1}', '["a"]', "12", "true")
        }


seen = asyncio.run(got())
assert all(said == repr(text) for (tool, text), said in seen.items() if tool == "plain" or text in ("12", "true")), seen
assert seen["optional", "null"] == "None" and seen["one_or_more", '["a"]'] == "['a']", seen
assert "Input should be a valid string" in seen["optional", '{"a": 1}'], seen
print('OK mcp 2.3.0: `str | None`: "null" is None, the text {"a": 1} is refused; `str | list[str]`: the text ["a"] is a list')
PY
