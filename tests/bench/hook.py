"""What the hooks cost: their wall time against a bare `python3 -I -S -c pass` in the same run.

    python tests/bench/hook.py [--runs 200]

Interleaved runs, so that a busy machine slows all alike. Demanded of the hooks at a session's start and end: a median
of at most 3 times the bare start, and a 99th percentile under 100 ms; of the one at each prompt: a median under 30 ms.
Exits 1 where one falls short. The worker that is started is a no-op.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOOKS = "skillloop/hosts/claude_code/hooks"


def milliseconds(command: list[str], environment: dict[str, str], stdin: bytes = b"") -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, input=stdin, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


def plugin(root: Path) -> Path:
    """The plugin's hook in a folder of its own, with a worker that does nothing."""
    shutil.copytree(ROOT / "hooks", root / "hooks")
    (root / HOOKS).mkdir(parents=True)
    for module in ("session.py", "receipts.py"):
        shutil.copy(ROOT / HOOKS / module, root / HOOKS)
    (root / HOOKS / "environment.py").write_text("")
    return root / "hooks" / "run"


def main() -> int:
    """Measure, print one line per command, and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        run = str(plugin(scratch / "plugin"))
        home = scratch / "home"
        (home / "env" / "current" / "bin").mkdir(parents=True)
        python = os.path.realpath(sys.executable)
        (home / "env" / "current" / "bin" / "python").symlink_to(python)
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "SKILLLOOP_HOME": str(home)}
        job = {"session_id": "0" * 36, "transcript_path": "/t.jsonl", "hook_event_name": "SessionEnd"}
        commands = {
            "bare": ([python, "-I", "-S", "-c", "pass"], b""),
            "end": (["sh", run, "session", "end"], json.dumps(job).encode()),
            "start": (["sh", run, "session", "start"], b""),
            "prompt": (["sh", run, "receipts"], json.dumps({**job, "prompt": "use pytest " * 20}).encode()),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, (command, stdin) in commands.items():
                times[name].append(milliseconds(command, environment, stdin))
                time.sleep(0.04)  # let the detached worker end, so that it slows nobody
        time.sleep(0.5)  # the last worker ends before its folder goes
    bare = statistics.median(times["bare"])
    good = True
    for name, values in times.items():
        median, late = statistics.median(values), statistics.quantiles(values, n=100)[98]
        good &= name == "bare" or (median <= 3 * bare and late < 100)
        print(
            f"{name:5}  median {median:6.1f} ms  ({median / bare:.2f} x bare)  p99 {late:6.1f} ms  of {runs}"
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
