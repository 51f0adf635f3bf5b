#!/usr/bin/env python3
"""How long the command line takes to start, against a bare `import click` in the same run.

    python tests/bench/startup.py [--runs 40]

Prints the median wall time of each in milliseconds, and the ratio. Runs alternate, so both see the same machine.
"""

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c 'import click'": [sys.executable, "-c", "import click"],
    "skillloop --version": [sys.executable, "-m", "skillloop.cli", "--version"],
    "skillloop --help": [sys.executable, "-m", "skillloop.cli", "--help"],
}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=40)
    runs = parser.parse_args().runs
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            taken[name].append((time.perf_counter() - start) * 1000)
    reference = statistics.median(next(iter(taken.values())))
    for name, times in taken.items():
        middle = statistics.median(times)
        print(f"{name:28} median {middle:6.1f} ms   ratio {middle / reference:.2f}")


if __name__ == "__main__":
    main()
