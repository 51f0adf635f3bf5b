#!/usr/bin/env python3
"""How fast sessions are digested, against `orjson.loads` over every line of the same files in the same run.

    python tests/bench/digest.py FILE... [--rounds 5]

One process, one core: read, find, draft and gate, as `skillloop digest --dry-run` does. Prints the best round of each.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from skillloop import transcript
from skillloop.problems import session


def lines(paths: list[Path]) -> None:
    """The reference: parse every line and do nothing with it."""
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                orjson.loads(line)


def reading(paths: list[Path]) -> None:
    """The reader alone."""
    for path in paths:
        transcript.read(path)


def digesting(paths: list[Path], home: Path) -> None:
    """The whole dry run."""
    for path in paths:
        session.digest(transcript.read(path), home)


def best(work: Callable[[], None], rounds: int) -> float:
    """Seconds of the fastest round."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    size = sum(path.stat().st_size for path in options.files) / 1e6
    with tempfile.TemporaryDirectory() as home:
        digesting(options.files, Path(home))  # warm: files in the page cache, tables built
        rows = {
            "orjson.loads over every line": best(lambda: lines(options.files), options.rounds),
            "transcript.read": best(lambda: reading(options.files), options.rounds),
            "digest --dry-run": best(lambda: digesting(options.files, Path(home)), options.rounds),
        }
    reference = next(iter(rows.values()))
    print(f"{len(options.files)} files, {size:.1f} MB")
    for name, seconds in rows.items():
        print(f"{name:30} {size / seconds:7.1f} MB/s   speed against orjson {reference / seconds:.2f}")


if __name__ == "__main__":
    main()
