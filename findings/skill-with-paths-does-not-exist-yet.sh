#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): a SKILL.md with `paths: "src/**"` in its frontmatter.
# Guess: `paths` is a hint when to use it: the skill is listed or at least can be called by name at any time.
# Seen: until a matching file was read it does not exist: not listed, calling it is "Unknown skill", and `/sql` of the
# person goes to the model as plain text. One Read of src/a.sql, and it is listed and loads.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/home" "$tmp/project"
npm install --silent --no-fund --no-audit --prefix "$tmp" @anthropic-ai/claude-code@2.1.332 >&2
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


write(".claude/skills/sql/SKILL.md", '---\ndescription: Write SQL\npaths: "src/**"\n---\nBODY OF SQL.\n')
write("src/a.sql", "select 1;\n")
_, early = claude("go", call("Skill", skill="sql"))
_, typed = claude("/sql")
_, late = claude("go", call("Read", file_path=str(project / "src/a.sql")), call("Skill", skill="sql"))
assert "Unknown skill: sql" in early and "- sql: Write SQL" not in early and "BODY OF SQL." not in early, early
assert "\n/sql\n" in typed and "BODY OF SQL." not in typed, typed
assert "- sql: Write SQL" in late and "BODY OF SQL." in late, late
print("OK claude-code 2.1.332: before a match 'Unknown skill: sql', /sql sent as text; after Read of src/a.sql listed and loaded")
PY
