"""How long an apply takes: intent, blobs, temporary file, syncs, swap, version, log.

    python tests/bench/apply.py [--runs 200] [--folder DIR]

Prints the median and the 95th percentile in milliseconds, inside a running process and for a whole new interpreter,
beside what the same disk takes for one bare write + fsync (an apply makes about twenty) and for an interpreter that
does nothing. Wall times depend on the disk and on what else runs: compare within one run.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from skillloop.model import sha256
from skillloop.skills import history
from skillloop.store import Store

TEXT = (
    b"---\nname: web\ndescription: d\n---\n\n# Rules\n\n"
    + b"- a rule of ordinary length, as they are\n" * 100
)
PROGRAM = """
import sys
from pathlib import Path
from skillloop.skills import history
from skillloop.model import sha256
from skillloop.store import Store
home, skill = map(Path, sys.argv[1:])
with Store.open(home) as store:
    live = skill.read_bytes()
    history.publish(store, skill, sha256(live), live + b"- learned\\n", by="auto")
"""


def timed(runs, act):
    """Milliseconds of each run, sorted."""
    took = []
    for number in range(runs):
        began = time.perf_counter()
        act(number)
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)


def row(name, took):
    """One line of the table."""
    p95 = took[min(len(took) - 1, int(len(took) * 0.95))]
    return f"| {name} | {len(took)} | {statistics.median(took):.1f} | {p95:.1f} |"


def write_and_sync(path):
    """One bare write + fsync."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(handle, TEXT)
    os.fsync(handle)
    os.close(handle)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--folder", help="where to work, to choose the disk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        home, skill = Path(name, "home"), Path(name, "skills", "web", "SKILL.md")
        skill.parent.mkdir(parents=True)
        skill.write_bytes(TEXT)
        few = max(10, options.runs // 5)
        print("| what | runs | median ms | p95 ms |\n| --- | --- | --- | --- |")
        with Store.open(home) as store:

            def apply(number):
                live = skill.read_bytes()
                history.publish(store, skill, sha256(live), TEXT + b"- %d\n" % number, by="auto")

            print(row("apply, in a running process", timed(options.runs, apply)))
        command = [sys.executable, "-c", PROGRAM, home, skill]
        print(row("apply, interpreter included", timed(few, lambda _: subprocess.run(command, check=True))))
        bare = [sys.executable, "-c", "pass"]
        print(row("interpreter that does nothing", timed(few, lambda _: subprocess.run(bare, check=True))))
        print(
            row("one bare write + fsync", timed(options.runs, lambda _: write_and_sync(Path(name, "probe"))))
        )


if __name__ == "__main__":
    main()
