"""Ask a checkout's command line, make its answers comparable, and say where two of them part.

The command line alone is asked, as a person would: whatever moves inside the package, these answers stay. Wording is not
compared: what a check says in `detail`, and `troubles` and reasons, are sentences for people. What is: every field of the
documented JSON, with quotes, lessons, ids, confidences, diffs, the outcome of each check and whose rule decided, in this
order; prompts to the last byte.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORDING = frozenset({"detail", "troubles", "reason", "why", "note"})
"""Keys whose text may be said better at any time; `detail` of a log entry holds facts and is compared."""

_ONCE = re.compile(r"(?<![-\w])(?:[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{64})(?![-\w])")
"""Ids and hashes that depend on where the world lies, and the marks around a prompt's data."""

_MOMENT = re.compile(r"\b20\d\d-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d\d:\d\d)?")
_LOOP = """
import json, sys
from skillloop import cli
for line in sys.stdin:
    print(json.dumps({"exit": cli.run(json.loads(line))}), flush=True)
"""


@dataclass(frozen=True)
class Answer:
    """What one call printed, a JSON value a line, and its exit code."""

    values: list[Any]
    code: int


def run_calls(
    calls: Iterable[Sequence[str | Path]], root: Path, checkout: Path | None = None
) -> list[Answer]:
    """Run `skillloop` with each of these arguments, in one process for all.

    Args:
        calls: The arguments of each call.
        root: A folder to work in, which also plays the person's home and is called /world in the answers.
        checkout: Whose code answers; None is the one that is installed.

    Raises:
        RuntimeError: the process broke, or printed something that is no JSON.
    """
    calls = [list(map(str, call)) for call in calls]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANTHROPIC", "CLAUDE", "SKILLLOOP"))}
    env = kept | {"HOME": str(root / "person"), "NO_COLOR": "1"}
    if Path("/dev/shm").is_dir():
        env["TMPDIR"] = "/dev/shm"
    if checkout is not None:
        env["PYTHONPATH"] = str(checkout)
    lines = "".join(json.dumps(call) + "\n" for call in calls)
    command = [sys.executable, "-c", _LOOP]
    done = subprocess.run(command, input=lines.encode(), cwd=root, env=env, capture_output=True, check=False)
    answers, values = [], []
    try:
        for line in done.stdout.decode("utf-8", "replace").replace(str(root), "/world").splitlines():
            value = json.loads(line)
            if isinstance(value, dict):
                value.pop("version", None)
            if isinstance(value, dict) and value.keys() == {"exit"}:
                answers.append(Answer(values, value["exit"]))
                values = []
            else:
                values.append(value)
    except ValueError:
        raise RuntimeError(f"no JSON: {line[:500]}") from None
    if done.returncode or len(answers) != len(calls):
        raise RuntimeError(done.stderr.decode("utf-8", "replace")[-2000:])
    return answers


def stable(value: Any, seen: dict[str, str] | None = None) -> Any:
    """The same value with moments called MOMENT, and each one-time id and hash called by the order of its appearance."""
    seen = {} if seen is None else seen
    if isinstance(value, dict):
        return {key: stable(item, seen) for key, item in value.items()}
    if isinstance(value, list):
        return [stable(item, seen) for item in value]
    if isinstance(value, str):
        return _ONCE.sub(lambda m: seen.setdefault(m[0], f"ID{len(seen) + 1}"), _MOMENT.sub("MOMENT", value))
    return value


def without_wording(value: Any) -> Any:
    """The same value without its wording: such a text is "…", such a list as many of them."""
    if isinstance(value, dict):
        return {
            key: _hidden(item) if key in WORDING else without_wording(item) for key, item in value.items()
        }
    return [without_wording(item) for item in value] if isinstance(value, list) else value


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return "…" if value else ""
    return ["…"] * len(value) if isinstance(value, list) else without_wording(value)


def brief(digested: dict[str, Any]) -> dict[str, Any]:
    """The answer about one session in a few lines: what was found, and of each proposal the edit, the outcome and the failed checks."""
    return {
        "disagreements": [
            [item["kind"], item["confidence"], item["durable"], item["quote"], item["lesson"]]
            for item in digested["disagreements"]
        ],
        "proposals": [
            {
                "edit": [line for line in item["diff"].split("\n")[2:] if line[:1] in {"+", "-"}],
                "outcome": item["verdict"]["outcome"],
                "failed": [
                    check["name"] + "!" * check["hard"]
                    for check in item["verdict"]["checks"]
                    if not check["passed"]
                ],
            }
            for item in digested["proposals"]
        ],
        "recurrences": [item["rule"] for item in digested["recurrences"]],
        "troubles": len(digested["troubles"]),
    }


def differences(old: Any, new: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two JSON values part: the place, what was there, what is there."""
    if isinstance(old, dict) and isinstance(new, dict):
        if list(old) != list(new):
            yield f"{at} keys", list(old), list(new)
        for key in old:
            if key in new:
                yield from differences(old[key], new[key], f"{at}.{key}")
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{at} ({len(old)} → {len(new)} items)", old, new
            return
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            name = before.get("name", "") if isinstance(before, dict) else ""
            yield from differences(before, after, f"{at}[{name or number}]")
    elif old != new or type(old) is not type(new):
        yield at, old, new


def report(diffs: Iterable[tuple[str, Any, Any]], most: int = 10) -> str:
    """The first differences, to be read: the place, then − what was and + what is; long texts from where they part."""
    diffs = list(diffs)
    lines = []
    for place, *both in diffs[:most]:
        texts = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in both]
        alike = next(
            (n for n, (was, now) in enumerate(zip(*texts, strict=False)) if was != now), min(map(len, texts))
        )
        start = max(0, alike - 60) if max(map(len, texts)) > 300 else 0
        lines += [
            place,
            *(f"  {sign} {text[start : start + 300]}" for sign, text in zip("-+", texts, strict=True)),
        ]
    rest = len(diffs) - most
    return "\n".join(lines + ([f"… and {rest} more"] if rest > 0 else []))


def temporary() -> tempfile.TemporaryDirectory[str]:
    """A folder whose path is as long as any other such: byte offsets of what is written there are the same."""
    return tempfile.TemporaryDirectory(prefix="skillloop-golden-")
