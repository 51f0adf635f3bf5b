"""The one door to a model: one protocol, three back ends, and a budget that stands outside of them.

`Door.complete` looks whether the same question was answered before, holds what the call may cost, asks, charges what
it did cost, and tries again where that makes sense. Invariants: nothing is sent that the budget does not allow; every
attempt is in the ledger with its request id; an answer is data, checked for its form here and for its content by
whoever asked. Offline (the default) there is no door at all.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skillloop.config import Budget, Config
from skillloop.llm import prices
from skillloop.llm.anthropic import Api
from skillloop.llm.claude_cli import Client
from skillloop.llm.prompts import prompt, versioned
from skillloop.llm.request import Answer, Backend, Failed, Prompt, Reply, Request, Usage
from skillloop.llm.steering import steered
from skillloop.store import NANO, Call, Limit, Scope, Spend, Spent, Store
from skillloop.store.calls import Ending
from skillloop.text import redact

__all__ = [
    "BACKENDS", "Answer", "Backend", "Door", "Estimate", "Failed", "Prompt", "Reply", "Request", "Spend", "Spent", "Usage",
    "choose", "estimate", "limits", "open_door", "prompt", "remembered", "versioned",
]  # fmt: skip

BACKENDS: dict[str, type[Api | Client]] = {"anthropic": Api, "claude": Client}

TRIES = 4
LONGEST_WAIT = 60.0  # seconds; who asks for more is not waited for
_STOPS = {
    "refusal": "the model refused",
    "max_tokens": "the answer was cut off at its longest allowed length",
    "model_context_window_exceeded": "the question was too long for the model",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a request will cost: most likely, and at the very most."""

    tokens: int  # input and the whole allowed output
    likely: int  # nano-dollars, at three bytes a token and half of the allowed output
    most: int  # nano-dollars, at one byte a token and all of the allowed output: what is held


def estimate(request: Request, overhead: int = Api.overhead, turns: int = Api.turns) -> Estimate:
    """The cost of a request before it is sent. No token is shorter than a byte, so `most` is a true upper bound."""
    size = request.bytes
    longest = prices.price(request.model, size + overhead)
    written = max(longest.input, longest.cache_write)
    likely = prices.price(request.model, size // 3).of(Usage(size // 3 + 1, request.max_tokens // 2))
    most = (size + overhead) * written + request.max_tokens * longest.output
    return Estimate(turns * (size + overhead + request.max_tokens), likely, turns * most)


def choose(config: Config, environment: dict[str, str] | None = None, backend: str = "") -> tuple[str, str]:
    """The back end that the config (or who asks by name) means, and why, in words: `auto` takes what is there."""
    wanted = backend or config.model.backend
    env = os.environ if environment is None else environment
    if wanted != "offline" and (why := steered(env)):
        return "offline", why
    if wanted != "auto":
        return wanted, f'model.backend = "{wanted}"'
    if env.get("ANTHROPIC_API_KEY") or env.get("ANTHROPIC_AUTH_TOKEN"):
        return "anthropic", 'model.backend = "auto", and there is an API key'
    if shutil.which("claude", path=env.get("PATH")):
        return "claude", 'model.backend = "auto", and Claude Code is installed'
    return "offline", 'model.backend = "auto", but there is neither an API key nor Claude Code'


def open_door(config: Config, store: Store, session: str, backend: str = "") -> Door | None:
    """The door that the config (or who asks by name) opens for one session's work, or None when it says offline."""
    name, _ = choose(config, backend=backend)
    if name not in BACKENDS:
        return None
    return Door(BACKENDS[name](), store, limits(config.budget), session, _COMMAND)


_COMMAND = uuid.uuid4().hex
"""Stands for this process in the ledger: the budget of a command is one process's."""


def limits(budget: Budget) -> dict[Scope, Limit]:
    """The person's `[budget]` as limits of the ledger."""
    return {
        scope: Limit(
            round(getattr(budget, f"money_per_{scope}") * NANO),
            getattr(budget, f"tokens_per_{scope}"),
            getattr(budget, f"calls_per_{scope}"),
        )
        for scope in ("session", "day", "command")
    }


class Door:
    """An open way to a model, on one session's account."""

    def __init__(
        self,
        backend: Backend,
        store: Store,
        limits: dict[Scope, Limit],
        session: str,
        command: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.backend = backend
        self.spent = 0  # nano-dollars that went through this door
        self._store, self._limits, self._session, self._command = store, limits, session, command
        self._sleep = sleep

    def complete(self, request: Request) -> Reply:
        """Ask, within the budget. A question that was answered before is not asked again.

        Raises:
            Spent: a limit does not allow it; nothing was sent.
            Failed: no answer came, also after trying again.
        """
        known = remembered(self._store, request)
        if known is not None:
            return known
        for attempt in range(1, TRIES + 1):
            try:
                return self._attempt(request)
            except Failed as failure:
                if not failure.again or attempt == TRIES or (failure.wait or 0) > LONGEST_WAIT:
                    raise
                self._sleep(failure.wait if failure.wait is not None else _backoff(attempt))
        raise AssertionError("unreachable")

    def _attempt(self, request: Request) -> Reply:
        """One call: held, asked, charged."""
        held = estimate(request, self.backend.overhead, self.backend.turns)
        call = Call(
            self._session, self._command, request.purpose, self.backend.name, request.model, request.prompt.name,
            request.key, held.most, held.tokens,
        )  # fmt: skip
        calls = self._store.calls
        number = calls.reserve(call, self._limits)
        try:
            answer = self.backend.ask(request, held.most / NANO)
        except Failed as error:
            ending: Ending = "lost" if error.nano is None else "refused"
            calls.charge(number, ending, nano=error.nano, tokens=error.tokens, request_id=error.request_id)
            self.spent += held.most if error.nano is None else error.nano
            raise
        nano = answer.nano
        if nano is None and answer.usage is not None:
            nano = prices.cost(request.model, answer.usage)
        tokens = None if answer.usage is None else answer.usage.total
        answer = Answer(redact.redact(answer.text), answer.stop, answer.usage, answer.request_id, nano)
        kept = json.dumps({"text": answer.text, "stop": answer.stop, "request_id": answer.request_id})
        calls.charge(number, "answered", nano=nano, tokens=tokens, request_id=answer.request_id, reply=kept)
        self.spent += held.most if nano is None else nano
        return _reply(answer, request, nano=held.most if nano is None else nano, tokens=tokens or held.tokens)


def remembered(store: Store, request: Request) -> Reply | None:
    """The answer that the very same question got before, if it did."""
    known = store.calls.answer(request.key)
    if known is None:
        return None
    return _reply(Answer(**json.loads(known), usage=None), request, remembered=True)


def _backoff(attempt: int) -> float:
    """Seconds before the next attempt: 1, 2, 4 … with some jitter, so that workers do not come back together."""
    return 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)


def _reply(
    answer: Answer, request: Request, *, nano: int = 0, tokens: int = 0, remembered: bool = False
) -> Reply:
    value, trouble = _value(answer, request)
    return Reply(value, trouble, nano, tokens, remembered, answer.request_id)


def _value(answer: Answer, request: Request) -> tuple[dict[str, Any] | None, str]:
    """The JSON object of an answer, or why there is none."""
    if answer.stop in _STOPS:
        return None, _STOPS[answer.stop]
    try:
        value = json.loads(answer.text)
    except (ValueError, RecursionError):
        return None, "the answer was not JSON"
    wrong = _misfit(value, request.schema, "the answer")
    return (None, wrong) if wrong else (value, "")


_KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float), "null": type(None),
}  # fmt: skip


def _misfit(value: Any, schema: Any, where: str) -> str:
    """Why a value does not fit the part of JSON Schema that our prompts use; "" when it does. Trust no back end with it."""
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    fits = [
        kind
        for kind in kinds
        if isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
    ]
    if kinds and not fits:
        return f"{where} is not {' or '.join(kinds)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} is none of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        missing = [name for name in schema.get("required", ()) if name not in value]
        unknown = [name for name in value if name not in properties]
        if missing or unknown:
            return f"{where} {'lacks' if missing else 'has the unknown field'} {(missing or unknown)[0]!r}"
        wrong = (_misfit(item, properties[name], f"{where}.{name}") for name, item in value.items())
        return next(filter(None, wrong), "")
    if isinstance(value, list):
        wrong = (_misfit(item, schema.get("items", {}), f"{where}[{n}]") for n, item in enumerate(value))
        return next(filter(None, wrong), "")
    return ""
