"""Send requests to a model: one client over exchangeable back ends, within a budget that stands outside of both.

`ModelClient.complete` looks up whether the same question was answered before, reserves what the call may cost, sends it,
charges what it did cost, and tries again where that makes sense. Invariants: nothing is sent that the budget does not
allow; every attempt is in the ledger with its request id; an answer is data, checked for its form here and for its
content by the caller; no request goes out while a project's file decides where it goes. Offline (the default) there is
no client at all.
"""

import json
import os
import random
import re
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from skillloop.config.sections import Budget, Config
from skillloop.llm.backends import Api, ClaudeCli, logged_in
from skillloop.llm.request import (
    Answer,
    ModelError,
    Prompt,
    Reply,
    Request,
    Usage,
    cost,
    price,
    prompt,
    schema,
    versioned,
)
from skillloop.store import NANO, BudgetExceeded, Call, Limit, Store
from skillloop.store.model_budget import BudgetScope, Ending
from skillloop.text import redact

__all__ = [
    "BACKENDS", "TRIES", "BudgetExceeded", "ModelClient", "ModelError", "Planned", "Prompt", "Request", "choose", "connect",
    "estimate", "limited", "limits", "prompt", "schema", "versioned",
]  # fmt: skip

Backend = Api | ClaudeCli
BACKENDS: dict[str, type[Backend]] = {"anthropic": Api, "claude": ClaudeCli}

TRIES = 4
LONGEST_WAIT = 60.0  # seconds; a server that asks for more is not waited for
_COMMAND = uuid.uuid4().hex  # stands for this process in the ledger: the budget of a command is one process's
_NO_ANSWER = {
    "refusal": "the model refused",
    "max_tokens": "the answer was cut off at its longest allowed length",
    "model_context_window_exceeded": "the question was too long for the model",
}
# variables that decide where requests go, and what they carry
_STEERING = re.compile(
    r"(?i:ANTHROPIC_\w+|CLAUDE_CODE_USE_\w+|CLAUDE_CONFIG_DIR|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|NODE_\w+)"
)
_SETTINGS = ("settings.json", "settings.local.json")


class Estimate(NamedTuple):
    """The cost of a request: most likely, and at the very most."""

    tokens: int  # input and the whole allowed output
    likely: int  # nano-dollars, at three bytes a token and half of the allowed output
    most: int  # nano-dollars, at one byte a token and all of the allowed output: what is reserved


class Planned(NamedTuple):
    """A request that would be sent, to which back end, and its cost."""

    request: Request
    backend: str
    cost: Estimate
    known: bool  # answered before: it would not be sent again


def estimate(request: Request, backend: Backend | type[Backend] = Api) -> Estimate:
    """Estimate a request before it is sent. No token is shorter than a byte, so `most` is a true upper bound."""
    size, overhead, turns = request.bytes, backend.overhead, backend.turns
    longest = price(request.model, size + overhead)
    written = max(longest.input, longest.cache_write)
    likely = price(request.model, size // 3).of(Usage(size // 3 + 1, request.max_tokens // 2))
    most = (size + overhead) * written + request.max_tokens * longest.output
    return Estimate(turns * (size + overhead + request.max_tokens), likely, turns * most)


def choose(config: Config, env: Mapping[str, str] | None = None, backend: str = "") -> tuple[str, str]:
    """Return the name of the back end that the config (or `backend`) means, and why; `auto` takes what is there."""
    wanted = backend or config.model.backend
    env = os.environ if env is None else env
    if wanted != "offline" and (why := steered(env)):
        return "offline", why
    said = f'model.backend = "{wanted}"'
    if wanted != "auto":
        return wanted, said
    if env.get("ANTHROPIC_API_KEY") or env.get("ANTHROPIC_AUTH_TOKEN"):
        return "anthropic", f"{said}, and there is an API key"
    if logged_in(env):
        return "anthropic", f"{said}, and Anthropic's SDK has a login"
    if shutil.which("claude", path=env.get("PATH")):
        return "claude", f"{said}, and Claude Code is installed"
    return "offline", f"{said}, but there is no API key, no login of the SDK and no Claude Code"


def steered(environment: Mapping[str, str]) -> str:
    """Say which variable a project's settings file sets to decide where requests go; "" where none does.

    The client puts the `env` of a project's `.claude/settings.json` into everything it starts, so a cloned repository could
    send requests, the key, and the sessions of other projects to a server of its own. What the person's own settings say is theirs.
    """
    own = Path(environment.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
    mine = _variables(own / _SETTINGS[0])
    # the project that the worker was started from, else the one around the current folder
    start = environment.get("SKILLLOOP_PROJECT") or environment.get("CLAUDE_PROJECT_DIR") or os.getcwd()  # noqa: PTH109
    folders = [folder / ".claude" for folder in (Path(start), *Path(start).parents)]
    for file in (folder / name for folder in folders if folder != own for name in _SETTINGS):
        for name, value in _variables(file).items():
            if _STEERING.fullmatch(name) and environment.get(name) == value and mine.get(name) != value:
                hint = f"if you want it so, set it in {own / _SETTINGS[0]}"
                return f"{file} sets {name}, so nothing is sent; {hint}"
    return ""


def _variables(file: Path) -> dict[str, str]:
    """Return the variables that a settings file sets; none where it cannot be read, as the client takes it."""
    try:
        env = json.loads(file.read_bytes())["env"]
        return {name: value for name, value in env.items() if isinstance(value, str)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def connect(
    config: Config, store: Store, session: str = "", backend: str = "", planned: list[Planned] | None = None
) -> "ModelClient | None":
    """Return a client for a session's work (None: offline); with `planned` it only lists its requests there."""
    name, _ = choose(config, backend=backend)
    if name not in BACKENDS:
        return None
    return ModelClient(BACKENDS[name](), store, limits(config.budget), session, _COMMAND, planned=planned)


def limited(rules: Config, money: float | None) -> Config:
    """Return the rules with these dollars for one run (by default those of a command), which also hold over all stops of it."""
    most = rules.budget.money_per_command if money is None else money
    budget = replace(
        rules.budget,
        money_per_command=most,
        money_per_session=most,
        tokens_per_session=rules.budget.tokens_per_command,
        calls_per_session=rules.budget.calls_per_command,
    )
    return replace(rules, budget=budget)


def limits(budget: Budget) -> dict[BudgetScope, Limit]:
    """Return the person's `[budget]` as limits of the ledger."""
    found: dict[BudgetScope, Limit] = {}
    for scope in get_args(BudgetScope):
        money, tokens, calls = (getattr(budget, f"{of}_per_{scope}") for of in ("money", "tokens", "calls"))
        found[scope] = Limit(round(money * NANO), tokens, calls)
    return found


@dataclass(slots=True)
class ModelClient:
    """A client on one session's account."""

    backend: Backend
    store: Store
    limits: Mapping[BudgetScope, Limit]
    session: str
    command: str
    sleep: Callable[[float], None] = field(default=time.sleep, kw_only=True)
    planned: list[Planned] | None = field(default=None, kw_only=True)  # see `connect`

    def complete(self, request: Request) -> Reply:
        """Ask, within the budget. A question that was answered before is not asked again.

        A plan goes on as with a model that refuses; nothing is sent, reserved or written for it. Raises BudgetExceeded: a
        limit does not allow it, and nothing was sent; ModelError: no answer came, also after trying again.
        """
        stored = self.store.calls.answer(request.key)
        known = None if stored is None else _reply(Answer(**json.loads(stored), usage=None), request)
        if self.planned is not None:
            likely = estimate(request, self.backend)
            self.planned.append(Planned(request, self.backend.name, likely, known is not None))
            return known or Reply(None, "nothing was asked: this is a plan")
        if known is not None:
            return known
        for attempt in range(1, TRIES + 1):
            try:
                return self._attempt(request)
            except ModelError as error:
                if not error.again or attempt == TRIES or (error.wait or 0) > LONGEST_WAIT:
                    raise
                # 1, 2, 4 … seconds with some jitter, so that workers do not come back together
                backoff = 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)
                self.sleep(error.wait if error.wait is not None else backoff)
        raise AssertionError("unreachable")

    def _attempt(self, request: Request) -> Reply:
        held = estimate(request, self.backend)
        call = Call(
            self.session, self.command, request.purpose, self.backend.name, request.model, request.prompt.name,
            request.key, held.most, held.tokens,
        )  # fmt: skip
        calls = self.store.calls
        number = calls.reserve(call, self.limits)
        try:
            answer = self.backend.ask(request, held.most / NANO)
        except ModelError as error:
            ending: Ending = "lost" if error.nano is None else "refused"
            calls.charge(number, ending, nano=error.nano, tokens=error.tokens, request_id=error.request_id)
            raise
        nano, tokens = answer.nano, None if answer.usage is None else answer.usage.total
        if nano is None and answer.usage is not None:
            nano = cost(request.model, answer.usage)
        answer = Answer(redact.redact(answer.text), answer.stop, answer.usage, answer.request_id)
        kept = json.dumps({"text": answer.text, "stop": answer.stop, "request_id": answer.request_id})
        calls.charge(number, "answered", nano=nano, tokens=tokens, request_id=answer.request_id, reply=kept)
        return _reply(answer, request)


def _reply(answer: Answer, request: Request) -> Reply:
    """Return the JSON object of an answer, or why there is none."""
    if answer.stop in _NO_ANSWER:
        return Reply(None, _NO_ANSWER[answer.stop])
    try:
        value = msgspec.json.decode(answer.text, type=_type(request.schema))
    except msgspec.ValidationError as error:
        return Reply(None, f"the answer has another form: {error}")
    except (msgspec.DecodeError, ValueError, RecursionError):
        return Reply(None, "the answer was not JSON")
    return Reply(msgspec.to_builtins(value))


def _type(schema: Mapping[str, Any]) -> Any:
    """Return the type that the part of JSON Schema which our prompts use describes. No back end is trusted with it."""
    match schema["type"]:
        case "object":
            fields = [(name, _type(part)) for name, part in schema["properties"].items()]
            return msgspec.defstruct("Answer", fields, forbid_unknown_fields=True)
        case "array":
            return list[_type(schema["items"])]  # type: ignore[misc]
    return Literal[tuple(schema["enum"])] if "enum" in schema else str
