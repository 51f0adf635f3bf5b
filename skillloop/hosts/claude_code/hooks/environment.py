"""Builds the Python environment that the plugin's worker and commands run in, then becomes the worker.

The hook starts this file by path, detached, on whatever Python it found: standard library only, Python 3.8 syntax. One
environment lives in `$SKILLLOOP_HOME/env/KEY`, where KEY names the plugin's version and the content of its package.

Invariants: an environment is used only once its `ready` file exists, which is written last; one build at a time; jobs wait in
the inbox meanwhile; a failed build says why in the notice and is not tried again before its back-off has passed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator  # noqa: UP035  (Python 3.8 cannot subscript the one of collections.abc)

ROOT = Path(__file__).resolve().parents[4]
# what uv downloads where it finds none: versions that the dependencies are built for
UV_PYTHON = ">=3.11,<3.14"
KEPT = 2  # environments: the one in use, and the one before for sessions that still run with the older plugin
BACK_OFF = (60, 600, 3600, 21600)  # seconds to wait after the 1st, 2nd, … failure in a row
LOG_LIMIT = 1 << 20  # bytes
# Settings of the person's own pip and Python that would send the installation elsewhere.
ELSEWHERE = "PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_TARGET PIP_USER PYTHONHOME PYTHONPATH VIRTUAL_ENV".split()


class BuildError(Exception):
    """No recipe led to an environment; the message says why the last one failed."""


def log(message: str) -> None:
    """Write one line to the log, which is this process's output."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(f"{stamp} environment: {message}", file=sys.stderr, flush=True)


def key(root: Path) -> str:
    """Return the name of the environment for the plugin in `root`: its version and a hash of what gets installed."""
    package = (path for path in (root / "skillloop").rglob("*") if path.is_file() and path.suffix != ".pyc")
    digest = hashlib.sha256()
    for path in sorted([root / "pyproject.toml", *package]):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    manifest = json.loads((root / ".claude-plugin" / "plugin.json").read_text(encoding="utf-8"))
    return f"{manifest['version']}-{digest.hexdigest()[:12]}"


def write(path: Path, text: str) -> None:
    """Replace a small file atomically."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def link(target: str, path: Path) -> None:
    """Point the symlink `path` at `target`, atomically."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)


def suitable_python() -> str | None:
    """Return a Python of at least 3.11 that can make environments with pip in them."""
    check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
    names = [os.path.realpath(sys.executable), "python3", "python3.13", "python3.12", "python3.11"]
    for python in filter(None, map(shutil.which, names)):
        if subprocess.call([python, "-I", "-c", check], stderr=subprocess.DEVNULL) == 0:
            return python
    return None


def recipes(place: Path) -> Iterator[list[list[str]]]:
    """Return the ways to make an environment at `place`, best first: each a list of commands."""
    inner = str(place / "bin" / "python")
    works = [inner, "-I", "-c", "import skillloop.worker.worker"]
    python, uv = suitable_python(), shutil.which("uv")
    if uv:
        install = [uv, "pip", "install", "--quiet", "--python", inner, str(ROOT)]
        yield [[uv, "venv", "--quiet", "--python", UV_PYTHON, str(place)], install, works]
    if python:
        pip = [inner, "-I", "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
        # bytecode of what is never imported takes seconds
        install = [*pip, "install", "--no-compile", str(ROOT)]
        yield [[python, "-I", "-m", "venv", str(place)], install, works]


def build(place: Path) -> None:
    """Make the environment at `place` by the first recipe that works. Raises BuildError: none did."""
    reason = "it needs Python 3.11 or newer with venv, or uv, and found neither"
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    for recipe in recipes(place):
        shutil.rmtree(place, ignore_errors=True)
        for command in recipe:
            log(" ".join(command))
            done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
            sys.stderr.write(done.stderr)
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1]
                break
        else:
            write(place / "ready", "")
            return
    shutil.rmtree(place, ignore_errors=True)
    raise BuildError(reason)


def failures(folder: Path) -> tuple[int, float]:
    """Return how often in a row building failed, and when last; (0, 0.0) if it did not."""
    try:
        record = json.loads((folder / "failed.json").read_text(encoding="utf-8"))
        return record["count"], record["at"]
    except (OSError, ValueError, KeyError):
        return 0, 0.0


def waiting(folder: Path) -> bool:
    """Return whether the back-off after a failure still runs. A clock that was set back ends it."""
    count, last = failures(folder)
    return count > 0 and 0 <= time.time() - last < BACK_OFF[min(count, len(BACK_OFF)) - 1]


def leave_notice(home: Path, reason: str) -> None:
    """Leave the person a notice of a failed build, and count it."""
    count = failures(home / "env")[0] + 1
    write(home / "env" / "failed.json", json.dumps({"count": count, "at": time.time(), "reason": reason}))
    message = (
        f"skillloop could not build its environment: {reason[:300]}. Sessions that ended wait in its inbox; "
        f"it tries again at a later start. Log: {home / 'log' / 'worker.log'}"
    )
    write(home / "notice.json", json.dumps({"systemMessage": message}) + "\n")


def activate(home: Path, place: Path) -> None:
    """Put a ready environment into use and remove those that are no longer needed."""
    os.utime(place)
    link(place.name, place.with_name("current"))
    link("../env/current/bin/skillloop", home / "bin" / "skillloop")
    for leftover in (place.with_name("failed.json"), home / "notice.json"):
        leftover.unlink(missing_ok=True)
    for parked in (home / "inbox" / "failed").glob("*.json"):  # what older code gave up gets another chance
        if not (home / "inbox" / parked.name).exists():
            parked.replace(home / "inbox" / parked.name)
    built = [path for path in place.parent.iterdir() if path.is_dir() and not path.is_symlink()]
    for old in sorted(built, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def ensure(home: Path) -> Path | None:
    """Return the Python of a ready environment, built if need be; None if it cannot be had now."""
    folder = home / "env"
    folder.mkdir(mode=0o700, exist_ok=True)
    place = folder / key(ROOT)
    python = place / "bin" / "python"
    if (place / "ready").exists() and (folder / "current").resolve() == place.resolve():
        return python
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None  # whoever builds it becomes the worker, and finds this job in the inbox
        if waiting(folder):
            return None
        try:
            if not (place / "ready").exists():
                build(place)
            activate(home, place)
        except (BuildError, OSError) as error:
            log(f"failed: {error}")
            leave_notice(home, str(error))
            return None
    return python


def rotate(path: Path) -> None:
    """Go on in a fresh log where this one has grown too long."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_name(path.name + ".1"))
            fresh = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(fresh, 1)
            os.dup2(fresh, 2)


def main() -> None:
    """Make sure of the environment, then go on as the worker in it."""
    os.umask(0o077)
    home = Path(os.environ["SKILLLOOP_HOME"])
    rotate(home / "log" / "worker.log")
    python = ensure(home)
    if python:
        os.execv(python, [str(python), "-I", "-m", "skillloop.worker.worker"])  # noqa: S606  (no shell is wanted)


if __name__ == "__main__":
    main()
