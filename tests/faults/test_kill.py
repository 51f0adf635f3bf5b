"""SIGKILL and errors at the system calls of publish, rollback, the first use and recovery itself (strace injects)."""

import re
from collections import Counter

import pytest
import world as worlds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ERRORS = {
    "openat": ("EACCES", "EROFS", "ENOSPC", "EMFILE", "EIO"),
    "write": ("ENOSPC", "EIO", "EDQUOT", "EINTR"),
    "pwrite64": ("ENOSPC", "EIO", "EDQUOT", "EINTR"),
    "read": ("EIO",),
    "pread64": ("EIO",),
    "fsync": ("EIO", "ENOSPC", "EDQUOT"),
    "fdatasync": ("EIO", "ENOSPC", "EDQUOT"),
    "ftruncate": ("EIO", "EROFS"),
    "rename": ("EACCES", "EROFS", "EIO", "ENOSPC"),
    "renameat": ("EACCES", "EROFS", "EIO", "ENOSPC"),
    "renameat2": ("EACCES", "EROFS", "EIO", "ENOSPC", "EINVAL"),
    "unlink": ("EACCES", "EROFS", "EIO"),
    "unlinkat": ("EACCES", "EROFS", "EIO"),
    "fchmod": ("EPERM", "EROFS"),
    "flock": ("EINTR", "ENOLCK"),
    "fcntl": ("EAGAIN", "EIO"),
}
CHANGE_NOTHING = {
    *(
        "newfstatat",
        "fstat",
        "stat",
        "lstat",
        "statx",
        "access",
        "faccessat2",
        "getdents64",
        "readlink",
        "readlinkat",
    ),
    *(
        "read",
        "pread64",
        "lseek",
        "ioctl",
        "mmap",
        "mremap",
        "munmap",
        "brk",
        "getpid",
        "gettid",
        "geteuid",
        "getrandom",
    ),
}
"""A kill before one of these leaves what a kill before the next other call leaves: what is on disk is the same."""
SCENES = ["publish", "rollback", "first", "recover intent", "recover staged", "recover placed"]


@pytest.fixture
def start(memory, template, scene):
    """A function that puts up the world of a scene anew, and the act in it."""

    def make(name):
        act, _, step = name.partition(" ")
        kept = memory / "kept"
        if not kept.exists():
            world = worlds.make(scene, store=False) if act == "first" else template.copy_to(scene)
            if step:
                worlds.leave_open(world, step)
            world.folder.rename(kept)
        return worlds.World(kept).copy_to(scene), "publish" if act == "first" else act

    return make


def calls(zygote, world, act, patch):
    """How often each system call is made in a run without a fault."""
    assert zygote.run(act, world, strace=["-e", "trace=all"], patch=patch) == (0, "")
    made = (re.match(r"(\w+)\(", line) for line in zygote.log.read_text().splitlines())
    return Counter(match[1] for match in made if match and match[1] != "exit_group")


@pytest.mark.parametrize("template", ["", "linked"], indirect=True)
@pytest.mark.parametrize("patch", [None, "no exchange"])
@pytest.mark.parametrize("name", SCENES)
def test_a_kill_at_every_system_call_that_changes_something_breaks_no_promise(
    tracing, start, record_property, name, patch, template
):
    found, points = [], 0
    for call, count in calls(tracing, *start(name), patch).items():
        for number in range(1, count + 1 if call not in CHANGE_NOTHING else 1):
            world, act = start(name)
            inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
            code, _ = tracing.run(act, world, strace=inject, patch=patch)
            points += code == -9
            found += [f"{call} {number}: {each}" for each in worlds.violations(world, act)]
    record_property(
        "faults",
        f"SIGKILL at a system call, {name}{', ' + patch if patch else ''}: {points} points, 0 violations",
    )
    assert found == []
    assert points > 100


def untold(world, act, code, message):
    """Where what was said is not what happened."""
    changed = world.live() == worlds.TARGET[act]
    if changed if "nothing was changed" in message else code == 0 and not changed:
        yield f"exit {code}, but the file is {len(world.live())} bytes: {message}"
    if code == 70 and changed and "the next command" not in message and "doctor" not in message:
        yield f"not told that it may be changed: {message}"


@pytest.mark.parametrize("often", ["once", "and ever after"])
@pytest.mark.parametrize("name", SCENES)
def test_an_error_of_any_system_call_breaks_no_promise_and_is_told(
    tracing, start, record_property, name, often
):
    found, points, told = [], 0, 0
    for call, count in calls(tracing, *start(name), None).items():
        for number in range(1, count + 1):
            for error in ERRORS.get(call, ()):
                if often != "once" and error in {"EINTR", "EAGAIN"}:
                    continue  # retried for ever, and rightly so
                world, act = start(name)
                when = f"{number}" if often == "once" else f"{number}+"
                inject = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]
                code, message = tracing.run(act, world, strace=inject)
                points, told = points + 1, told + (code == 70)
                where = f"{call} {number} {error}: "
                if code not in {0, 70}:
                    found.append(f"{where}exit {code} {message[-1500:]}")
                if act != "recover":  # which may find the new file in place already
                    found += [where + each for each in untold(world, act, code, message)]
                found += [where + each for each in worlds.violations(world, act)]
    record_property("faults", f"an error {often}, {name}: {points} points, {told} told, 0 violations")
    assert found == []
    assert told > 10
