"""Run one untrusted command: in time, in its place, and with nothing left of it afterwards.

The runner owns the clock (`supervise.py`, a process of its own) and the policy (`jail.py`, the first code in the
command's process, enforces it). The clock starts when the command's own code does, after `preload` was imported by ours.

Invariant: whatever the command did, `run` returns a `Result` that tells the truth about it, and no process of it is
alive. Where the kernel has no Landlock (`Result.landlock` is 0) reading and writing elsewhere is reported for Python
code, but not prevented.
"""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

_HERE = Path(__file__).parent
_DEVICES = "null zero full random urandom nvidiactl nvidia-uvm nvidia-uvm-tools nvidia-caps kfd dri".split()
_SYSTEM = "/usr /lib /lib32 /lib64 /bin /sbin /etc /opt /proc /sys /dev /run/nvidia-persistenced".split()
STARTUP = 180.0  # seconds that imports and the device's first contact may take; not part of the budget


class Policy(NamedTuple):
    """What a command may read and write, and the folders in which a touch is reported."""

    read: tuple[Path, ...]
    write: tuple[Path, ...]
    watched: tuple[Path, ...] = ()

    def for_jail(self, python: str, preload: Sequence[str] = ()) -> dict[str, Any]:
        """Return it as jail.py takes it: the system and the interpreter may be read, a few devices written."""
        cards = [str(path) for path in Path("/dev").glob("nvidia[0-9]*")]
        devices = [f"/dev/{name}" for name in _DEVICES] + cards
        return {
            "read": [*_SYSTEM, *interpreter_folders(python), *(str(p.resolve()) for p in self.read)],
            "write": [*(str(p.resolve()) for p in self.write), *devices],
            "watched": [str(p.resolve()) for p in self.watched],
            "preload": list(preload),
        }

    def prefix(self, python: str) -> list[str]:
        """Return a command prefix that runs a script under it, without a clock: for the evaluator's helper."""
        return [python, "-B", str(_HERE / "jail.py"), json.dumps(self.for_jail(python) | {"report": 2})]


class Result(NamedTuple):
    """How a command ended. `seconds` counts from its own first line, on the clock that was asked for."""

    returncode: int
    seconds: float
    late: bool = False
    touched: tuple[str, ...] = ()  # what it touched in a watched folder
    left: tuple[str, ...] = ()  # processes it left behind; they are dead now
    landlock: int = 0  # version of the kernel's Landlock, 0 is none


def run(
    argv: Sequence[str],
    *,
    python: str,
    policy: Policy,
    cwd: Path,
    seconds: float,
    log: Path,
    clock: Literal["wall", "cpu"] = "wall",
    preload: Sequence[str] = (),
    env: dict[str, str] | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
) -> Result:
    """Run `python argv…` (a script and its arguments) in `cwd` and wait for its end; its output goes to `log` and `on_line`.

    It is killed `seconds` after its first line, of the wall's time or of its and its descendants' processor time ("cpu"). The
    modules of `preload` are imported before that clock starts.
    """
    landlock, end = 0, None
    job = {
        "python": python,
        "jail": str(_HERE / "jail.py"),
        "argv": list(argv),
        "cwd": str(cwd),
        "env": env if env is not None else dict(os.environ),
        "seconds": seconds,
        "clock": clock,
        "startup": STARTUP,
        "log": str(log),
        "policy": policy.for_jail(python, preload),
    }
    with subprocess.Popen(
        [sys.executable, "-I", str(_HERE / "supervise.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C is the runner's; the closed pipe then ends the command
    ) as supervisor:
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        supervisor.stdin.write(json.dumps(job) + "\n")
        supervisor.stdin.flush()
        for line in supervisor.stdout:
            report = json.loads(line)
            if report["event"] == "line":
                on_line(report["text"])
            elif report["event"] == "ready":
                landlock = report["landlock"]
            else:
                end = report
    if end is None:  # somebody killed the supervisor, and only the command had a reason to
        killed = ("the supervisor of this run was killed",)
        return Result(supervisor.returncode, 0.0, touched=killed, landlock=landlock)
    touched, left = tuple(end["touched"]), tuple(end["left"])
    return Result(end["returncode"], end["seconds"], end["late"], touched, left, landlock)


@functools.cache
def interpreter_folders(python: str) -> list[str]:
    """Return where an interpreter and its packages lie; not its `sys.path`, which an editable install adds sources to."""
    code = "import json, sys; print(json.dumps([sys.prefix, sys.base_prefix]))"
    names = json.loads(subprocess.check_output([python, "-I", "-c", code], text=True))
    return sorted({*(str(Path(name).resolve()) for name in names), str(_HERE)})


def exposed(folder: Path, python: str) -> str | None:
    """Return the readable folder that `folder` lies in, if any: nothing can be hidden from a command there."""
    where = folder.resolve()
    roots = (Path(p).resolve() for p in (*_SYSTEM, *interpreter_folders(python)))
    return next((str(root) for root in roots if where.is_relative_to(root)), None)
