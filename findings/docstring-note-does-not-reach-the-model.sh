#!/usr/bin/env bash
# anthropic 2.14.0, openai-agents 0.24.0, mcp 2.3.0 (PyPI): one Python function as a tool of each, with a docstring.
# Guess: `Args:` becomes the parameters' descriptions, and everything else the docstring says is the tool's description.
# Seen: anthropic and openai-agents drop whatever stands after `Args:`, also a plain paragraph or `Returns:`; openai-agents
# drops a `Note:` section before it, or with no `Args:` at all. mcp sends every word, and no parameter has a description.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check anthropic==2.14.0 openai-agents==0.24.0 mcp==2.3.0 >&2
nice "$tmp/venv/bin/python" - <<'PY'
import asyncio
import json

import anthropic
from agents import function_tool
from mcp.server import MCPServer

ARGS, NOTE = "    Args:\n        paths: The folders.\n\n", "    Note:\n        Ask first.\n\n"
docstrings = {
    "paragraph, Args": "Clean.\n\n    Ask first.\n\n" + ARGS,
    "Args, paragraph": "Clean.\n\n" + ARGS + "    Ask first.\n",
    "Args, Note": "Clean.\n\n" + ARGS + NOTE,
    "Note, Args": "Clean.\n\n" + NOTE + ARGS,
    "Note": "Clean.\n\n" + NOTE,
}


def told(docstring):
    """Return what the model of each library would be sent about the tool."""

    def clean(paths: list[str]):
        return ""

    clean.__doc__ = docstring
    server = MCPServer("s")
    server.tool()(clean)
    (mcp,) = asyncio.run(server.list_tools())
    openai = function_tool(clean)
    return {
        "anthropic": json.dumps(anthropic.beta_tool(clean).to_dict()),
        "openai-agents": json.dumps([openai.description, openai.params_json_schema]),
        "mcp": json.dumps([mcp.description, mcp.input_schema]),
    }


lost = {name: [library for library, sent in told(doc).items() if "Ask first." not in sent] for name, doc in docstrings.items()}
two = ["anthropic", "openai-agents"]
assert list(lost.values()) == [[], two, two, two[1:], two[1:]], lost
described = [library for library, sent in told(docstrings["Args, Note"]).items() if '"description": "The folders.' in sent]
assert described == two, described
print("OK anthropic 2.14.0, openai-agents 0.24.0, mcp 2.3.0: 'Ask first.' is lost by", lost)
PY
