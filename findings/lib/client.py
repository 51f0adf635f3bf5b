"""The pinned client in a temporary folder (argument 1) against a scripted Messages API on loopback; see client.sh."""

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
        head = {
            "id": f"msg_{len(requests)}",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
        }
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
        events += [
            {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage},
            {"type": "message_stop"},
        ]
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
    done = subprocess.run(
        command,
        check=False,
        cwd=project,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    contents = [message["content"] for message in requests[-1]["messages"]] if requests else []
    blocks = [b for c in contents for b in ([{"text": c}] if isinstance(c, str) else c)]
    return done, "\n".join(str(b.get("text") or b.get("content") or "") for b in blocks)
