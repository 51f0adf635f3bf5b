"""What is sent to a model, what comes back, and what it costs (`data/prices.toml`). Plain frozen data.

The instructions of a request are our own files, `data/prompts/NAME.vN.j2`, one version a file; a released one is never
changed. A prompt's name holds the hash of its file, and every proposal and call holds that name, so that what was asked
can be told years later. What the instructions speak of (words from a transcript, a skill) is data: it is sent as JSON
strings between marks that cannot be guessed, so that no text in it can end it. What stays the same from call to call
(`shared`: the skill) comes first and as a block of its own, because the other side's cache works on prefixes.

Prices are kept in whole nano-dollars a token, which is dollars a million tokens times 1000, so that sums are exact. A
model that is not in the table is charged at the dearest prices in it: a budget may stop too early, never too late.
"""

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import mul
from pathlib import Path
from typing import Any, NamedTuple, Self

from skillloop.errors import SkillloopError
from skillloop.model import sha256
from skillloop.text.lexicon import table
from skillloop.text.redact import as_json

PROMPTS = Path(__file__).parents[1] / "data" / "prompts"

_SECRET = secrets.token_bytes(32)  # drawn by each process: marks around data are made with it


class Prompt(NamedTuple):
    """Instructions, with the name that a proposal carries: file, version and the first 12 digits of its SHA-256."""

    name: str  # "lessons.v1@3f2a…"
    text: str


def prompt(name: str, **values: Any) -> Prompt:
    """Fill in a prompt with our own values (numbers, lists of words; never a transcript's: those are data)."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  (30 ms that an offline run saves)

    # A prompt is no HTML, so nothing is escaped.
    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701
    return Prompt(versioned(name), environment.from_string(_source(name)).render(**values).strip())


def schema(**properties: Any) -> dict[str, Any]:
    """Return the JSON schema of an object that has just these properties, all of them."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def versioned(name: str) -> str:
    """Return the name of a prompt with the hash of its file."""
    return f"{name}@{sha256(_source(name))[:12]}"


@cache
def _source(name: str) -> str:
    return (PROMPTS / f"{name}.j2").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model. Two requests that are equal are the same question: it is paid for once."""

    purpose: str  # "draft", "replay", "judge" …
    model: str
    prompt: Prompt
    data: Mapping[str, Any]  # JSON values
    schema: Mapping[str, Any]  # JSON schema of the answer, an object
    max_tokens: int = 4000  # of the answer, thinking included
    sample: int = 0  # tells repeated asking of the same question apart
    samples: int = 1  # how often the same question is asked in all
    shared: Mapping[str, Any] = field(default_factory=dict)  # like data: what other questions begin with, too
    about: str = ""  # what makes it the same question, where that is not all of its data

    @property
    def key(self) -> str:
        """Return the hex SHA-256 over all that decides the answer."""
        asked = self.about or (self.shared, self.data)
        decisive = (self.model, self.prompt.text, asked, self.schema, self.max_tokens, self.sample)
        return sha256(json.dumps(decisive, sort_keys=True))

    def blocks(self) -> list[tuple[str, bool]]:
        """Return the message as lines of JSON between marks, each with whether it is likely sent again soon."""
        shared = [(_fenced(self.shared), True)] if self.shared else []
        return [*shared, (_fenced(self.data), self.samples > 1)]

    @property
    def message(self) -> str:
        """Return the blocks as one text."""
        return "\n".join(text for text, _ in self.blocks())

    @property
    def bytes(self) -> int:
        """Count the UTF-8 bytes that are sent as text: instructions, schema, and data with its marks."""
        texts = (self.prompt.text, json.dumps(self.schema), self.message)
        return sum(len(text.encode("utf-8")) for text in texts)


def _fenced(data: Mapping[str, Any]) -> str:
    """Return data between two marks: a hash of it under the process's secret.

    No text can hold the mark around it: it would have to know the secret, and its own hash. The same data has the same
    mark as long as the process lives, so that a repeated block is the same to the last byte. Half a character is replaced.
    """
    body = as_json(data, sort_keys=True).encode("utf-8", "replace")
    mark = hmac.new(_SECRET, body, "sha256").hexdigest()[:32]
    return f"<data {mark}>\n{body.decode()}\n</data {mark}>"


class Usage(NamedTuple):
    """Tokens of one call, as the other side counted them."""

    input: int
    output: int
    cache_write: int = 0
    cache_read: int = 0

    @classmethod
    def counted(cls, *counts: Any) -> Self | None:
        """Return the four counts as a usage, where a missing one is 0; None where one makes no sense."""
        values = [count or 0 for count in counts]
        return cls(*values) if all(isinstance(value, int) and value >= 0 for value in values) else None

    @property
    def total(self) -> int:
        """Return the sum of all tokens."""
        return sum(self)


class Price(NamedTuple):
    """Nano-dollars for one token of each sort, in the order of `Usage`."""

    input: int
    output: int
    cache_write: int
    cache_read: int

    @classmethod
    def read(cls, row: Mapping[str, float]) -> Self:
        """Read the dollars a million tokens of the table."""
        return cls(**{name: round(dollars * 1000) for name, dollars in row.items()})

    def of(self, usage: Usage) -> int:
        """Return what these tokens cost, in nano-dollars."""
        return sum(map(mul, self, usage))


PRICES: dict[str, Price] = {model: Price.read(row["price"]) for model, row in table("prices").items()}

UNKNOWN = Price(*map(max, zip(*PRICES.values(), strict=True)))


def price(model: str, prompt_tokens: int = 0) -> Price:
    """Return the prices of a call to `model` with so long a prompt. A dated name (`…-20251001`) is its family's."""
    family = model if model in PRICES else model.rpartition("-")[0]
    over = table("prices").get(family, {}).get("over")
    if over and prompt_tokens > over["tokens"]:
        return Price.read(over["price"])
    return PRICES.get(family, UNKNOWN)


def cost(model: str, usage: Usage) -> int:
    """Return what a call cost, in nano-dollars."""
    return price(model, usage.input + usage.cache_write + usage.cache_read).of(usage)


class Answer(NamedTuple):
    """What a back end got for one attempt."""

    text: str
    stop: str  # the API's stop reason
    usage: Usage | None  # None where the other side told nothing that makes sense
    request_id: str | None = None
    nano: int | None = None  # what it cost, where the other side says so itself


class Reply(NamedTuple):
    """The answer to a request. `value` is the JSON object; where there is none, `trouble` says why."""

    value: dict[str, Any] | None
    trouble: str = ""


class ModelError(SkillloopError):
    """An attempt got no answer. The client may try `again`, after `wait` seconds where the other side asks for them.

    It cost `nano` nano-dollars and `tokens` (input and output together) all the same; None where nobody knows.
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
        self.nano, self.tokens = nano, None if nano is None and not tokens else tokens
