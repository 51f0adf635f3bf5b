"""What goes through the door to a model, and what comes back. Plain frozen data.

The instructions of a request are ours and fixed; what they speak of (words from a transcript, a skill) is `data`. It is
sent as JSON strings between two marks that are drawn by lot for each call, so that no text in it can end it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from skillloop.errors import SkillloopError
from skillloop.model import sha256

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Prompt:
    """Instructions, with the name that a proposal carries: file, version and the first 12 digits of its SHA-256."""

    name: str  # "draft.v1@3f2a…"
    text: str


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

    @property
    def key(self) -> str:
        """Hex SHA-256 over all that decides the answer."""
        parts = (self.model, self.prompt.text, self.data, self.schema, self.max_tokens, self.sample)
        return sha256(json.dumps(parts, sort_keys=True))

    def fenced(self, boundary: str | None = None) -> str:
        """The user's message: the data as one line of JSON between two marks that cannot be guessed."""
        mark = boundary or secrets.token_hex(16)
        body = json.dumps(self.data, ensure_ascii=False, sort_keys=True)
        return f"<data {mark}>\n{body}\n</data {mark}>"

    @property
    def bytes(self) -> int:
        """UTF-8 bytes that are sent as text: instructions, schema, and data with its marks."""
        texts = (self.prompt.text, json.dumps(self.schema), self.fenced("0" * 32))
        return sum(len(text.encode("utf-8", "replace")) for text in texts)


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
        billed: Whether it may have been billed all the same.
        request_id: The other side's, if it told one.
    """

    def __init__(
        self,
        message: str,
        *,
        again: bool = False,
        wait: float | None = None,
        billed: bool = False,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.again, self.wait, self.billed, self.request_id = again, wait, billed, request_id


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
