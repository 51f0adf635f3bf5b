"""The person's own Claude Code as a back end: their login, no API key.

Invariants: the client starts with no hooks, no tools, no skills and leaves no transcript, and its environment says
that it is inside skillloop, so that it can never start itself again. The words go in by stdin: a command line can be
read by every user of the machine.
"""

import json
import os
import signal
import subprocess
from operator import add
from pathlib import Path
from typing import Any

from skillloop.hosts.claude_code.hooks.session import SESSION_VARIABLES
from skillloop.llm.request import PRICES, Answer, ModelError, Request, Usage, cost, price
from skillloop.store import NANO

TIMEOUT = 300.0  # seconds for a whole call, the client's own retries included

# nano-dollars a token, of a model newer than the client: seen with client 2.1.197
_ASSUMED_OUTPUT_PRICE = 25_000


class ClaudeCli:
    """The `claude` back end: `claude -p` with what to say on stdin."""

    name = "claude"
    overhead = 2000  # the client adds its own lines to every prompt
    turns = 2  # it asks again, once, for the form that was missed

    def __init__(self, program: str = "claude", *, timeout: float = TIMEOUT) -> None:
        self._program = program
        self._timeout = timeout

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
        """Return the command line. Everything that could act, remember or call back is off.

        The client takes a model that is newer than itself for a dear one: the limit is raised to what it will count.
        """
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
