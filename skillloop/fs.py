"""Safe access to files: locks that die with their process, atomic writes, and the one door to a SKILL.md.

Invariants: a path from outside is resolved once and then pinned by a directory handle; nothing is ever created in a
skill's folder except a temporary file that takes SKILL.md's place in one atomic step, and of files that learn only a
rules file, empty; no mode of an existing file or folder is ever changed; a lock is the kernel's (flock), so a dead process cannot hold one.

What is refused, and why: a path that is not `…/skills/…/NAME/SKILL.md`, a plugin's or a downloaded skill (an update
would wipe the edit, see `skillpath`), a SKILL.md that is a device or a pipe, a file with a second hard link
(replacing it would leave the other name behind, silently), one of another user (replacing it would change the owner), a
read-only one (somebody meant it), and one that everyone may write to (the words could be anybody's). A *group*-writable
file is accepted: it is what a umask of 002 makes on most desktops.

A SKILL.md that is a link stays one: the file that it leads to is replaced in its own folder, and all of the above holds
for that file. Each link on the way is the person's or root's, in a folder that not everyone may write to. The history goes
by the link's place, so two links to one file have a history each, which see one another's edits as made by hand.
"""

import errno
import fcntl
import os
import re
import shlex
import signal
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from skillloop.errors import Locked, Refused, SkillloopError, UsageError
from skillloop.skillpath import SKILL, Owner, SkillPath, is_rules, malformed_path

MAX_SKILL = 1 << 20  # bytes of a SKILL.md that are read at most; a real one has a few thousand
Mark = tuple[int, int]  # size in bytes, modification time in ns
TEMPORARY = re.compile(r"\.SKILL\.md\.[0-9a-f]{16}\.skillloop")

_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC
_SEARCH = getattr(os, "O_PATH", os.O_RDONLY)  # a folder on the way need not be readable, only searchable
_GONE = "a deleted skill stays deleted; put it back yourself"
_SAVE = 0.5  # seconds for an editor to write what it has opened
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


class NotEditable(Refused):
    """This SKILL.md is one that skillloop must not write. The hint says what a person can do."""


class Missing(SkillloopError):  # noqa: N818
    """There is no SKILL.md at this path (any more). A deleted skill stays deleted."""


class Unreachable(SkillloopError):  # noqa: N818
    """The file or its folder cannot be opened now (no permission, a disk error)."""


@contextmanager
def reaching(what: Path | str) -> Iterator[None]:
    """Turn an OSError of the block into Unreachable: what could not be reached, and why."""
    try:
        yield
    except OSError as error:
        raise Unreachable(f"{what}: {error.strerror or error}") from error


@contextmanager
def locked(path: Path, *, wait: float = 30.0) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` (made 0600 if missing), which the kernel drops when we die.

    The file is never removed: removing one is how two processes come to hold "the" lock. After `wait` seconds (0 does not
    wait) it raises Locked, which names the holder; Unreachable where the file cannot be opened (a link, no permission).
    """
    with reaching(f"{path}: cannot lock"):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | _OPEN, 0o600)
    try:
        until = time.monotonic() + wait
        with reaching(f"{path}: cannot lock"):
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "another"
                        raise Locked(
                            f"{path} is held by process {holder}", "wait until it has ended"
                        ) from None
                time.sleep(0.005)
        with suppress(OSError):  # the number is for people only; a full disk must not stop us here
            os.pwrite(handle, b"%-19d\n" % os.getpid(), 0)  # as long as any: to truncate costs milliseconds
        yield
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, *, lasting: bool = True) -> None:
    """Replace or create one of skillloop's own files (0600), in a folder that exists: whole, or not at all.

    `lasting` waits until the new file would survive a power loss; else the old one may come back. Raises Unreachable where
    the disk refuses; the old file is untouched then and no temporary file stays.
    """
    with reaching(path.parent):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    temp = f".{path.name}.{os.getpid()}.tmp"
    try:
        with reaching(path):
            _write_new(folder, temp, data, 0o600)
            os.rename(temp, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            if lasting:
                os.fsync(folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temp, dir_fd=folder)
        raise
    finally:
        os.close(folder)


def _write_new(folder: int, name: str, data: bytes, mode: int) -> None:
    """Create `name`, which must not exist, with these bytes and mode, and wait until they are on disk."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o600, dir_fd=folder)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fchmod(handle, mode)
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary(digits: str) -> str:
    """Return a name for our temporary file beside a SKILL.md or a rules file: `TEMPORARY`, with these 16 hex digits."""
    return f".SKILL.md.{digits}.skillloop"


def mark(path: Path) -> Mark:
    """Return how a file looks now, to be compared for equality only. Raises OSError where it cannot be looked at."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def canonical(path: str | Path) -> str:
    """Return the one name of a SKILL.md, its folder with every link resolved. Raises UsageError: no skill's path."""
    text = os.fspath(path)
    if wrong := malformed_path(text):
        raise UsageError(wrong, f"a skill is a file …/skills/NAME/{SKILL}")
    try:
        folder, name = os.path.split(text)
        name = f"{os.path.realpath(folder)}/{name}"
    except OSError as error:  # it changed while we looked
        raise Missing(f"{text}: {error.strerror or error}") from None
    if is_rules(text) and not is_rules(name):
        raise UsageError(f"{text} is behind a symbolic link, to {name}", "make its folder one of its own")
    return name


@dataclass(frozen=True, slots=True)
class OpenSkill:
    """A SKILL.md through the handle of its folder: whatever happens to the path now, we stay where we looked."""

    path: str  # canonical
    folder: int  # directory descriptor of the file itself
    real: str  # path of the file itself: where SKILL.md leads, by the name that it has on the disk
    doubt: str = ""  # what is wrong with the links on the way

    @property
    def name(self) -> str:
        """Return the name of the file itself in its folder."""
        return Path(self.real).name

    def read(self, name: str = "") -> bytes:
        """Return the bytes of SKILL.md (or of our temporary file beside it), or raise Missing or Unreachable.

        Raises NotEditable for a link that is not to be followed, what is no regular file, or over `MAX_SKILL` bytes.
        """
        if self.doubt:
            raise NotEditable(f"{self.path} {self.doubt}", "make it a file of its own")
        with reaching(self.path):
            try:
                handle = os.open(name or self.name, os.O_RDONLY | os.O_NONBLOCK | _OPEN, dir_fd=self.folder)
            except FileNotFoundError:
                raise Missing(f"{self.path}: there is no such file", _GONE) from None
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise NotEditable(f"{self.path} is a symbolic link", "make it a real file") from None
                raise
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                raise NotEditable(f"{self.path} is not a regular file")
            with os.fdopen(handle, "rb") as file:
                data = file.read(MAX_SKILL + 1)
        if len(data) > MAX_SKILL:
            raise NotEditable(f"{self.path} is larger than {MAX_SKILL:,} bytes")
        return data

    def names(self) -> list[str]:
        """Return the names in the folder."""
        return os.listdir(self.folder)  # noqa: PTH208  (pathlib knows no handles)

    def check_editable(self) -> None:
        """Refuse what must not be written (see the module's docstring) by NotEditable: why, and what a person can do."""
        self.read()
        skill = SkillPath.leading_to(self.path, self.real)
        if skill.reason:
            raise NotEditable(f"{self.path} {skill.reason}", skill.hint)
        if self.real.casefold().startswith(("/proc/", "/sys/")):
            raise NotEditable(f"{self.path} is not on a disk")
        status = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        if status.st_nlink > 1:
            raise NotEditable(f"{self.path} has a second hard link", "make it a file of its own")
        if status.st_uid != os.geteuid():
            raise NotEditable(f"{self.path} belongs to another user")
        if not status.st_mode & stat.S_IWUSR:
            raise NotEditable(f"{self.path} is read-only", f"chmod u+w {shlex.quote(self.real)}")
        if (status.st_mode | _by_others(os.fstat(self.folder))) & stat.S_IWOTH:
            hint = f"chmod o-w {shlex.quote(self.real)} and its folder"
            raise NotEditable(f"everyone may write to {self.path}", hint)

    def stage(self, name: str, data: bytes) -> None:
        """Write `data` beside the file under `name`, with the file's mode and group, and wait for the disk."""
        like = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        _write_new(self.folder, name, data, stat.S_IMODE(like.st_mode))
        if os.stat(name, dir_fd=self.folder).st_gid != like.st_gid:
            with suppress(PermissionError):
                os.chown(name, -1, like.st_gid, dir_fd=self.folder)

    def swap(self, name: str) -> None:
        """Put the staged file in the file's place in one atomic step; `name` then holds what stood there, so no save is lost.

        Where the file system cannot exchange two names, `name` is gone: a save of the last microseconds would be lost.
        """
        try:
            _exchange(self.folder, name, self.name)
        except OSError as error:
            if error.errno not in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}:
                raise
            os.rename(name, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)

    def sync(self) -> None:
        """Wait until the file and the names in its folder are on disk."""
        handle = os.open(self.name, os.O_RDONLY | _OPEN, dir_fd=self.folder)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        os.fsync(self.folder)

    def wait_for_writers(self, name: str) -> None:
        """Give whoever writes the file `_SAVE` seconds; known by the lease that Linux refuses then (F_SETLEASE)."""
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _OPEN, dir_fd=self.folder)
        except OSError:
            return
        try:
            until = time.monotonic() + _SAVE
            while _has_writer(handle) and time.monotonic() < until:
                time.sleep(0.001)
        finally:
            os.close(handle)

    def discard(self, name: str) -> None:
        """Remove our temporary file, if it is there; `sync` makes that last."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.folder)

    def remove_empty(self) -> None:
        """Remove the file where nothing is in it; what somebody writes into it meanwhile stays."""
        aside, here = temporary(os.urandom(8).hex()), self.folder
        os.rename(self.name, aside, src_dir_fd=here, dst_dir_fd=here)
        self.wait_for_writers(aside)
        if os.stat(aside, dir_fd=here).st_size:
            try:
                os.link(aside, self.name, src_dir_fd=here, dst_dir_fd=here)
            except FileExistsError:  # both are somebody's: neither goes
                return
        self.discard(aside)
        os.fsync(here)

    def check_still_there(self) -> None:
        """Raise Missing when the path no longer leads to the file that we opened: moved, replaced, or linked elsewhere."""
        opened, file = os.fstat(self.folder), Path(self.real)
        no_link = file.parent == Path(self.path).parent and file.name.casefold() == SKILL.casefold()
        with suppress(OSError):
            now = file.parent.stat()
            leads = os.path.realpath(self.path) in {self.real, self.path if no_link else ""}
            if leads and (now.st_dev, now.st_ino) == (opened.st_dev, opened.st_ino):
                return
        raise Missing(f"{self.path}: its folder was moved or replaced while we worked")


@contextmanager
def open_skill(path: str | Path) -> Iterator[OpenSkill]:
    """Open a SKILL.md's folder: links resolved once, then none followed. Raises UsageError, Missing, Unreachable."""
    name = canonical(path)
    place, doubt = Path(name).parent, ""
    folder = _walk(place, name)
    try:
        file = Path(name).name
        with reaching(f"the folder of {file}"):
            names = os.listdir(folder)  # noqa: PTH208  (pathlib knows no handles)
        spelt = [each for each in names if each.casefold() == file.casefold()]
        # as it is spelt on the disk; a name in other letters counts where it is the only one
        real = place / (file if file in names or len(spelt) != 1 else spelt[0])
        with suppress(OSError):  # it is no link
            target = os.readlink(real.name, dir_fd=folder)
            doubt = _doubt(str(real))
            real = Path(os.path.realpath(place / target))
            skill = SkillPath.leading_to(name, str(real))
            doubt = skill.reason if skill.owner is Owner.STRAY else doubt
            inner = _walk(real.parent, name)
            os.close(folder)
            folder = inner
        yield OpenSkill(name, folder, str(real), doubt)
    finally:
        os.close(folder)


def make_rules(path: str | Path) -> bool:
    """Make a rules file, empty, and its folders, where it is not; whether it was. Raises UsageError, Missing, Unreachable."""
    name = Path(canonical(path))
    if not is_rules(str(name)):
        raise UsageError(f"{name} is not a rules file")
    for folder in (name.parents[1], name.parent):
        with reaching(folder):
            try:
                folder.mkdir(mode=0o755)
            except FileExistsError:
                continue
            except FileNotFoundError as error:
                raise Missing(f"{name}: there is no folder {folder.parent}") from error
            sync(folder.parent)
    handle = _walk(name.parent, str(name))
    try:
        with reaching(name), suppress(FileExistsError):
            os.close(os.open(name.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o644, dir_fd=handle))
            return True
        return False
    finally:
        os.close(handle)


def _doubt(link: str) -> str:
    """Return why the links that stand one after another for a file cannot be trusted, or ""."""
    place = Path(link)
    for _ in range(40):
        try:
            target, status, folder = place.readlink(), place.lstat(), place.parent.stat()
        except OSError:  # the end: it is no link, or is not there
            return ""
        if status.st_uid not in {0, os.geteuid()}:
            return f"is a symbolic link by way of {place}, which belongs to another user"
        if _by_others(folder) & stat.S_IWOTH:
            return f"is a symbolic link by way of {place.parent}, which everyone may write to"
        place = (place.parent / target.parent).resolve() / target.name
    return "is a symbolic link that leads in a circle"


def _by_others(folder: os.stat_result) -> int:
    """Return the mode of a folder as far as others can replace our files in it."""
    return folder.st_mode & ~stat.S_IWOTH if folder.st_mode & stat.S_ISVTX else folder.st_mode


def _walk(folder: Path, name: str) -> int:
    """Open a folder from / on without following any link; errors speak of the file `name`."""
    with reaching("/"):
        handle = os.open("/", _SEARCH | os.O_DIRECTORY | os.O_CLOEXEC)
    parts = folder.parts[1:]
    for number, part in enumerate(parts, start=1):
        flags = os.O_RDONLY if number == len(parts) else _SEARCH  # the last one is read and synced
        with reaching(f"{name}: cannot open its folder"):
            try:
                inner = os.open(part, flags | os.O_DIRECTORY | _OPEN, dir_fd=handle)
            except (FileNotFoundError, NotADirectoryError):
                raise Missing(f"{name}: there is no such folder", _GONE) from None
            finally:
                os.close(handle)
        handle = inner
    return handle


def _exchange(folder: int, one: str, other: str) -> None:
    """Exchange two names of a folder atomically. Python has no call for it, the C library has."""
    import ctypes  # noqa: PLC0415  (8 ms that only a publish pays)

    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, "renameatx_np" if sys.platform == "darwin" else "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if call(folder, os.fsencode(one), folder, os.fsencode(other), _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), one)


def _has_writer(handle: int) -> bool:
    """Return whether somebody has the file open for writing; False where that cannot be known."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        # SIGURG is ignored by default; SIGIO, the usual one, would kill us
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN  # else this file system knows no leases
    return False
