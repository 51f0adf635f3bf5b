#!/usr/bin/env bash
# claude-agent-sdk 0.2.189 with mcp 2.3.0, pydantic 2.14.4 (PyPI): `@tool(name, description, input_schema)`.
# Guess: input_schema is typed `type | dict`, so a Pydantic model gives its own schema (or an error), Literal gives an enum.
# Seen: a Pydantic model or a dataclass is advertised as a tool without arguments, and any arguments get through. In a dict or
# a TypedDict, Literal, an Enum, a set, a tuple and a nested model are all "string", and `int | None` is a required integer.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check claude-agent-sdk==0.2.189 mcp==2.3.0 pydantic==2.14.4 >&2
nice "$tmp/venv/bin/python" -W error - <<'PY'
import asyncio
from typing import Literal

from claude_agent_sdk import create_sdk_mcp_server, tool
from mcp import Client
from pydantic import BaseModel


class Order(BaseModel):
    item: str
    count: int


got = []


async def handle(arguments):
    got.append(arguments)
    return {"content": [{"type": "text", "text": "ok"}]}


named = {"size": Literal["s", "m"], "tags": set[str], "pair": tuple[int, int], "orders": list[Order], "limit": int | None}
tools = [tool("model", "d", Order)(handle), tool("named", "d", named)(handle)]
server = create_sdk_mcp_server("shop", tools=tools)["instance"]


async def main():
    async with Client(server) as client:
        schemas = [t.input_schema for t in (await client.list_tools()).tools]
        await client.call_tool("model", {"itm": "tea", "count": "many"})
        return schemas, await client.call_tool(
            "named", {"size": "s", "tags": "x", "pair": "1", "orders": [], "limit": None}
        )


(model, named), refused = asyncio.run(main())
kinds = {name: schema.get("items", schema) for name, schema in named["properties"].items()}
assert model == {"type": "object", "properties": {}} and got == [{"itm": "tea", "count": "many"}], (model, got)
assert kinds == dict.fromkeys(("size", "tags", "pair", "orders"), {"type": "string"}) | {"limit": {"type": "integer"}}, kinds
assert refused.is_error and "None is not of type 'integer'" in refused.content[0].text, refused
print("OK claude-agent-sdk 0.2.189: a Pydantic model:", model, "- a dict (items of lists):", kinds)
PY
