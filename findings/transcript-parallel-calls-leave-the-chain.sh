#!/usr/bin/env bash
# Claude Code 2.1.332 (npm), claude-code-log 1.7.0 (PyPI): a reply with three tool calls at once, the first one slow.
# Guess: walking back from the last record by `parentUuid` gives the whole conversation; what is off that chain was rewound.
# Seen: each call hangs below the call before it, each result below its own call, and the next reply below the result that
# came in last: the chain holds that one result. So the fast calls look like abandoned branches, though the model got all
# three results, and claude-code-log's export has the result of the first call only, and of the third not even the call.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/home" "$tmp/project"
npm install --silent --no-fund --no-audit --prefix "$tmp" @anthropic-ai/claude-code@2.1.332 >&2
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check claude-code-log==1.7.0 >&2
nice python3 - "$tmp" <<'PY'
import json
import os
import pathlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

tmp, project = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1], "project")
script, requests = [], []


class Messages(BaseHTTPRequestHandler):
    """The Messages API on loopback: the next reply of the script, streamed."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        blocks = script.pop(0) if script else [{"type": "text", "text": "done"}]
        stop = "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"
        usage = {"input_tokens": 9, "output_tokens": 5}
        head = {"id": f"msg_{len(requests)}", "type": "message", "role": "assistant", "model": "m", "content": []}
        events = [{"type": "message_start", "message": {**head, "stop_reason": None, "usage": usage}}]
        for i, block in enumerate(blocks):
            if block["type"] == "text":
                start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
            else:
                start = {**block, "id": f"toolu_{len(requests)}_{i}", "input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            events += [
                {"type": "content_block_start", "index": i, "content_block": start},
                {"type": "content_block_delta", "index": i, "delta": delta},
                {"type": "content_block_stop", "index": i},
            ]
        events += [{"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage}, {"type": "message_stop"}]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in events:
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())


server = ThreadingHTTPServer(("127.0.0.1", 0), Messages)
threading.Thread(target=server.serve_forever, daemon=True).start()


def write(path, text):
    """Write a file of the project."""
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text(text)


def call(tool, **arguments):
    """Return a reply in which the model calls one tool."""
    return [{"type": "tool_use", "name": tool, "input": arguments}]


def claude(prompt, *replies):
    """Run one headless session; return its process and all that the model was sent in the last request."""
    script[:], requests[:] = replies, []
    env = {
        "HOME": str(tmp / "home"),
        "TMPDIR": str(tmp),
        "PATH": os.environ["PATH"],
        "ANTHROPIC_API_KEY": "none",
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    command = [tmp / "node_modules/.bin/claude", "-p", prompt, "--permission-mode", "default"]
    done = subprocess.run(command, cwd=project, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    contents = [message["content"] for message in requests[-1]["messages"]] if requests else []
    blocks = [b for c in contents for b in ([{"text": c}] if isinstance(c, str) else c)]
    return done, "\n".join(str(b.get("text") or b.get("content") or "") for b in blocks)


names = ("one", "two", "three")
for name in names:
    write(f"{name}.txt", f"RESULT {name}\n")
(tmp / "home/.claude").mkdir(parents=True)
(tmp / "home/.claude/settings.json").write_text('{"permissions": {"allow": ["Bash(sleep *)"]}}')
slow = call("Bash", command="sleep 2; cat one.txt", description="Wait and show")
fast = [block for name in names[1:] for block in call("Read", file_path=str(project / f"{name}.txt"))]
_, sent = claude("go", slow + fast)
(transcript,) = (tmp / "home/.claude/projects").rglob("*.jsonl")
records = [json.loads(line) for line in transcript.read_text().splitlines()]
by_uuid = {record["uuid"]: record for record in records if "uuid" in record}
record = next(record for record in reversed(records) if record["type"] == "assistant")
chain = ""
while record:
    chain += json.dumps(record.get("message", ""))
    record = by_uuid.get(record["parentUuid"])
got, chained = ([name for name in names if f"RESULT {name}" in text] for text in (sent, chain))
assert got == [*names] and chained == ["one"], (got, chained)
assert "two.txt" not in chain and "three.txt" not in chain, chain
export = tmp / "export.md"
command = [tmp / "venv/bin/claude-code-log", transcript.parent, "-o", export, "--format", "md"]
subprocess.run(command, check=True, capture_output=True, env={"HOME": str(tmp / "home"), "PATH": os.environ["PATH"]})
exported = [name for name in names if f"RESULT {name}" in export.read_text()]
assert exported == ["one"] and "three.txt" not in export.read_text(), export.read_text()
print(f"OK claude-code 2.1.332, claude-code-log 1.7.0: results sent {got}, on the chain {chained}, exported {exported}")
PY
