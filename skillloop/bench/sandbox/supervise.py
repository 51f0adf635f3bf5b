"""Run one command under a time limit, and kill every process that it leaves behind.

The clock is the wall's, or ("cpu") the processor time of the command and all its descendants as the kernel counts it,
which another load on the machine does not change; the wall then ends it at PATIENCE times that.

Run as a file (standard library only): a job as one JSON line on stdin, reports as JSON lines on stdout. The end of stdin means
that the runner is gone: the command is killed. Its output passes through here into the log, on which it holds no handle.
Invariant: when this process reports `end`, no process that the command started is alive (Linux: orphans are adopted
by PR_SET_CHILD_SUBREAPER, however they detached themselves).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

_SUBREAPER = 36
_SETTLE = 3.0  # seconds that helpers of the command have to notice its end
_LOG_LIMIT = 16 << 20  # bytes
_PATIENCE = 10.0
_LOOK = 0.5  # seconds between two looks at the processor time


def tell(**report: Any) -> None:
    """Send one report to the runner."""
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


def processes() -> dict[int, tuple[int, str, float]]:
    """Return all processes by id: the parent's id, the state, and the seconds of processor time used."""
    table = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            fields = entry.read_text("utf-8", "replace").rpartition(")")[2].split()
            used = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
            table[int(entry.parent.name)] = int(fields[1]), fields[0], used
    return table


def processor_time() -> float:
    """Return the seconds of processor time of all our descendants, ended ones too once their parent has noticed."""
    table, mine, seconds = processes(), {os.getpid()}, 0.0
    while more := {pid for pid, (parent, _, _) in table.items() if parent in mine} - mine:
        mine |= more
        seconds += sum(table[pid][2] for pid in more)
    return seconds + ended_time()


def ended_time() -> float:
    """Return the same of the children that were waited for, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def orphans() -> list[int]:
    """Return our children but those already waited for: after the command has ended, what it left behind."""
    return [pid for pid, (parent, state, _) in processes().items() if parent == os.getpid() and state != "Z"]


def name(pid: int) -> str:
    """Return the command line of a process, for the report."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:200]
    return "?"


def kill(group: int) -> None:
    """Kill the command's group, and orphans until none appears any more."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    while left := orphans():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
        reap()


def reap() -> None:
    """Collect ended orphans."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


class Watch:
    """One command under way."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        report, inner = os.pipe()
        policy = job["policy"] | {"report": inner}
        argv = [job["python"], "-B", job["jail"], json.dumps(policy), *job["argv"]]
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            argv,
            cwd=job["cwd"],
            env=job["env"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[inner],
            start_new_session=True,
        )
        os.close(inner)
        self.report = report
        self.limit = self.start + job["startup"]  # on the wall's clock
        self.cpu = job["clock"] == "cpu"
        self.looked = 0.0
        self.before = 0.0  # processor time of the start-up
        self.ready: float | None = None
        self.touched: list[str] = []
        self.late = False
        self.log: IO[bytes] = Path(job["log"]).open("wb")  # noqa: SIM115  (closed by end)
        self.pending = b""

    def run(self) -> None:
        """Watch until the command has ended, is late, or the runner is gone."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            for handle, action in (
                (self.process.stdout.fileno(), self.output),
                (self.report, self.reports),
                (0, self.runner_gone),
            ):
                selector.register(handle, selectors.EVENT_READ, action)
            while self.process.poll() is None:
                left = self.limit - time.monotonic()
                if left <= 0 or self.spent():
                    self.late = True
                    break
                for key, _ in selector.select(min(left, 0.1)):
                    data = os.read(key.fd, 65536)
                    key.data(data)
                    if not data:
                        selector.unregister(key.fd)
            self.wall = time.monotonic() - (self.ready or self.start)
            self.end(selector)

    def spent(self) -> bool:
        """Return whether the processor time is used up; looked at now and then."""
        now = time.monotonic()
        if not self.cpu or self.ready is None or now - self.looked < _LOOK:
            return False
        self.looked = now
        return processor_time() - self.before > float(self.job["seconds"])

    def output(self, data: bytes) -> None:
        """Write output to the log, and pass it line by line to the runner, for its progress bar."""
        if self.log.tell() < _LOG_LIMIT:
            self.log.write(data)
            self.log.flush()
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            tell(event="line", text=line[:500].decode("utf-8", "replace"))

    def reports(self, data: bytes) -> None:
        """Take what jail.py reports. Only the first "ready" starts the clock."""
        for line in data.decode("utf-8", "replace").splitlines():
            if line.startswith("ready") and self.ready is None:
                self.ready = time.monotonic()
                self.limit = self.ready + self.job["seconds"] * (_PATIENCE if self.cpu else 1)
                self.before = processor_time() if self.cpu else 0.0
                tell(event="ready", landlock=int(line.split()[1]))
            elif line.startswith("touched") and len(self.touched) < 20:
                self.touched.append(line.removeprefix("touched "))

    def runner_gone(self, data: bytes) -> None:
        """Kill everything and leave, once stdin has ended."""
        if not data:
            kill(self.process.pid)
            sys.exit(1)

    def end(self, selector: selectors.BaseSelector) -> None:
        """Kill what is late or left behind, read what is left in the pipes, and report."""
        if self.late:
            kill(self.process.pid)
        code = self.process.wait()
        left: list[str] = []
        if not self.late:  # its helpers have a moment to end, then what is left is killed
            deadline = time.monotonic() + _SETTLE
            while orphans() and time.monotonic() < deadline:
                time.sleep(0.05)
                reap()
            left = [name(pid) for pid in orphans()]
            kill(self.process.pid)
        for key in list(selector.get_map().values()):
            if key.fd != 0:
                os.set_blocking(key.fd, False)
                with contextlib.suppress(BlockingIOError):
                    while data := os.read(key.fd, 65536):
                        key.data(data)
        self.log.close()
        tell(
            event="end",
            returncode=code,
            seconds=ended_time() - self.before if self.cpu else self.wall,
            late=self.late,
            touched=self.touched,
            left=left,
        )


def main() -> None:
    """Adopt orphans, read the job, watch it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    line = b""
    while not line.endswith(b"\n"):  # unbuffered: what follows on stdin belongs to the selector
        if not (byte := os.read(0, 1)):
            sys.exit(1)  # the runner is gone before it said what to do
        line += byte
    Watch(json.loads(line)).run()


if __name__ == "__main__":
    main()
