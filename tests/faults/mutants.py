"""Ways to make the product wrong (or the disk worse) inside a test's child process, and nowhere else.

Four mutants that the harness has to catch; `no exchange`, the file system without an atomic exchange of names, and
`short writes`, a disk that takes half of what it is given, which must not make a difference.
"""

import contextlib
import os
import stat
from unittest import mock

from skillloop import fs
from skillloop.fs import OpenSkill
from skillloop.skills import publish as protocol

_FSYNC, _WRITE = os.fsync, os.write


def _fsync_only(wanted):
    """An fsync that forgets everything but `wanted`."""

    def fsync(handle):
        if wanted(os.fstat(handle).st_mode):
            _FSYNC(handle)

    return mock.patch.object(os, "fsync", fsync)


def no_file_fsync():
    """The new bytes are renamed into place before they are on disk."""
    return _fsync_only(stat.S_ISDIR)


def no_folder_fsync():
    """The new name is never made durable."""
    return _fsync_only(stat.S_ISREG)


@contextlib.contextmanager
def log_first():
    """The log says applied before the file is touched."""
    replace, settle = protocol._replace, protocol._complete

    def too_early(skill, change, data):
        store = open_stores[-1]
        with store.transaction():
            store.versions.apply(change)
        return replace(skill, change, data)

    def too_late(store, skill, change):
        skill.discard(change.temporary)
        return (
            "applied" if protocol._is(protocol._read(skill), change.target) else settle(store, skill, change)
        )

    open_stores = []
    publish = protocol.publish

    def remember(store, *rest):
        open_stores.append(store)
        return publish(store, *rest)

    with (
        mock.patch.object(protocol, "_replace", too_early),
        mock.patch.object(protocol, "_complete", too_late),
        mock.patch.object(protocol, "publish", remember),
    ):
        yield


@contextlib.contextmanager
def in_place():
    """The bytes are written over the live file."""

    def swap(skill, name):
        data = skill.read(name)
        handle = os.open(fs.SKILL, os.O_WRONLY | os.O_TRUNC, dir_fd=skill.folder)
        os.write(handle, data)
        os.fsync(handle)
        os.close(handle)

    with mock.patch.object(OpenSkill, "swap", swap):
        yield


def no_exchange():
    """A file system that cannot exchange two names."""

    def refuse(*_):
        raise OSError(22, "Invalid argument")

    return mock.patch.object(fs, "_exchange", refuse)


def short_writes():
    """Each write takes half of the bytes (one at least)."""
    return mock.patch.object(os, "write", lambda handle, data: _WRITE(handle, data[: max(1, len(data) // 2)]))


def faultpoint(number):
    """Die at the `number`-th call of the operating system or of the database that Python sees."""
    count = iter(range(number + 1))

    def dying(call):
        def counted(*values, **options):
            if next(count) == number:
                os._exit(9)
            return call(*values, **options)

        return counted

    @contextlib.contextmanager
    def patched():
        from skillloop.store.database import Database

        with contextlib.ExitStack() as stack:
            for name in (
                "open",
                "close",
                "read",
                "write",
                "fsync",
                "rename",
                "unlink",
                "fchmod",
                "stat",
                "fstat",
            ):
                stack.enter_context(mock.patch.object(os, name, dying(getattr(os, name))))
            stack.enter_context(mock.patch.object(fs, "_exchange", dying(fs._exchange)))
            for name in ("run", "rows"):
                stack.enter_context(mock.patch.object(Database, name, dying(getattr(Database, name))))
            yield

    return patched


class _Patches(dict):
    """Patches by name; "point N" is made when asked for."""

    def __missing__(self, name):
        return faultpoint(int(name.removeprefix("point ")))


MUTANTS = {
    "no file fsync": no_file_fsync,
    "no folder fsync": no_folder_fsync,
    "log first": log_first,
    "in place": in_place,
}
PATCHES = _Patches(MUTANTS | {"no exchange": no_exchange, "short writes": short_writes})
