"""A person's machine with the plugin installed from this checkout, and a session on it, for the end-to-end tests."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import client
from stub import Stub, text, tool

ROOT = Path(__file__).parents[2]
READY = "for agents"  # in the client's footer once it takes input
SKILL = """---
name: research
description: Answers questions from sources. Use for any request that asks for evidence.
---

# Research

Answer from sources that can be checked.

## Sources

- Give the year of every study.
"""


def checkout(place: Path) -> Path:
    """This working tree as git sees it, without what it ignores: what a person gets who clones it."""
    listed = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place / name, follow_symlinks=False)
    return place


class Machine(client.Sandbox):
    """A sandbox with the marketplace added and the plugin installed, as a person would."""

    def __init__(self, root: Path, stub: Stub) -> None:
        super().__init__(root, stub.url)
        self.stub = stub
        self.skill = self.project / ".claude" / "skills" / "research" / "SKILL.md"
        for arguments in (
            ("marketplace", "add", checkout(root / "checkout")),
            ("install", "skillloop@skillloop"),
        ):
            done = self.claude("plugin", *arguments)
            assert done.returncode == 0, done.stdout + done.stderr
        allowed = {"permissions": {"allow": ["Skill(research)"]}}
        (self.project / ".claude").mkdir()
        (self.project / ".claude" / "settings.json").write_text(json.dumps(allowed))

    def restore(self) -> None:
        """As on the first day, but with skillloop's environment built."""
        self.idle()
        for path in self.skillloop.glob("*"):
            if path.name not in ("env", "bin"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.home / ".claude" / "projects", ignore_errors=True)
        shutil.rmtree(self.project / ".claude" / "rules", ignore_errors=True)
        self.stub.replies.clear()
        self.stub.requests.clear()
        self.skill.parent.mkdir(parents=True, exist_ok=True)
        self.skill.write_text(SKILL)

    def skillloop_json(self, *arguments: str) -> list[dict]:
        """The JSON lines that `skillloop ARGUMENTS` prints."""
        done = self.run(self.skillloop / "bin" / "skillloop", *arguments)
        assert done.returncode == 0, done.stderr + self.log
        return [json.loads(line) for line in done.stdout.splitlines()]

    @property
    def queue(self) -> list[dict]:
        """The edits that wait for the person, once the environment is there to ask; nothing else that waits."""
        built = (self.skillloop / "bin" / "skillloop").exists()
        waiting = self.skillloop_json("review", "--json") if built else []
        return [item for item in waiting if "id" in item]

    @property
    def transcripts(self) -> str:
        """What the client has written down of all sessions so far."""
        return "".join(path.read_text() for path in self.home.glob(".claude/projects/*/*.jsonl"))

    @property
    def log(self) -> str:
        """The worker's log, and what still lies in the inbox."""
        log = self.skillloop / "log" / "worker.log"
        parts = [log.read_text() if log.exists() else "no log"]
        for job in (self.skillloop / "inbox").rglob("*.json"):
            with suppress(FileNotFoundError):  # the worker has just done it
                parts.append(job.read_text())
        return "\n".join(parts)

    def wait_for_proposal(self, within: float) -> dict:
        """The one proposal that the worker, and nobody else, brings into the queue in time."""
        found: list[dict] = []
        client.until(
            lambda: found.extend(self.queue) or found, "nothing in the queue", within, lambda: self.log
        )
        assert len(found) == 1
        return found[0]

    def idle(self) -> None:
        """Wait until no worker runs."""
        running = ["pgrep", "-f", f"{self.skillloop}/env/"]
        client.until(
            lambda: subprocess.run(running, stdout=subprocess.DEVNULL, check=False).returncode,
            "a worker runs on",
        )

    def digested(self) -> None:
        """Wait until a session was digested and the worker has left."""
        client.until(lambda: "; edits:" in self.log, "no session was digested", 20, lambda: self.log)
        self.idle()


CORRECTION = "No, from now on always cite PubMed instead of forum threads."


def exchange(terminal: client.Terminal, stub: Stub, *pairs: tuple[str, str]) -> None:
    """A person says one thing after the other, and each has its answer."""
    for said, answer in pairs:
        stub.replies[:] = [[text(answer)]]
        terminal.type(said)
        terminal.see(answer)


def talk(terminal: client.Terminal, stub: Stub, correction: str | None = CORRECTION) -> None:
    """A person asks for something that uses the skill, and corrects what comes back."""
    stub.replies[:] = [
        [text("I will use the skill."), tool("Skill", skill="research")],
        [text("Vitamin D helps, says a thread on a forum.")],
        [text("Understood.")],
    ]
    terminal.see(READY)
    terminal.type("research whether vitamin D helps against colds")
    terminal.see("thread on a forum")
    if correction:
        terminal.type(correction)
        terminal.see("Understood.")
