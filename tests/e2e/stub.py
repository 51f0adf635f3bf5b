"""A loopback Messages API that plays a script, so that the real client can be driven without a model or a network."""

from __future__ import annotations

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Block = dict[str, Any]


def text(words: str) -> Block:
    """A block of the assistant's prose."""
    return {"type": "text", "text": words}


def tool(name: str, **arguments: Any) -> Block:
    """A block that calls a tool."""
    return {"type": "tool_use", "name": name, "input": arguments}


class Stub:
    """One server on a free port of 127.0.0.1.

    `replies` is consumed, one list of blocks per request, by requests that offer the agent's tools; every other
    request (titles, summaries) is answered "ok". `requests` holds what was received.
    """

    def __init__(self) -> None:
        self.replies: list[list[Block]] = []
        self.requests: list[dict[str, Any]] = []
        self._numbers = itertools.count()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The base URL to give the client."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def message(self, request: dict[str, Any]) -> dict[str, Any]:
        """The whole reply to one request."""
        self.requests.append(request)
        offered = {entry.get("name") for entry in request.get("tools", [])}
        agent = bool(offered & {"Bash", "Skill"})
        blocks = (self.replies.pop(0) if self.replies else [text("Done.")]) if agent else [text("ok")]
        number = next(self._numbers)
        content = [
            {**block, "id": f"toolu_{number:05}{place}"} if block["type"] == "tool_use" else block
            for place, block in enumerate(blocks)
        ]
        called = any(block["type"] == "tool_use" for block in blocks)
        return {
            "id": f"msg_{number:06}", "type": "message", "role": "assistant", "model": request.get("model", "stub"),
            "content": content, "stop_reason": "tool_use" if called else "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }  # fmt: skip


def _events(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The server-sent events that carry a message."""
    events = [{"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}]
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            start, delta = text(""), {"type": "text_delta", "text": block["text"]}
        else:
            start = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [
            {"type": "content_block_start", "index": index, "content_block": start},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events += [
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return events


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    """The request handler of one stub."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Stay quiet."""

        def do_HEAD(self) -> None:
            self._answer("application/json", b"")

        def do_GET(self) -> None:
            self._answer("application/json", b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if "count_tokens" in self.path:
                self._answer("application/json", b'{"input_tokens": 1}')
            elif not self.path.startswith("/v1/messages"):
                self._answer("application/json", b"{}")
            else:
                request = json.loads(body)
                message = stub.message(request)
                if request.get("stream"):
                    lines = [
                        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in _events(message)
                    ]
                    self._answer("text/event-stream", "".join(lines).encode())
                else:
                    self._answer("application/json", json.dumps(message).encode())

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler
