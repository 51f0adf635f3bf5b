"""Sixty-four sessions end at once, round after round: real hooks, real workers, real digests.

    python tests/bench/drain.py [--sessions 64] [--rounds 20]

Each end is the hook as a process of its own; a round is over when the inbox is empty and no worker holds its lock.
Every session has a disagreement in it. Exits 1 where one was lost or digested twice, or a round took 20 s or more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

from ends import ROOT, end_all

from skillloop.fs import locked
from skillloop.store import Store

LIMIT = 20.0  # seconds for a round
# In the place of environment.py: the worker at once.
WORKER = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, *{[path for path in sys.path if "site-packages" in path]!r}]
from skillloop.worker import worker
worker.main()
"""
SKILL = "---\nname: web\ndescription: Answer.\n---\n\n# Answers\n\n- Start with the answer.\n"


def main() -> int:
    """End the sessions of each round, wait for the workers, count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        scratch, seconds, names = Path(folder), [], []
        hook = scratch / "plugin" / "skillloop" / "hosts" / "claude_code" / "hooks" / "session.py"
        hook.parent.mkdir(parents=True)
        shutil.copy(ROOT / "skillloop" / "hosts" / "claude_code" / "hooks" / "session.py", hook)
        hook.with_name("environment.py").write_text(WORKER)
        home, projects = scratch / "home", scratch / "client" / "projects" / "-p"
        for _ in range(options.rounds):
            ended = [session(scratch, projects) for _ in range(options.sessions)]
            began = time.monotonic()
            end_all(hook, home, projects, ended, CLAUDE_CONFIG_DIR=str(scratch / "client"))
            drained(home)
            seconds.append(time.monotonic() - began)
            names += ended
        return told(home, names, seconds)


def session(scratch: Path, projects: Path) -> str:
    """One transcript with a disagreement in it; its id."""
    sys.path.append(str(ROOT / "tests"))
    from transcripts import Transcript

    skill = scratch / "skills" / "web" / "SKILL.md"
    skill.parent.mkdir(parents=True, exist_ok=True)
    skill.write_text(SKILL)
    name = str(uuid.uuid4())
    talk = Transcript(session_id=name).typed("How much sleep?").skill("web", str(skill))
    talk.says("Eight hours. I have finished the answer.").typed("No, that's wrong. Never cite a magazine.")
    talk.says("You're right, sorry.").write(projects / f"{name}.jsonl")
    os.utime(projects / f"{name}.jsonl", (1e9, 1e9))
    return name


def drained(home: Path) -> None:
    """Wait until no job is left and no worker is at one."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if not list((home / "inbox").rglob("*.json")):
            with locked(home / "worker.lock", wait=60):
                return
        time.sleep(0.05)


def told(home: Path, names: list[str], seconds: list[float]) -> int:
    """Print what came of it; 1 where something is wrong."""
    with Store.open(home) as store:
        digested = [entry.detail["session"] for entry in store.log() if entry.event == "digested"]
        found = {each.evidence.session_id for each in store.disagreements()}
        problems = store.verify()
    lost, twice = set(names) - set(digested), len(digested) - len(set(digested))
    print(
        f"{len(names)} ends in {len(seconds)} rounds: {len(lost)} lost, {twice} twice, "
        f"{len(set(names) - found)} without their disagreement; a round took "
        f"{statistics.median(seconds):.1f} s in the median, {max(seconds):.1f} s at most; log: {problems or 'sound'}"
    )
    return bool(lost or twice or problems or max(seconds) >= LIMIT or len(found) != len(names))


if __name__ == "__main__":
    sys.exit(main())
