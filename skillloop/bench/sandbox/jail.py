"""The first code in a sandboxed process: enforce the policy, say "ready", then become the given script.

Run as a file by the interpreter of the experiment (standard library only): `python jail.py POLICY SCRIPT ARGS…`, where POLICY
is JSON: `read` and `write` (folders and files that stay open), `watched` (folders whose every touch is reported), `preload`
(modules imported before the clock starts), `report` (file descriptor for the reports).

Two layers. **Landlock** (Linux ≥ 5.13, no privileges) makes everything else unreachable for good, for this process and its
descendants, native code included, closes TCP, and from ABI 6 on lets no signal and no connection to an abstract Unix socket
out; UDP and sockets with a path stay open. An **audit hook** names what was tried: it cannot stop native code and needs no trust.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import platform
import runpy
import sys
from typing import Any

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system call numbers, the same on every architecture since 5.13
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read file, read folder
_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14  # what a rule on a single file may grant
_NO_NEW_PRIVILEGES = 38


def landlock(read: list[str], write: list[str]) -> int:
    """Restrict this process and its children for good. Returns the kernel's Landlock version, 0 where there is none."""
    if platform.system() != "Linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    version: int = libc.syscall(_CREATE, None, 0, 1)
    if version < 1:
        return 0
    files = (1 << 13) - 1 | (version >= 2) << 13 | (version >= 3) << 14  # every file right the kernel knows
    network = 3 if version >= 4 else 0  # TCP bind and connect
    scoped = 3  # abstract Unix sockets and signals
    attributes = (ctypes.c_uint64 * 3)(files, network, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8  # an older kernel refuses what it does not know
    ruleset: int = libc.syscall(_CREATE, attributes, size, 0)
    for paths, rights in ((read, _READ), (write, files)):
        for path in paths:
            try:
                handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # what does not exist needs no rule
            allowed = rights & files if os.path.isdir(path) else rights & files & _FILE
            rule = allowed.to_bytes(8, sys.byteorder) + handle.to_bytes(4, sys.byteorder)  # packed struct
            if libc.syscall(_ADD, ruleset, 1, rule, 0):
                raise OSError(ctypes.get_errno(), f"Landlock refused a rule for {path}")
            os.close(handle)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if ruleset < 0 or libc.syscall(_RESTRICT, ruleset, 0):
        raise OSError(ctypes.get_errno(), "Landlock refused the rules")
    os.close(ruleset)
    return version


_CHANGES = "remove rename truncate rmdir mkdir link symlink chmod chown utime".split()
_WRITES = frozenset(f"os.{name}" for name in _CHANGES)
_LOOKS = frozenset("open os.listdir os.scandir os.chdir sqlite3.connect".split())


def watch(policy: dict[str, Any]) -> None:
    """Report every touch of a watched folder, and every write in a folder that is only to be read."""
    busy = False
    folders = (policy[of] for of in ("watched", "write", "read"))
    watched, own, readable = ([os.path.join(path, "") for path in each] for each in folders)

    def below(path: str, roots: list[str]) -> bool:
        return any(os.path.join(path, "").startswith(root) for root in roots)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal busy
        writes = event in _WRITES
        if busy or not (writes or event in _LOOKS):
            return
        busy = True  # what is done in here must not come back in here
        try:
            if event == "open":
                writes = bool((args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
            for path in args[: 2 if event in ("os.rename", "os.link", "os.symlink") else 1]:
                if not isinstance(path, (str, bytes, os.PathLike)):
                    continue
                where = os.path.realpath(os.fsdecode(path))
                if not below(where, watched) or below(where, own):
                    continue
                if writes or not below(where, readable):
                    os.write(policy["report"], f"touched {event} {where}\n".encode())
        except (OSError, ValueError):
            pass  # a path that cannot be resolved cannot be opened either
        finally:
            busy = False

    sys.addaudithook(hook)


def main() -> None:
    """Enforce the policy, import what is heavy, tell the supervisor, and run the script as `__main__`."""
    policy = json.loads(sys.argv[1])
    version = landlock(policy["read"], policy["write"])
    for name in policy["preload"]:
        importlib.import_module(name)
    watch(policy)
    sys.argv = sys.argv[2:]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    os.write(policy["report"], f"ready {version}\n".encode())
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
