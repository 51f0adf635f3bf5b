#!/usr/bin/env bash
# anthropic 2.14.0 (PyPI): a streamed tool call that max_tokens cuts in the middle of its JSON.
# Guess: broken JSON raises, or the input stays a string; a dict in `input` is what the model meant to send.
# Seen: get_final_message() gives a dict without a warning: the unfinished list item or key is dropped, and a number keeps
# the digits that arrived (12 of 1250). A list cut short has the right type and passes a schema; only stop_reason tells.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check anthropic==2.14.0 >&2
nice "$tmp/venv/bin/python" - <<'PY'
import json
import threading
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer

import anthropic

part = ""


class Messages(BaseHTTPRequestHandler):
    """Stream one tool call whose JSON input ends where `part` ends."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
        tool = {"type": "tool_use", "id": "toolu_1", "name": "clean", "input": {}}
        events = [
            {"type": "message_start", "message": {**head, "usage": {"input_tokens": 1, "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": tool},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": part}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 9}},
            {"type": "message_stop"},
        ]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in events:
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())


server = HTTPServer(("127.0.0.1", 0), Messages)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = anthropic.Anthropic(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}")
whole = '{"keep": ["a.py", "b.py", "c.py"], "limit": 1250}'
seen = {}
warnings.simplefilter("error")
for cut in ('{"keep": ["a.py", "b.', '"limit": 12'):
    part = whole[: whole.index(cut) + len(cut)]
    with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "go"}]) as stream:
        message = stream.get_final_message()
    seen[part] = message.content[0].input
    assert message.stop_reason == "max_tokens"
assert list(seen.values()) == [{"keep": ["a.py"]}, {"keep": ["a.py", "b.py", "c.py"], "limit": 12}], seen
print("OK anthropic 2.14.0:", "; ".join(f"{part} gave {value}" for part, value in seen.items()))
PY
