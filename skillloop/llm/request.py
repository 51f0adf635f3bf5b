"""What goes through the door to a model, and what comes back. Plain frozen data.

The instructions of a request are ours and fixed; what they speak of (words from a transcript, a skill) is data. It is
sent as JSON strings between marks that cannot be guessed, so that no text in it can end it. What stays the same from call
to call (`shared`: the skill) comes first and as a block of its own, because the other side's cache works on prefixes.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from skillloop.errors import SkillloopError
from skillloop.model import sha256


@dataclass(frozen=True, slots=True)
class Prompt:
    """Instructions, with the name that a proposal carries: file, version and the first 12 digits of its SHA-256."""

    name: str  # "draft.v1@3f2a…"
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """One part of the user's message."""

    text: str
    repeats: bool  # whether it is likely to be sent again, word for word, within minutes


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model. Two requests that are equal are the same question: it is paid for once."""

    purpose: str  # "draft", "replay", "judge" …
    model: str
    prompt: Prompt
    data: Mapping[str, Any]  # JSON values; redacted by whoever made them
    schema: Mapping[str, Any]  # JSON schema of the answer, an object
    max_tokens: int = 4000  # of the answer, thinking included
    sample: int = 0  # tells repeated asking of the same question apart
    samples: int = 1  # how often the same question is asked in all
    shared: Mapping[str, Any] = field(default_factory=dict)  # like data: what other questions begin with, too

    @property
    def key(self) -> str:
        """Hex SHA-256 over all that decides the answer."""
        parts = (
            self.model,
            self.prompt.text,
            self.shared,
            self.data,
            self.schema,
            self.max_tokens,
            self.sample,
        )
        return sha256(json.dumps(parts, sort_keys=True))

    def blocks(self) -> list[Block]:
        """The user's message: what is shared, then the data, each as one line of JSON between two marks."""
        found = [Block(_fenced(self.shared), repeats=True)] if self.shared else []
        return [*found, Block(_fenced(self.data), repeats=self.samples > 1)]

    @property
    def message(self) -> str:
        """The blocks as one text."""
        return "\n".join(block.text for block in self.blocks())

    @property
    def bytes(self) -> int:
        """UTF-8 bytes that are sent as text: instructions, schema, and data with its marks."""
        texts = (self.prompt.text, json.dumps(self.schema), self.message)
        return sum(len(text.encode("utf-8")) for text in texts)


_LOT = secrets.token_bytes(32)  # drawn by each process


def _fenced(data: Mapping[str, Any]) -> str:
    """Data between two marks: a hash of it under the process's lot.

    No text can hold the mark around it: it would have to know the lot, and its own hash. The same data has the same
    mark as long as the process lives, so that a repeated block is the same to the last byte.
    """
    body = json.dumps(data, ensure_ascii=False, sort_keys=True).encode(
        "utf-8", "replace"
    )  # half a character goes
    mark = hmac.new(_LOT, body, "sha256").hexdigest()[:32]
    return f"<data {mark}>\n{body.decode()}\n</data {mark}>"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as the other side counted them."""

    input: int
    output: int
    cache_write: int = 0
    cache_read: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.input + self.output + self.cache_write + self.cache_read


@dataclass(frozen=True, slots=True)
class Answer:
    """What a back end got for one attempt."""

    text: str
    stop: str  # the API's stop reason
    usage: Usage | None  # None where the other side told nothing that makes sense
    request_id: str | None = None
    nano: int | None = None  # what it cost, where the other side says so itself


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request. `value` is the JSON object; where there is none, `trouble` says why."""

    value: dict[str, Any] | None
    trouble: str = ""
    nano: int = 0  # what this cost now: nothing when it was remembered
    tokens: int = 0
    remembered: bool = False
    request_id: str | None = None


class Failed(SkillloopError):  # noqa: N818  (one attempt; the door may try again)
    """An attempt got no answer.

    Args:
        message: What happened.
        again: Whether another attempt makes sense.
        wait: Seconds that the other side asks to wait first, or None.
        nano: What it cost all the same, in nano-dollars; None where nobody knows.
        tokens: Input and output together; None where nobody knows.
        request_id: The other side's, if it told one.
    """

    def __init__(
        self,
        message: str,
        *,
        again: bool = False,
        wait: float | None = None,
        nano: int | None = 0,
        tokens: int | None = 0,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.again, self.wait, self.request_id = again, wait, request_id
        self.nano, self.tokens = nano, tokens


class Backend(Protocol):
    """One way to reach a model. `ask` makes exactly one attempt: trying again and counting are the door's."""

    name: str
    overhead: int  # tokens that it may add to what it is given
    turns: int  # times that it may send it, at the most, for one answer

    def ask(self, request: Request, dollars: float) -> Answer:
        """Send a request.

        Args:
            request: What to send.
            dollars: The most that it may cost, for a back end that can enforce it itself.

        Raises:
            Failed: no answer came.
        """
        ...
