"""The Anthropic API through its official SDK. The only module that imports anthropic, and only when it asks.

One attempt a call, streamed, so that a long answer needs no long silence. `ANTHROPIC_BASE_URL` and the SDK's other
variables count, so gateways and local servers work.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skillloop.llm.request import Answer, ModelError, Request, Usage

if TYPE_CHECKING:
    import anthropic
    from anthropic.lib.streaming import MessageStream
    from anthropic.types import TextBlockParam

TIMEOUT = 120.0  # seconds without a byte

_NOT_SENT = "ConnectError ConnectTimeout UnsupportedProtocol LocalProtocolError InvalidURL".split()
_AGAIN = frozenset({408, 409, 429})
_COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class Api:
    """The `anthropic` back end."""

    name = "anthropic"
    overhead = 1000  # tokens that it may add to what it is given: what the API adds for the answer's form
    turns = 1  # times that it may send it, at the most, for one answer

    def __init__(self, *, timeout: float = TIMEOUT) -> None:
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
    return ModelError(
        f"the API said {status}: {str(message or error.message)[:300]}",
        again=status in _AGAIN or status >= 500 or status < 400,
        wait=_wait(error.response.headers.get("retry-after", "")),
        nano=nano,
        request_id=error.request_id,
    )


def _wait(retry_after: str) -> float | None:
    """Return the seconds of a `retry-after`, which is a number or a date (RFC 9110, 10.2.3)."""
    with suppress(ValueError):
        return max(0.0, float(retry_after))
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    return None
