"""Many sessions end at once: every one is digested exactly once, by one worker.

    python tests/bench/ends.py [--sessions 200]

Each end is the real hook as a process of its own, all started together; the workers they start are real too, only
what digesting does is replaced by a line in a file. Exits 1 where a session was lost or digested twice.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOOKS = "skillloop/hosts/claude_code/hooks"
# In the place of environment.py: the worker at once, with a digest that writes down whose turn it is.
WORKER = f"""
import os, sys
sys.path[:0] = [{str(ROOT)!r}, *{[path for path in sys.path if "site-packages" in path]!r}]
from pathlib import Path
from skillloop.worker import worker

def digest(home, path):
    with open(home / "digested", "a") as file:
        file.write(path.stem + "\\n")
    return "noted"

home = Path(os.environ["SKILLLOOP_HOME"])
worker.drain(home, home / "client", digest)
"""


def main() -> int:
    """End the sessions, wait for the workers, count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=200)
    count = parser.parse_args().sessions
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        (scratch / "plugin" / HOOKS).mkdir(parents=True)
        shutil.copy(ROOT / HOOKS / "session.py", scratch / "plugin" / HOOKS)
        (scratch / "plugin" / HOOKS / "environment.py").write_text(WORKER)
        home = scratch / "home"
        projects = home / "client" / "projects" / "-p"
        projects.mkdir(parents=True)
        sessions = [str(uuid.uuid4()) for _ in range(count)]
        for session in sessions:
            (projects / f"{session}.jsonl").write_text("{}\n")
            os.utime(projects / f"{session}.jsonl", (1, 1))
        seconds = end_all(scratch / "plugin" / HOOKS / "session.py", home, projects, sessions)
        done = wait(home, count)
    lost = set(sessions) - set(done)
    doubled = [session for session, times in Counter(done).items() if times > 1]
    print(
        f"{count} sessions ended within {seconds:.1f} s: {len(set(done))} digested, {len(lost)} lost, {len(doubled)} twice"
    )
    return 1 if lost or doubled else 0


def end_all(hook: Path, home: Path, projects: Path, sessions: list[str], **variables: str) -> float:
    """Start the hook for every session at once; the seconds until the last has returned."""
    environment = {"PATH": os.environ["PATH"], "SKILLLOOP_HOME": str(home), **variables}
    start, running = time.perf_counter(), []
    for session in sessions:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", hook, "end"], env=environment, stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        job = {"session_id": session, "transcript_path": str(projects / f"{session}.jsonl")}
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
        running.append(process)
    for process in running:
        process.wait()
    return time.perf_counter() - start


def wait(home: Path, count: int) -> list[str]:
    """The sessions in the order they were digested, once there is nothing left to do."""
    digested, deadline = home / "digested", time.monotonic() + 120
    while time.monotonic() < deadline:
        done = digested.read_text().splitlines() if digested.exists() else []
        if len(done) >= count and not list((home / "inbox").rglob("*.json")):
            break
        time.sleep(0.2)
    time.sleep(2)  # a worker that would digest one twice gets its chance
    return digested.read_text().splitlines()


if __name__ == "__main__":
    sys.exit(main())
