"""The Anthropic API through its official SDK. The only module that imports anthropic, and only when it asks.

One attempt a call, streamed, so that a long answer needs no long silence. `ANTHROPIC_BASE_URL` and the SDK's other
variables count, so gateways and local servers work.
"""

from __future__ import annotations

import weakref
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from skillloop.llm.request import Answer, Block, Failed, Request, Usage

if TYPE_CHECKING:
    import anthropic
    from anthropic.lib.streaming import MessageStream, MessageStreamManager
    from anthropic.types import TextBlockParam

TIMEOUT = 120.0  # seconds without a byte
_UNSENT = frozenset(
    {"ConnectError", "ConnectTimeout", "UnsupportedProtocol", "LocalProtocolError", "InvalidURL"}
)
_AGAIN = frozenset({408, 409, 429})


class Api:
    """The `anthropic` back end."""

    name = "anthropic"
    overhead = 1000  # what the API adds for the answer's form
    turns = 1

    def __init__(self, *, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._client: anthropic.Anthropic | None = None

    def ask(self, request: Request, dollars: float) -> Answer:  # noqa: ARG002  (max_tokens bounds it)
        """See `Backend.ask`."""
        import anthropic  # noqa: PLC0415  (half a second that an offline run saves)

        begun = False
        try:
            with self._stream(request) as stream:
                begun = True
                return _answer(stream)
        except anthropic.APIStatusError as error:
            raise _refusal(error) from error
        except anthropic.APIConnectionError as error:  # a timeout is one of them
            cause = type(error.__cause__ or error).__name__
            nano = None if cause not in _UNSENT else 0
            said = f"no answer from the API: {error.__cause__ or error} ({cause})"
            raise Failed(said, again=True, nano=nano, tokens=nano) from error
        except Failed:
            raise
        except (
            Exception
        ) as error:  # whatever the SDK trips over: our call before it began, else a broken answer
            what = "the answer broke off" if begun else "nothing could be sent"
            nano = None if begun else 0
            raise Failed(
                f"{what}: {type(error).__name__}: {error}", again=begun, nano=nano, tokens=nano
            ) from error

    def _stream(self, request: Request) -> MessageStreamManager[Any]:
        import anthropic  # noqa: PLC0415

        if self._client is None:
            self._client = anthropic.Anthropic(max_retries=0, timeout=self._timeout)
            weakref.finalize(self, self._client.close)  # what it keeps open ends with us, not some time later
        return self._client.messages.stream(
            model=request.model,
            max_tokens=request.max_tokens,
            system=[{"type": "text", "text": request.prompt.text}],
            messages=[{"role": "user", "content": [_block(block) for block in request.blocks()]}],
            output_config={"format": {"type": "json_schema", "schema": dict(request.schema)}},
        )


def _block(block: Block) -> TextBlockParam:
    """A block as the API takes it. All up to one that repeats is cached, the instructions with it."""
    if block.repeats:
        return {"type": "text", "text": block.text, "cache_control": {"type": "ephemeral"}}
    return {"type": "text", "text": block.text}


def _answer(stream: MessageStream[Any]) -> Answer:
    message = stream.get_final_message()
    if message.stop_reason is None:
        raise Failed("the answer broke off", again=True, nano=None, tokens=None, request_id=stream.request_id)
    text = "".join(block.text for block in message.content if block.type == "text")
    return Answer(text, message.stop_reason, _usage(message.usage), stream.request_id)


def _refusal(error: anthropic.APIStatusError) -> Failed:
    """An HTTP error. The API bills none of them."""
    status = error.status_code
    again = status in _AGAIN or status >= 500 or status < 400  # below: an error event inside a stream
    nano = None if status < 400 else 0
    return Failed(
        f"the API said {status}: {_words(error)}",
        again=again,
        wait=_wait(error.response.headers),
        nano=nano,
        tokens=nano,
        request_id=error.request_id,
    )


def _words(error: anthropic.APIStatusError) -> str:
    body = error.body
    found = body.get("error") if isinstance(body, dict) else None
    words = found.get("message") if isinstance(found, dict) else None
    return str(words or error.message)[:300]


def _wait(headers: Any) -> float | None:
    """Seconds of a `retry-after`, which is a number or a date (RFC 9110, 10.2.3)."""
    told = headers.get("retry-after", "")
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _usage(found: Any) -> Usage | None:
    names = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    values = [getattr(found, name, None) or 0 for name in names]
    if not all(isinstance(value, int) and value >= 0 for value in values):
        return None
    if values[0] + values[2] + values[3] == 0:  # a prompt has tokens, wherever they were counted
        return None
    return Usage(*values)
