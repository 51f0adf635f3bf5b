#!/usr/bin/env python3
"""How fast and how light this checkout is beside another one, in one run.

    python tests/bench/compare.py BASE [FILE...] [--rounds 5] [--only digest,newest,verbs,hooks]

BASE is another checkout's folder, or a git revision of this one, which is unpacked into a temporary folder; both run in
this interpreter, with the libraries that it has. FILEs are transcripts; without any, ordinary ones are made. Each round
runs both checkouts in turn, and the medians of at least 5 are printed with their ratio (above 1: this checkout is better).

- digest: `digest --dry-run` on one core, also against `orjson.loads` over the same lines; finding for each turn of a
  person's; the memory of its process
- newest: the same on transcripts whose bytes are mostly what the newest client adds: requests, their shapes, attachments
- verbs: wall time with the interpreter's start, on a store with 1,000 sessions and 500 edits that wait
- hooks: wall time against `python -I -S -c pass`; the worker that is started is a no-op

Digesting is in processor time. A busy machine slows both alike, but not always equally: read the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1])]

from goldens import CHECKOUT, temporary, unpacked  # noqa: E402
from transcripts import Transcript  # noqa: E402

DIGEST = """
import contextlib, io, json, os, sys, time
os.cpu_count = lambda: 1
from pathlib import Path
import orjson
from skillloop import cli
try:
    from skillloop import detect as finder
    from skillloop.hosts.claude_code import transcript
except ImportError:
    from skillloop import disagreements as finder, transcript
home, *files = sys.argv[1:]
call = ["--home", home, "digest", "--dry-run", "--json"]
def timed(work):
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        work()
    return time.process_time() - start
def lines():
    for file in files:
        with open(file, "rb") as opened:
            for line in opened:
                orjson.loads(line)
timed(lambda: cli.run([*call, files[0]]))
reference, whole = timed(lines), timed(lambda: cli.run([*call, *files]))
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
reading = timed(lambda: [transcript.read(file) for file in files])
sessions = [transcript.read(file) for file in files]
found = timed(lambda: [finder.find(session) for session in sessions])
turns = sum(len(session.human_turns) for session in sessions)
print(json.dumps([reference, whole, reading, found / turns, peak]))
"""
VERBS = (("--version",), ("status",), ("review", "--json"), ("log",))
HOOKS = {"end": ("inbox", "session"), "receipts": ("receipts",), "guard": ("guard", "approval")}
"""What the client starts, under the names that its module has had."""


def environment(checkout: Path, person: Path) -> dict[str, str]:
    """What a process of a checkout sees: an empty home, no key, the checkout's own package, bytecode kept as on a person's."""
    ours = ("ANTHROPIC", "CLAUDE", "SKILLLOOP", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return kept | {"HOME": str(person), "NO_COLOR": "1", "PYTHONPATH": str(checkout)}


def alternated(
    works: dict[str, Callable[[], list[float]]], rounds: int, rest: float = 0
) -> dict[str, list[float]]:
    """The medians of what each gives, run in turn."""
    seen: dict[str, list[list[float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            seen[name].append(work())
            time.sleep(rest)
    return {
        name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in seen.items()
    }


def milliseconds(command: list[str], env: dict[str, str], stdin: str = "") -> list[float]:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, env=env, input=stdin.encode(), cwd="/", check=True, stdout=subprocess.DEVNULL)
    return [(time.perf_counter() - start) * 1000]


def ordinary(number: int) -> Transcript:
    """A session of half a megabyte: a person's turns, and calls whose results are long."""
    built = Transcript("2.1.332", session_id=f"{number:08}-0000-4000-8000-000000000000")
    for step in range(8):
        built.typed(f"Find out why build {number} of part {step} fails")
        for part in range(6):
            built.says(f"Step {part}: the linker is told of a wrong folder.").thinks("Could it be? " * 60)
            built.tool("Bash", command=f"make part{part}").result("compiled a file of the library\n" * 300)
    return built.typed(f"No, use the linker of release {number} for this.").says("Right.")


def newest(number: int) -> Transcript:
    """The same, with what the newest client writes beside each step; four fifths of the bytes."""
    built, plain = (
        Transcript("2.1.332", session_id=f"{number:08}-1111-4000-8000-000000000000"),
        ordinary(number),
    )
    told = [{"role": "user", "content": f"line {at}: the words of an earlier turn again"} for at in range(60)]
    for line in plain.lines:
        built.lines.append(line)
        if b'"tool_use"' in line:
            built.record("api-request-shape", shape={"messages": told, "tools": [{"name": "Bash"}] * 40})
            built.record("api-request-blob", blob=json.dumps(told) * 2)
            built.attachment("prompt_snapshot", text="You may run any of these tools.\n" * 300)
            built.attachment("total_tokens_reminder", used=number, left=200_000)
    return built


def written(make: Callable[[int], Transcript], count: int, folder: Path) -> list[Path]:
    """So many transcripts, under their sessions' names."""
    made = (make(number) for number in range(count))
    return [built.write(folder / f"{built.session_id}.jsonl") for built in made]


def corrections(count: int, person: Path) -> list[Path]:
    """Sessions of a person with 25 skills, of which every second holds a correction, each of other things."""
    paths = []
    for number in range(count):
        skill = person / f".claude/skills/work{number % 25}/SKILL.md"
        skill.parent.mkdir(parents=True, exist_ok=True)
        skill.write_text(
            f"---\nname: work{number % 25}\ndescription: Do work.\n---\n\n# Work\n\n- Be brief.\n"
        )
        built = Transcript(
            "2.1.332", session_id=f"{number:08}-2222-4000-8000-000000000000", cwd=str(person / "project")
        )
        built.typed(f"Do piece {number}").skill(skill.parent.name, str(skill)).says(
            "I used a tool of my own."
        )
        if number % 2:
            said = "".join(chr(97 + int(digit)) for digit in f"{number:04}")
            built.typed(f"No, that's wrong. Never give the {said}or a {said}um when it is {said}al.")
            built.says("Right.")
        paths.append(built.write(person / f".claude/projects/p/{built.session_id}.jsonl"))
    return paths


def digests(title: str, files: list[Path], checkouts: dict[str, Path], root: Path, rounds: int) -> None:
    """Print how fast sessions are digested."""
    size = sum(path.stat().st_size for path in files) / 1e6

    def once(checkout: Path) -> list[float]:
        command = [sys.executable, "-c", DIGEST, root / "none", *files]
        env = environment(checkout, root)
        return list(map(float, json.loads(subprocess.check_output(command, env=env, cwd=root))))

    rows = alternated({name: lambda at=at: once(at) for name, at in checkouts.items()}, rounds)
    print(f"\n{title}: {len(files)} files, {size:.1f} MB; medians of {rounds}")
    for name, (reference, whole, reading, found, peak) in rows.items():
        print(
            f"  {name:5} digest {size / whole:6.1f} MB/s, {reference / whole:.3f} x orjson; reading"
            f" {size / reading:6.1f} MB/s, {reference / reading:.2f} x; finding {found * 1000:.3f} ms a turn; {peak:.0f} MB"
        )
    pairs = zip(rows["base"][1:], rows["here"][1:], strict=True)
    print(
        "  ratio "
        + "digest {:.2f}, reading {:.2f}, finding {:.2f}, memory {:.2f}".format(*(a / b for a, b in pairs))
    )


def table(title: str, works: dict[str, Callable[[], list[float]]], rounds: int, against: str) -> None:
    """Print wall times, each beside another."""
    rows = alternated(works, rounds, 0.03)
    print(f"\n{title}; medians of {rounds}")
    for name, (taken,) in rows.items():
        other = rows.get(against.format(name.partition(" ")[2]), [taken])[0]
        print(f"  {name:24} {taken:7.1f} ms   {other / taken if '{' in against else taken / other:.2f} x")


def verbs(checkouts: dict[str, Path], root: Path, rounds: int) -> None:
    """Print how long a person waits at a verb."""
    works: dict[str, Callable[[], list[float]]] = {}
    for name, at in checkouts.items():
        person = root / f"person-{name}"
        env, files = environment(at, person), corrections(1000, person)
        home = str(person / ".skillloop")
        skillloop = [sys.executable, "-m", "skillloop.cli", "--home", home]
        subprocess.run([*skillloop, "digest", *files], env=env, cwd=root, check=True, capture_output=True)
        state = subprocess.check_output([*skillloop, "status"], env=env, cwd=root)
        print(f"{name}: " + " · ".join(line.strip() for line in state.decode().splitlines()[1:3]))
        for verb in VERBS:
            works[f"{name} {' '.join(verb)}"] = lambda c=[*skillloop, *verb], e=env: milliseconds(c, e)
    table("verbs, against base", works, rounds, "base {}")


def hooks(checkouts: dict[str, Path], root: Path, rounds: int) -> None:
    """Print what a hook costs."""
    python, works = os.path.realpath(sys.executable), {}
    home = root / "hooks-home"
    (home / "env/current/bin").mkdir(parents=True)
    (home / "env/current/bin/python").symlink_to(python)
    job = {"session_id": "0" * 36, "transcript_path": "/t.jsonl", "hook_event_name": "SessionEnd", "cwd": "/"}
    job |= {"prompt": "use pytest " * 20, "tool_name": "Bash", "tool_input": {"command": "skillloop status"}}
    env = {"PATH": os.environ["PATH"], "HOME": str(root), "SKILLLOOP_HOME": str(home)}
    works["bare"] = lambda: milliseconds([python, "-I", "-S", "-c", "pass"], env)
    for name, at in checkouts.items():
        plugin = root / f"plugin-{name}"
        skipped = shutil.ignore_patterns(".git", ".venv", "tests", "__pycache__")
        shutil.copytree(at, plugin, ignore=skipped)
        next(plugin.rglob("environment.py")).write_text("")  # it starts the worker
        for hook, modules in HOOKS.items():
            found: Iterable[str] = (each for each in modules if list(plugin.rglob(f"{each}.py")))
            command = ["sh", str(plugin / "hooks/run"), next(iter(found)), *["end"] * (hook == "end")]
            works[f"{name} {hook}"] = lambda c=command: milliseconds(c, env, json.dumps(job))
    table("hooks, against a bare interpreter", works, rounds * 6, "bare")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", help="a checkout's folder, or a git revision")
    parser.add_argument("files", nargs="*", type=Path, help="transcripts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="digest,newest,verbs,hooks")
    options = parser.parse_args()
    with temporary() as folder, temporary() as other:
        root = Path(folder).resolve()
        checkouts = {"base": unpacked(options.base, Path(other)), "here": CHECKOUT}
        chosen = options.only.split(",")
        if "digest" in chosen:
            files = [path.resolve() for path in options.files] or written(ordinary, 60, root / "ordinary")
            digests("sessions", files, checkouts, root, options.rounds)
        if "newest" in chosen:
            digests("newest client", written(newest, 60, root / "newest"), checkouts, root, options.rounds)
        if "verbs" in chosen:
            verbs(checkouts, root, options.rounds)
        if "hooks" in chosen:
            hooks(checkouts, root, options.rounds)


if __name__ == "__main__":
    main()
