"""Whether a project, and not the person, decides where a model's requests go.

The client puts the `env` of a project's `.claude/settings.json` into everything it starts, so a cloned repository could
send what is asked of a model, and the key with it, to a server of its own; and the worker that a session of that project
starts digests the sessions of all the others, too. Invariant: no request goes out while a variable that decides its way
has its value from a project's file. The same variable in the person's own settings or shell is the person's choice.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_STEERS = re.compile(
    r"ANTHROPIC_\w+|CLAUDE_CODE_USE_\w+|CLAUDE_CONFIG_DIR|(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|NODE_\w+",
    re.IGNORECASE,
)
_FILES = ("settings.json", "settings.local.json")


def steered(environment: Mapping[str, str]) -> str:
    """Which variable has its value from which project file, in words; "" where none has."""
    own = Path(environment.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
    mine = _env(own / _FILES[0])
    for file in _project_files(environment, own):
        for name, value in _env(file).items():
            if _STEERS.fullmatch(name) and environment.get(name) == value and mine.get(name) != value:
                return (
                    f"{file} sets {name}, so nothing is sent; if you want it so, set it in {own / _FILES[0]}"
                )
    return ""


def _project_files(environment: Mapping[str, str], own: Path) -> Iterator[Path]:
    """The settings of the project that the worker was started from, else of the one around the current folder."""
    start = environment.get("SKILLLOOP_PROJECT") or environment.get("CLAUDE_PROJECT_DIR") or os.getcwd()  # noqa: PTH109
    for folder in (Path(start), *Path(start).parents):
        if folder / ".claude" != own:
            yield from (folder / ".claude" / name for name in _FILES)


def _env(file: Path) -> dict[str, str]:
    """The variables that a settings file sets; none where it is missing or cannot be read, as the client takes it."""
    try:
        found = json.loads(file.read_bytes())["env"]
        return {name: value for name, value in found.items() if isinstance(value, str)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
