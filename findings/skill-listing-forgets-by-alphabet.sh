#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): 120 project skills with descriptions of 400 characters each.
# Guess: each skill is offered with its description (perhaps all cut evenly), whatever its name.
# Seen: past a budget of about 30,000 characters the skills of the project that come last by name are offered by name
# alone, with nothing to choose them by; the client's own skills keep theirs. One use of the last skill gives it its
# description back in the next session, and takes the description of another away.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/home" "$tmp/project"
npm install --silent --no-fund --no-audit --prefix "$tmp" @anthropic-ai/claude-code@2.1.332 >&2
nice python3 - "$tmp" <<'PY'
import json
import os
import pathlib
import re
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
