"""The back ends: how one request is sent, once, and what came of it. Trying again and counting are the client's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import weakref
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skillloop.hosts.claude_code.hooks.session import SESSION_VARIABLES
from skillloop.llm.request import PRICES, Answer, ModelError, Request, Usage, cost, price
from skillloop.store import NANO

if TYPE_CHECKING:
    import anthropic
    from anthropic.lib.streaming import MessageStream
    from anthropic.types import TextBlockParam

_NOT_SENT = "ConnectError ConnectTimeout UnsupportedProtocol LocalProtocolError InvalidURL".split()
_AGAIN = frozenset({408, 409, 429})
_COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
# nano-dollars a token, of a model newer than the client: seen with client 2.1.197
_ASSUMED_OUTPUT_PRICE = 25_000


class Api:
    """The `anthropic` back end: the API through its official SDK, which is imported only when it asks.

    One attempt a call, streamed, so that a long answer needs no long silence. `ANTHROPIC_BASE_URL` and the SDK's other
    variables count, so gateways and local servers work.
    """

    name = "anthropic"
    overhead = 1000  # tokens that it may add to what it is given: what the API adds for the answer's form
    turns = 1  # times that it may send it, at the most, for one answer

    def __init__(self, *, timeout: float = 120.0) -> None:  # seconds without a byte
        self._timeout = timeout
        self._client: anthropic.Anthropic | None = None

    def ask(self, request: Request, dollars: float) -> Answer:  # noqa: ARG002  (max_tokens bounds it)
        """Send a request, once: trying again and counting are the client's. Raises ModelError: no answer came."""
        import anthropic  # noqa: PLC0415  (half a second that an offline run saves)

        content: list[TextBlockParam] = []
        for text, repeats in request.blocks():
            content.append({"type": "text", "text": text})
            if repeats:  # all up to here is cached, the instructions with it
                content[-1]["cache_control"] = {"type": "ephemeral"}
        begun = False
        try:
            if self._client is None:
                # the key goes out as `Authorization`; some gateways read only the older header
                key = os.environ.get("ANTHROPIC_BASE_URL") and os.environ.get("ANTHROPIC_API_KEY")
                self._client = anthropic.Anthropic(
                    max_retries=0, timeout=self._timeout, default_headers={"X-Api-Key": key} if key else None
                )
                weakref.finalize(self, self._client.close)  # what it keeps open ends with us
            with self._client.messages.stream(
                model=request.model,
                max_tokens=request.max_tokens,
                system=[{"type": "text", "text": request.prompt.text}],
                messages=[{"role": "user", "content": content}],
                output_config={"format": {"type": "json_schema", "schema": dict(request.schema)}},
            ) as stream:
                begun = True
                return _answer(stream)
        except anthropic.APIStatusError as error:
            raise _status_error(error) from error
        except anthropic.APIConnectionError as error:  # a timeout is one of them
            cause = type(error.__cause__ or error).__name__
            nano = None if cause not in _NOT_SENT else 0
            what = f"no answer from the API: {error.__cause__ or error} ({cause})"
            raise ModelError(what, again=True, nano=nano) from error
        except ModelError:
            raise
        except Exception as error:  # the SDK trips over our call before it began, else over a broken answer
            what = "the answer broke off" if begun else "nothing could be sent"
            what, nano = f"{what}: {type(error).__name__}: {error}", None if begun else 0
            raise ModelError(what, again=begun, nano=nano) from error


class ClaudeCli:
    """The `claude` back end: the person's own Claude Code and its login, `claude -p`, no API key.

    Invariants: the client starts with no hooks, no tools, no skills and leaves no transcript, and its environment says
    that it is inside skillloop, so that it can never start itself again. The words go in by stdin: a command line can be
    read by every user of the machine.
    """

    name = "claude"
    overhead = 2000  # the client adds its own lines to every prompt
    turns = 2  # it asks again, once, for the form that was missed

    def __init__(self, program: str = "claude", *, timeout: float = 300.0) -> None:
        self._program = program
        self._timeout = timeout  # seconds, its retries included

    def ask(self, request: Request, dollars: float) -> Answer:
        """Send a request, once, for so many dollars at most. Raises ModelError: no answer came; it may have cost all the same."""
        out = self._run(self.command(request, dollars), request)
        try:
            result = json.loads(out)
        except ValueError:
            raise ModelError(f"claude did not answer in JSON: {out[:200]!r}", nano=None) from None
        if not isinstance(result, dict):
            raise ModelError("claude did not answer with a JSON object", nano=None)
        nano, usage = _bill(result)
        value, stop = result.get("structured_output"), str(result.get("stop_reason") or "")
        text = json.dumps(value) if value is not None else str(result.get("result") or "")
        if stop == "refusal":
            return Answer(text, stop, usage, None, nano)
        if result.get("is_error") or result.get("subtype") != "success":
            tokens = usage.total if usage else None
            raise ModelError(f"claude: {result.get('subtype')}: {text[:300]}", nano=nano, tokens=tokens)
        session = str(result.get("session_id") or "") or None
        return Answer(text, "end_turn" if value is not None else stop, usage, session, nano)

    def command(self, request: Request, dollars: float) -> list[str]:
        """Return the command line. Everything that could act, remember or call back is off."""
        # a model that is newer than the client counts as a dear one
        limit = dollars * max(1.0, _ASSUMED_OUTPUT_PRICE / price(request.model).output)
        flags = ["--safe-mode", "--no-session-persistence", "--output-format", "json", "--tools", ""]
        flags += ["--model", request.model, "--max-budget-usd", f"{limit:.6f}"]
        flags += ["--json-schema", json.dumps(request.schema), "--system-prompt", request.prompt.text]
        return [self._program, "-p", *flags]

    def _run(self, command: list[str], request: Request) -> str:
        """Run the client to its end and return what it printed; it is killed with all it started when it takes too long."""
        environment = {name: value for name, value in os.environ.items() if name not in SESSION_VARIABLES}
        environment |= {"SKILLLOOP_INSIDE": "1", "CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(request.max_tokens)}
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=Path.home(),  # its settings are the person's own; in a shared folder anybody could leave some
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise ModelError(f"{self._program} cannot be started: {error.strerror}") from error
        with process:
            try:
                out, err = process.communicate(request.message.encode(), self._timeout)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                late = f"claude gave no answer within {self._timeout:.0f} s"
                raise ModelError(late, nano=None) from error
        if not out.strip():
            why = err.decode("utf-8", "replace").strip()[-300:]
            raise ModelError(f"claude exited with {process.returncode}: {why}", nano=None)
        return out.decode("utf-8", "replace")


def _bill(result: dict[str, Any]) -> tuple[int | None, Usage | None]:
    """Return nano-dollars and tokens of all turns: by our prices for models that we know, else as the client says."""
    dollars = result.get("total_cost_usd")
    stated = None
    if isinstance(dollars, int | float) and not isinstance(dollars, bool) and 0 <= dollars < 1e6:
        stated = round(dollars * NANO)
    by_model = result.get("modelUsage")
    if not isinstance(by_model, dict) or not by_model:
        return stated, None
    total, nano = Usage(0, 0), 0
    for model, row in by_model.items():
        names = ("inputTokens", "outputTokens", "cacheCreationInputTokens", "cacheReadInputTokens")
        usage = Usage.counted(*map(row.get, names)) if isinstance(row, dict) else None
        if usage is None or model not in PRICES:
            return stated, usage
        nano += cost(model, usage)
        total = Usage(*map(add, total, usage))
    return nano, total


def logged_in(environment: Mapping[str, str]) -> bool:
    """Return whether the SDK finds a login of its own: a profile, or the identity of a workload. A broken one is one."""
    folder = Path(environment.get("ANTHROPIC_CONFIG_DIR") or Path.home() / ".config" / "anthropic")
    named = any(environment.get(f"ANTHROPIC_{name}") for name in ("PROFILE", "FEDERATION_RULE_ID"))
    if not named and not folder.is_dir():
        return False
    import anthropic  # noqa: PLC0415  (see above)
    from anthropic.lib.credentials import default_credentials  # noqa: PLC0415

    try:
        return default_credentials() is not None
    except anthropic.AnthropicError:
        return True  # the reason is said when something is to be sent


def _answer(stream: MessageStream[Any]) -> Answer:
    """Read the whole answer. Usage that makes no sense is none: a prompt has tokens, wherever they were counted."""
    message = stream.get_final_message()
    if message.stop_reason is None:
        raise ModelError("the answer broke off", again=True, nano=None, request_id=stream.request_id)
    text = "".join(block.text for block in message.content if block.type == "text")
    usage = Usage.counted(*(getattr(message.usage, name, None) for name in _COUNTS))
    if usage is not None and usage.total == usage.output:
        usage = None
    return Answer(text, message.stop_reason, usage, stream.request_id)


def _status_error(error: anthropic.APIStatusError) -> ModelError:
    """Return what an HTTP error means. The API bills none of them."""
    status, body = error.status_code, error.body
    detail = body.get("error") if isinstance(body, dict) else None
    message = detail.get("message") if isinstance(detail, dict) else None
    nano = None if status < 400 else 0  # below: an error event inside a stream
    after, wait = error.response.headers.get("retry-after", ""), None
    with suppress(ValueError):
        wait = max(0.0, float(after))
    with suppress(ValueError, TypeError):  # or a date (RFC 9110, 10.2.3)
        wait = max(0.0, (parsedate_to_datetime(after) - datetime.now(UTC)).total_seconds())
    return ModelError(
        f"the API said {status}: {str(message or error.message)[:300]}",
        again=status in _AGAIN or status >= 500 or status < 400,
        wait=wait,
        nano=nano,
        request_id=error.request_id,
    )
