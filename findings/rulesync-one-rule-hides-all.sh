#!/usr/bin/env bash
# rulesync 17.0.0 (npm) and Claude Code 2.1.332 (npm): `paths: "src/**, docs/**"`, two globs in one text.
# Guess: the importer reads what the client reads, or leaves that one file out and says so with its exit code.
# Seen: the client reads the text as two globs. `rulesync import` cannot, and with that one file it imports no rule at all:
# neither the other rules nor CLAUDE.md. It ends with "No rule files found" and exit code 0; as a list, all three come.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/home" "$tmp/project"
npm install --silent --no-fund --no-audit --prefix "$tmp" @anthropic-ai/claude-code@2.1.332 >&2
npm install --silent --no-fund --no-audit --prefix "$tmp" rulesync@17.0.0 >&2
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


def imported():
    """Import the rules of the project; return the exit code and the files that came."""
    command = [tmp / "node_modules/.bin/rulesync", "import", "--targets", "claudecode", "--features", "rules"]
    env = {"HOME": str(tmp / "home"), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=project, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, sorted(path.name for path in (project / ".rulesync/rules").glob("*")), done.stdout + done.stderr


write("CLAUDE.md", "Overview.\n")
write(".claude/rules/plain.md", "RULE PLAIN.\n")
write(".claude/rules/two.md", '---\npaths: "src/**, docs/**"\n---\nRULE TWO.\n')
write("docs/a.txt", "text\n")
_, before = claude("go")
_, after = claude("go", call("Read", file_path=str(project / "docs/a.txt")))
assert "RULE PLAIN." in before and "RULE TWO." not in before and "RULE TWO." in after, after
code, files, output = imported()
assert (code, files) == (0, []) and "No rule files found" in output, (code, files, output)
write(".claude/rules/two.md", '---\npaths: ["src/**", "docs/**"]\n---\nRULE TWO.\n')
code_of_list, files_of_list, output = imported()
assert code_of_list == 0 and len(files_of_list) == 3, (code_of_list, files_of_list, output)
print(f"OK rulesync 17.0.0: a text of two globs: exit {code}, imported {files}; the same as a list: imported {files_of_list}")
PY
