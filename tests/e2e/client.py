"""Drives the real Claude Code client inside tmux, sealed: its own HOME, a key that is no key, the stub as its API."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = "@anthropic-ai/claude-code"
VERSION = os.environ.get("SKILLLOOP_CLIENT_VERSION", "2.1.332")
"""Pinned, because npm's `latest` moves; set it to `latest` to try the newest."""
KEY = "sk-stub-not-a-key"
WAIT = 30.0  # seconds that anything in the client may take on a busy machine


def binary() -> Path:
    """Return the client's binary, installed from npm into a cache outside the repository on first use.

    SKILLLOOP_CLIENT_CACHE names that cache; the default is a folder of the system's temporary directory.
    """
    root = Path(os.environ.get("SKILLLOOP_CLIENT_CACHE") or Path(tempfile.gettempdir()) / "skillloop-client")
    cache = root / VERSION
    package = cache / "node_modules" / PACKAGE
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two workers of one run
        if not package.exists():
            npm = ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(cache)]
            subprocess.run([*npm, f"{PACKAGE}@{VERSION}"], check=True)
    native = sorted(package.parent.glob("claude-code-*/claude"))
    return native[0] if native else cache / "node_modules" / ".bin" / "claude"


def missing() -> str | None:
    """Why the client cannot be driven on this machine, or None."""
    absent = [name for name in ("tmux", "npm") if shutil.which(name) is None]
    return f"needs {' and '.join(absent)}" if absent else None


class Sandbox:
    """A person's machine in a folder: HOME with a finished onboarding, a project, and the client's environment."""

    def __init__(self, root: Path, api: str) -> None:
        self.home = root / "home"
        self.project = self.home / "project"
        self.project.mkdir(parents=True)
        self.skillloop = self.home / ".skillloop"
        state = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "bypassPermissionsModeAccepted": True,
            "customApiKeyResponses": {"approved": [KEY, KEY[-20:]], "rejected": []},
            "projects": {
                str(self.project): {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
            },
        }
        (self.home / ".claude.json").write_text(json.dumps(state))
        self.environment = {
            "HOME": str(self.home), "PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8",
            "IS_SANDBOX": "1", "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "ANTHROPIC_BASE_URL": api, "ANTHROPIC_API_KEY": KEY,
        }  # fmt: skip

    def run(self, *command: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command as the person would outside the client; its output is captured."""
        return subprocess.run(
            list(map(str, command)), cwd=self.project, env=self.environment, capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip

    def claude(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run `claude ARGUMENTS` to its end."""
        return self.run(binary(), *arguments)

    @contextlib.contextmanager
    def terminal(self, *command: str | Path, size: tuple[int, int] = (160, 50)) -> Iterator[Terminal]:
        """A terminal of so many columns and lines that runs a command, closed at the end whatever happens."""
        terminal = Terminal(command, self.project, self.environment, size)
        try:
            yield terminal
        finally:
            terminal.close()


class Terminal:
    """One tmux server with one pane in which a command runs."""

    def __init__(
        self, command: tuple[str | Path, ...], cwd: Path, environment: dict[str, str], size: tuple[int, int]
    ) -> None:
        self._socket = f"skillloop-{uuid.uuid4().hex[:12]}"
        stay = [
            "start-server",
            ";",
            "set-option",
            "-g",
            "remain-on-exit",
            "on",
            ";",
        ]  # its last words can be read
        start = [
            *stay,
            "new-session",
            "-d",
            "-x",
            str(size[0]),
            "-y",
            str(size[1]),
            "-c",
            str(cwd),
            "env",
            "-i",
        ]
        start += [f"{name}={value}" for name, value in environment.items()]
        self._tmux(*start, *map(str, command))

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        command = ["tmux", "-L", self._socket, "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=check).stdout

    @property
    def screen(self) -> str:
        """What the pane shows now, or showed last."""
        return self._tmux("capture-pane", "-p", "-J", check=False)

    @property
    def coloured(self) -> str:
        """What the pane shows now, with the codes of its colours."""
        return self._tmux("capture-pane", "-p", "-e")

    @property
    def pid(self) -> int:
        """Process id of the command."""
        return int(self._tmux("list-panes", "-F", "#{pane_pid}"))

    @property
    def alive(self) -> bool:
        """Whether the command still runs."""
        return self._tmux("list-panes", "-F", "#{pane_dead}").strip() == "0"

    def press(self, *keys: str) -> None:
        """Press keys by their tmux names, e.g. "Enter", "C-c"."""
        self._tmux("send-keys", *keys)

    def answer(self, key: str) -> None:
        """Answer a dialog. Newer clients take no key in the first moment that a dialog stands there."""
        time.sleep(2.0)
        self.press(key)

    def type(self, words: str) -> None:
        """Type a line and press Enter, with the pause that keeps the client from taking it for a paste."""
        self.write(words)
        # a busy client would take words and Enter together for a paste
        self.see(words.rsplit(maxsplit=1)[-1][-8:])
        self.press("Enter")

    def write(self, words: str) -> None:
        """Type words without pressing Enter."""
        self._tmux("send-keys", "-l", words)
        time.sleep(0.5)

    def paste(self, words: str) -> None:
        """Paste words, as a terminal does it."""
        self._tmux("set-buffer", "--", words)
        self._tmux("paste-buffer", "-p")
        time.sleep(0.5)

    def see(self, words: str, timeout: float = WAIT) -> str:
        """Wait until the screen shows `words`; the whole screen is returned, or shown in the error."""
        until(lambda: words in self.screen, f"never saw {words!r}", timeout, lambda: self.screen)
        return self.screen

    def gone(self) -> None:
        """Wait until the command has ended."""
        until(lambda: not self.alive, "still running", WAIT, lambda: self.screen)

    def close(self) -> None:
        """Close the terminal; its program gets a hang-up, as when a window is shut, and time to end."""
        if pid := self._tmux(
            "list-panes", "-F", "#{pane_pid}", check=False
        ).strip():  # else it was closed before
            self._tmux("kill-server")
            until(lambda: not Path(f"/proc/{pid}").exists(), "survived its terminal")


def until(
    reached: Callable[[], object], otherwise: str, timeout: float = WAIT, shown: Callable[[], str] = str
) -> None:
    """Wait until `reached()` is true; else fail with `otherwise` and what `shown()` says."""
    deadline = time.monotonic() + timeout
    while not reached():
        if time.monotonic() > deadline:
            raise AssertionError(f"{otherwise} within {timeout:.0f} s\n{shown()}")
        time.sleep(0.1)
