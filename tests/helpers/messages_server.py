"""A local server that speaks the Messages API and misbehaves on request.

    with MessagesServer(lambda request: {"edits": []}) as server:
        server.next(status(429, retry_after=0.1), cut())     # what the next requests get instead of an answer
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)

It streams where that is asked for, answers a structured-output tool by using it, counts tokens as bytes / 4, caches
prefixes, and keeps every request and what it billed. Loopback only.
"""

from __future__ import annotations

import itertools
import json
import re
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from skillloop.llm import request as prices

if TYPE_CHECKING:
    from collections.abc import Callable

    Behaviour = Callable[["Handler", dict[str, Any]], None]


FENCED = re.compile(r"^<data (\w{32})>\n(.*)\n</data \1>$", re.MULTILINE)
SHORTEST = 1024
"""Tokens of the shortest prefix that the cache takes, as of the models of 2026."""


class MessagesServer:
    """The server; `answer` makes the JSON object (or the text) for each request that nothing else was queued for."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any] = lambda _request: {}) -> None:
        self.answer = answer
        self.requests: list[dict[str, Any]] = []  # bodies
        self.raw: list[bytes] = []
        self.headers: list[dict[str, str]] = []  # names in lower case
        self.billed = 0  # nano-dollars of the answers that went out whole
        self.queue: deque[Behaviour] = deque()
        self.cached: set[str] = set()  # prefixes of requests
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self._http = Server(("127.0.0.1", 0), Handler)
        self._http.app = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def next(self, *behaviours: Behaviour) -> None:
        self.queue.extend(behaviours)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    app: MessagesServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


def data_of(request: dict[str, Any]) -> dict[str, Any]:
    """What the blocks of data in a request hold, however the back end wraps the message."""
    content = request["messages"][0]["content"]
    texts = [content] if isinstance(content, str) else [block["text"] for block in content]
    found: dict[str, Any] = {}
    for text in texts:
        for _mark, body in FENCED.findall(text):
            found |= json.loads(body)
    return found


def status(code: int, *, retry_after: float | str | None = None, message: str = "no") -> Behaviour:
    """An HTTP error in the API's own form."""

    def behave(handler: Handler, _request: dict[str, Any]) -> None:
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        body = {"type": "error", "error": {"type": "some_error", "message": message}}
        handler.whole(code, json.dumps(body).encode(), headers)

    return behave


def silent(seconds: float) -> Behaviour:
    """No byte for so long, then nothing at all."""

    def behave(handler: Handler, _request: dict[str, Any]) -> None:
        time.sleep(seconds)
        handler.hang_up()

    return behave


def cut(*, after_start: bool = True) -> Behaviour:
    """The connection breaks before the answer, or in the middle of it."""

    def behave(handler: Handler, request: dict[str, Any]) -> None:
        if after_start:
            handler.start_stream(request)
            handler.event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            handler.event("content_block_delta", index=0, delta={"type": "text_delta", "text": '{"ed'})
        handler.hang_up()

    return behave


def error_inside() -> Behaviour:
    """An error event in the middle of the stream, as the API sends it when it is overloaded."""

    def behave(handler: Handler, request: dict[str, Any]) -> None:
        handler.start_stream(request)
        handler.event("error", error={"type": "overloaded_error", "message": "Overloaded"})
        handler.close_connection = True

    return behave


def nonsense(body: bytes, kind: str = "text/event-stream") -> Behaviour:
    """Bytes that are no answer, under status 200."""
    return lambda handler, _request: handler.whole(200, body, {"content-type": kind})


def says(text: Any, stop: str = "end_turn", usage: dict[str, Any] | None = None) -> Behaviour:
    """An answer with this text (or JSON object) and stop reason."""
    return lambda handler, request: handler.reply(request, text, stop, usage)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        self.whole(200, b"")

    def do_GET(self) -> None:
        self.whole(200, b"{}")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.path.startswith("/v1/messages") or "count_tokens" in self.path:
            self.whole(200, b'{"input_tokens": 1}')
            return
        request = json.loads(raw)
        app = self.server.app
        with app.lock:
            app.requests.append(request)
            app.raw.append(raw)
            app.headers.append({name.lower(): value for name, value in self.headers.items()})
            behave = app.queue.popleft() if app.queue else None
        with suppress(OSError):
            if behave is not None:
                behave(self, request)
            else:
                self.reply(request, app.answer(request), "end_turn", None)

    def whole(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        self.send_header("request-id", f"req_{next(self.server.app.numbers):06d}")
        for name, value in ({"content-type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reply(self, request: dict[str, Any], text: Any, stop: str, usage: dict[str, Any] | None) -> None:
        tools = [tool["name"] for tool in request.get("tools", [])]
        told = text if isinstance(text, str) else json.dumps(text)
        used = usage or self.prompt_tokens(request) | {"output_tokens": max(1, len(told) // 4)}
        if "StructuredOutput" in tools and not isinstance(text, str):
            content = {
                "type": "tool_use",
                "id": f"toolu_{id(request)}",
                "name": "StructuredOutput",
                "input": text,
            }
            stop = "tool_use" if stop == "end_turn" else stop
        else:
            content = {"type": "text", "text": told}
        if request.get("stream"):
            self.stream(request, content, stop, used)
        else:
            message = self.message(request, used) | {"content": [content], "stop_reason": stop}
            self.whole(200, json.dumps(message).encode())
        with self.server.app.lock:
            known = {"input": used.get("input_tokens", 0), "output": used.get("output_tokens", 0)}
            known["cache_write"] = used.get("cache_creation_input_tokens", 0)
            known["cache_read"] = used.get("cache_read_input_tokens", 0)
            price = prices.price(request["model"])
            self.server.app.billed += sum(count * getattr(price, sort) for sort, count in known.items())

    def prompt_tokens(self, request: dict[str, Any]) -> dict[str, int]:
        """The prompt's tokens: read from the cache, written to it, and the rest. The cache works on prefixes."""
        content = request["messages"][0]["content"]
        parts = [request["model"], *(part for part in request.get("system", ()) if isinstance(part, dict))]
        parts += [content] if isinstance(content, str) else content
        size = len(json.dumps(request)) // 4
        prefix, read, written, seen = "", 0, 0, self.server.app.cached
        for part in parts:
            prefix += part if isinstance(part, str) else part["text"]
            tokens = min(size, len(prefix) // 4)
            if "cache_control" not in part or tokens < SHORTEST:
                continue
            if prefix in seen:
                read = tokens
            else:
                written = tokens - read
                seen.add(prefix)
        told = {"cache_creation_input_tokens": written, "cache_read_input_tokens": read}
        return {"input_tokens": size - read - written, **(told if read or written else {})}

    def message(self, request: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": request["model"], "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": usage,
        }  # fmt: skip

    def start_stream(self, request: dict[str, Any], usage: dict[str, Any] | None = None) -> None:
        self.send_response(200)
        self.send_header("request-id", f"req_{next(self.server.app.numbers):06d}")
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.event(
            "message_start",
            message=self.message(request, (usage or {"input_tokens": 9}) | {"output_tokens": 1}),
        )

    def stream(
        self, request: dict[str, Any], content: dict[str, Any], stop: str, usage: dict[str, Any]
    ) -> None:
        self.start_stream(request, usage)
        if content["type"] == "text":
            start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": content["text"]}
        else:
            start = {**content, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(content["input"])}
        self.event("content_block_start", index=0, content_block=start)
        self.event("content_block_delta", index=0, delta=delta)
        self.event("content_block_stop", index=0)
        ended = {"stop_reason": stop, "stop_sequence": None}
        self.event("message_delta", delta=ended, usage={"output_tokens": usage.get("output_tokens", 1)})
        self.event("message_stop")
        self.close_connection = True

    def event(self, kind: str, **data: Any) -> None:
        self.wfile.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode())
        self.wfile.flush()

    def hang_up(self) -> None:
        """Close without the end that the client waits for."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
