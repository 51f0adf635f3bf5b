"""What `skillloop watch` costs while nothing happens: processor time over ten thousand transcripts.

    python tests/bench/watch.py [--files 10000] [--seconds 30]

A real `skillloop watch` in a process of its own. Exits 1 at 0.5 % of one core or more.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> int:
    """Make the transcripts, watch them, and read the process's clock twice."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        client, home = Path(folder) / "client", Path(folder) / "home"
        transcripts(client / "projects", options.files)
        environment = {**os.environ, "CLAUDE_CONFIG_DIR": str(client)}
        argv = [sys.executable, "-m", "skillloop.cli", "--home", str(home), "watch"]
        began = time.monotonic()
        with subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE, text=True) as watch:
            print(watch.stderr.readline().strip(), f"after {time.monotonic() - began:.1f} s")
            time.sleep(3)
            before, since = processor(watch.pid), time.monotonic()
            time.sleep(options.seconds)
            share = (processor(watch.pid) - before) / (time.monotonic() - since)
            memory = resident(watch.pid)
            watch.send_signal(signal.SIGINT)
    print(f"{options.files} transcripts, idle: {100 * share:.3f} % of a core, {memory:.0f} MB resident")
    return share >= 0.005


def transcripts(projects: Path, count: int) -> None:
    """Files in folders of a hundred."""
    line = json.dumps({"type": "user", "message": {"content": "hello"}}) + "\n"
    for number in range(count):
        path = projects / f"-p{number // 100}" / f"session-{number}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line)


def processor(pid: int) -> float:
    """Seconds of processor time of all threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """MB of memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.exit(main())
