"""The person's own Claude Code as a back end: their login, no API key.

Invariants: the client starts with no hooks, no tools, no skills and leaves no transcript, and its environment says
that it is inside skillloop, so that it can never start itself again. The words go in by stdin: a command line can be
read by every user of the machine.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from skillloop.llm.prices import PRICES, cost, price
from skillloop.llm.request import Answer, Failed, Request, Usage
from skillloop.store import NANO

TIMEOUT = 300.0  # seconds for a whole call, the client's own retries included


class Client:
    """The `claude` back end: `claude -p` with what to say on stdin."""

    name = "claude"
    overhead = 2000  # the client adds its own lines to every prompt
    turns = 2  # it asks again, once, for the form that was missed

    def __init__(self, program: str = "claude", *, timeout: float = TIMEOUT) -> None:
        self._program = program
        self._timeout = timeout

    def ask(self, request: Request, dollars: float) -> Answer:
        """See `Backend.ask`."""
        told = self._run(self.command(request, dollars), request)
        try:
            result = json.loads(told)
        except ValueError:
            raise Failed(f"claude said no JSON: {told[:200]!r}", nano=None, tokens=None) from None
        if not isinstance(result, dict):
            raise Failed("claude said no JSON object", nano=None, tokens=None)
        return _answer(result)

    def command(self, request: Request, dollars: float) -> list[str]:
        """The command line. Everything that could act, remember or call back is off."""
        flags = ["--safe-mode", "--no-session-persistence", "--output-format", "json", "--tools", ""]
        flags += [
            "--model",
            request.model,
            "--max-budget-usd",
            f"{_as_it_counts(request.model, dollars):.6f}",
        ]
        flags += ["--json-schema", json.dumps(request.schema), "--system-prompt", request.prompt.text]
        return [self._program, "-p", *flags]

    def _run(self, command: list[str], request: Request) -> str:
        environment = {
            **os.environ,
            "SKILLLOOP_INSIDE": "1",
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(request.max_tokens),
        }
        for name in (
            "CLAUDECODE",
            "CLAUDE_CODE_CHILD_SESSION",
            "CLAUDE_CODE_SESSION_ID",
            "CLAUDE_CODE_ENTRYPOINT",
        ):
            environment.pop(name, None)  # started from a session, it must not take itself for a part of it
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
            raise Failed(f"{self._program} cannot be started: {error.strerror}") from error
        with process:
            try:
                out, err = process.communicate(request.message.encode(), self._timeout)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                late = f"claude gave no answer within {self._timeout:.0f} s"
                raise Failed(late, nano=None, tokens=None) from error
        if not out.strip():
            said = err.decode("utf-8", "replace").strip()[-300:]
            raise Failed(f"claude ended with {process.returncode}: {said}", nano=None, tokens=None)
        return out.decode("utf-8", "replace")


def _as_it_counts(model: str, dollars: float) -> float:
    """A limit as the client sees it: it takes a model that is newer than itself for a dear one."""
    return dollars * max(1.0, _TAKEN_FOR / price(model).output)


_TAKEN_FOR = 25_000  # nano-dollars for a token of output, seen with client 2.1.197


def _answer(result: dict[str, Any]) -> Answer:
    """The client's JSON. An error of it (no login, budget reached, overloaded) is no answer, but may have cost."""
    nano, usage = _bill(result)
    value = result.get("structured_output")
    text = json.dumps(value) if value is not None else str(result.get("result") or "")
    stop = str(result.get("stop_reason") or "")
    if stop == "refusal":
        return Answer(text, stop, usage, None, nano)
    if result.get("is_error") or result.get("subtype") != "success":
        tokens = usage.total if usage else None
        raise Failed(f"claude: {result.get('subtype')}: {text[:300]}", nano=nano, tokens=tokens)
    return Answer(
        text,
        "end_turn" if value is not None else stop,
        usage,
        str(result.get("session_id") or "") or None,
        nano,
    )


def _bill(result: dict[str, Any]) -> tuple[int | None, Usage | None]:
    """Nano-dollars and tokens of all turns: by our prices for models that we know, else as the client says."""
    total, told, known = Usage(0, 0), result.get("modelUsage"), 0
    if not isinstance(told, dict) or not told:
        return _nano(result.get("total_cost_usd")), None
    for model, found in told.items():
        usage = _usage(found)
        if usage is None or model not in PRICES:
            return _nano(result.get("total_cost_usd")), usage
        known += cost(model, usage)
        total = Usage(*(getattr(total, sort) + getattr(usage, sort) for sort in Usage.__slots__))
    return known, total


def _nano(dollars: Any) -> int | None:
    if isinstance(dollars, bool) or not isinstance(dollars, int | float) or not 0 <= dollars < 1e6:
        return None
    return round(dollars * NANO)


def _usage(found: Any) -> Usage | None:
    if not isinstance(found, dict):
        return None
    names = ("inputTokens", "outputTokens", "cacheCreationInputTokens", "cacheReadInputTokens")
    values = [found.get(name) or 0 for name in names]
    if not all(isinstance(value, int) and value >= 0 for value in values):
        return None
    return Usage(*values)
