"""How fast transcripts are read: the reader against `orjson.loads` over every line of the same files, in one run.

    python tests/bench/read.py SESSION.jsonl…        MB/s of both, their ratio, and the peak memory of the reader
    python tests/bench/read.py --giant               1 GiB in a temporary folder: as a session, one line, tiny lines

The first is in processor time; rounds alternate between the two and the best of each counts, so that a busy machine hurts little.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

from skillloop.hosts.claude_code import transcript

sys.path.insert(0, str(Path(__file__).parents[1]))
from transcripts import Transcript

GIB = 1 << 30


def parse_all(paths: list[Path]) -> None:
    for path in paths:
        with path.open("rb") as lines:
            for line in lines:
                orjson.loads(line)


def read_all(paths: list[Path]) -> None:
    for path in paths:
        transcript.read(path)


def best(paths: list[Path], rounds: int) -> tuple[float, float]:
    """Seconds of the reader and of orjson, the best of several rounds."""
    times: dict[str, list[float]] = {"reader": [], "orjson": []}
    for _ in range(rounds):
        for name, run in (("reader", read_all), ("orjson", parse_all)):
            began = time.process_time()
            run(paths)
            times[name].append(time.process_time() - began)
    return min(times["reader"]), min(times["orjson"])


def memory() -> float:
    """Peak memory of this process in MB (`ru_maxrss` would count the parent's, too)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def alone(path: Path) -> tuple[float, float, str]:
    """Seconds, peak memory in MB and what was found, of reading in a process of its own."""
    run = subprocess.run(
        [sys.executable, __file__, "--once", path], check=True, capture_output=True, text=True
    )
    took, peak, found = run.stdout.split(maxsplit=2)
    return float(took), float(peak), found.strip()


def once(path: Path) -> None:
    began = time.perf_counter()
    read = transcript.read(path)
    took = time.perf_counter() - began
    peak = memory()
    found = f"{read.records} records, {len(read.turns)} turns, {read.bad_lines} bad"
    print(took, peak, found)


def session(number: int) -> bytes:
    """64 MB of an ordinary session: a person's turns, and calls whose results are long."""
    built = Transcript(session_id=f"giant-{number}")
    while sum(map(len, built.lines)) < 64_000_000:
        built.typed(f"Find out why build {built.line} fails, and never touch the lock file")
        for part in range(12):
            built.says(f"Step {part}").tool("Bash", command=f"make part{part}").result(
                "compiled a file\n" * 4000
            )
    return built.data()


def giant(folder: Path) -> None:
    """Time and memory for files of 1 GiB of three shapes."""
    path = folder / "giant.jsonl"
    line = json.dumps({"type": "user", "message": {"role": "user", "content": "x"}}).encode()
    shapes = {
        "1 GiB session": lambda out: [out.write(session(number)) for number in range(17)],
        "one line of 1 GiB": lambda out: out.write(line + b"\n" + line[:-4] + b"x" * GIB + line[-4:] + b"\n"),
        "one line of 200 MB": lambda out: out.write(
            line + b"\n" + line[:-4] + b"x" * 200_000_000 + line[-4:]
        ),
        "1e6 tiny lines": lambda out: out.write(line + b'\n{"type":"mode"}' * 1_000_000),
        "1e6 tiny turns": lambda out: out.write((line + b"\n") * 1_000_000),
    }
    print(f"{'':20} {'seconds':>8} {'MB/s':>7} {'peak MB':>8}")
    for name, write in shapes.items():
        with path.open("wb") as out:
            write(out)
        seconds, peak, found = alone(path)
        print(f"{name:20} {seconds:8.2f} {path.stat().st_size / seconds / 1e6:7.0f} {peak:8.0f}  {found}")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("paths", nargs="*", type=Path)
    options.add_argument("--giant", action="store_true", help="write and read files of 1 GiB")
    options.add_argument("--rounds", type=int, default=25)
    options.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    args = options.parse_args()
    if args.once:
        once(args.once)
        return
    if args.paths:
        size = sum(path.stat().st_size for path in args.paths) / 1e6
        reader, reference = best(args.paths, args.rounds)
        print(f"{len(args.paths)} files, {size:.1f} MB")
        print(f"reader {size / reader:6.0f} MB/s")
        print(f"orjson {size / reference:6.0f} MB/s")
        print(f"ratio  {reference / reader:6.2f}")
        print(f"peak   {memory():6.0f} MB")
    if args.giant:
        with tempfile.TemporaryDirectory() as folder:
            giant(Path(folder))
    if not (args.paths or args.giant):
        options.error("give transcripts, or --giant")


if __name__ == "__main__":
    main()
