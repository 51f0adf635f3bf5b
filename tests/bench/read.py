"""Time and memory of reading 1 GiB in a temporary folder: as a session, as one line, as tiny lines.

python tests/bench/read.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from skillloop.hosts.claude_code import transcript

sys.path.insert(0, str(Path(__file__).parents[1]))
from transcripts import Transcript

GIB = 1 << 30


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
    found = f"{len(read.turns)} turns, {read.bad_lines} bad"
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
    if sys.argv[1:]:
        once(Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        giant(Path(folder))


if __name__ == "__main__":
    main()
