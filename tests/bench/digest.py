#!/usr/bin/env python3
"""How fast sessions are digested, against `orjson.loads` over every line of the same files in the same run.

    python tests/bench/digest.py FILE... [--rounds 15]

One process, one core: read, find, draft and gate, as `skillloop digest --dry-run` does; and what finding alone costs for
each turn of a person's. In processor time; the rounds of all four alternate and the best of each counts, so that a busy
machine hurts little.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from skillloop import detect
from skillloop.hosts.claude_code import transcript
from skillloop.model import Session
from skillloop.pipeline import session


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


def finding(sessions: list[Session]) -> None:
    """The disagreements of what was read."""
    for read in sessions:
        detect.find(read)


def digesting(paths: list[Path], home: Path) -> None:
    """The whole dry run."""
    for path in paths:
        session.digest(transcript.read(path), home)


def best(works: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Seconds of the fastest round of each."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.process_time()
            work()
            taken[name].append(time.process_time() - start)
    return {name: min(times) for name, times in taken.items()}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    size = sum(path.stat().st_size for path in options.files) / 1e6
    sessions = [transcript.read(path) for path in options.files]
    with tempfile.TemporaryDirectory() as home:
        digesting(options.files, Path(home))  # warm: files in the page cache, tables built
        rows = best(
            {
                "orjson.loads over every line": lambda: lines(options.files),
                "transcript.read": lambda: reading(options.files),
                "find": lambda: finding(sessions),
                "digest --dry-run": lambda: digesting(options.files, Path(home)),
            },
            options.rounds,
        )
    reference, found = rows["orjson.loads over every line"], rows.pop("find")
    turns = sum(len(read.human_turns) for read in sessions)
    print(f"{len(options.files)} files, {size:.1f} MB, {turns} turns of a person's")
    for name, seconds in rows.items():
        print(f"{name:30} {size / seconds:7.1f} MB/s   speed against orjson {reference / seconds:.2f}")
    print(f"{'disagreements.find':30} {1000 * found / turns:7.2f} ms a turn")


if __name__ == "__main__":
    main()
