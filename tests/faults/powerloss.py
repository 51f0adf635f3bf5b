"""Power loss, replayed: what could be on the disk if the power went at any moment, by the rules that POSIX gives.

The system calls of one run are recorded with their data (strace). A file's writes are sure only after an fsync of
the file, a folder's new, changed and removed names only after an fsync of the folder. For each moment `states` gives
the disks that could be found: everything kept, everything unsynced lost, each unsynced thing lost alone, each two
of them, and the last write of a file cut in half (after Pillai et al., "All file systems are not created equal",
OSDI 2014).
"""

import itertools
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

RECORD = ["-yy", "-xx", "-s", "2000000", "-e", "trace=file,desc,write,pwrite64,ftruncate"]

_CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_HANDLE = re.compile(r"(-?\d+|AT_FDCWD)<([^>]*)>")


@dataclass(frozen=True)
class Op:
    """One effect. kind: write (file, offset, data), cut (file, size), name (folder, name, file or None), sync."""

    kind: str
    where: object  # a file's number, or a folder's path
    args: tuple = ()


@dataclass
class Recording:
    """Effects in order, and the number of each file (by its path at the start, or made later)."""

    folder: str
    ops: list = field(default_factory=list)
    start: dict = field(default_factory=dict)  # path -> (number, bytes)
    folders: set = field(default_factory=set)

    def __post_init__(self):
        for path in sorted(Path(self.folder).rglob("*")):
            if path.is_file():
                self.start[str(path)] = (len(self.start), path.read_bytes())
            else:
                self.folders.add(str(path))
        self._names = {path: number for path, (number, _) in self.start.items()}
        self._size = {number: len(data) for number, data in self.start.values()}
        self._next = len(self.start)
        self._handles = {}  # handle -> [file number, position]

    def read(self, log):
        """Take in the strace log of the run."""
        for line in log.splitlines():
            match = _CALL.match(line)
            if match and int(match[3]) >= 0:
                handler = getattr(self, f"_{match[1]}", None)
                if handler:
                    handler(match[2], int(match[3]), line)
        return self

    def _name(self, path, number):
        folder, name = posixpath.split(path)
        self.ops.append(Op("name", folder, (name, number)))
        if number is None:
            del self._names[path]
        else:
            self._names[path] = number

    def _openat(self, text, result, line):
        path = self._paths(text)[0]
        if not path.startswith(self.folder) or path in self.folders:
            return
        if path not in self._names:
            if "O_CREAT" not in text:
                return
            self._size[self._next] = 0
            self._next += 1
            self._name(path, self._next - 1)
        number = self._names[path]
        self._handles[result] = [number, 0]
        if "O_TRUNC" in text:
            self._cut(number, 0)

    def _cut(self, number, size):
        self.ops.append(Op("cut", number, (size,)))
        self._size[number] = size

    def _close(self, text, result, line):
        self._handles.pop(int(text.split("<")[0]), None)

    def _lseek(self, text, result, line):
        if self._of(text):
            self._of(text)[1] = result

    def _read(self, text, result, line):
        if self._of(text):
            self._of(text)[1] += result

    def _write(self, text, result, line):
        held = self._of(text)
        if held:
            self._put(held[0], held[1], _data(text)[:result])
            held[1] += result

    def _pwrite64(self, text, result, line):
        held = self._of(text)
        if held:
            self._put(held[0], int(text.rsplit(",", 1)[1]), _data(text)[:result])

    def _put(self, number, offset, data):
        self.ops.append(Op("write", number, (offset, data)))
        self._size[number] = max(self._size[number], offset + len(data))

    def _ftruncate(self, text, result, line):
        held = self._of(text)
        if held:
            self._cut(held[0], int(text.rsplit(",", 1)[1]))

    def _fsync(self, text, result, line):
        held = self._of(text)
        path = _decode(_HANDLE.match(text)[2])
        if held:
            self.ops.append(Op("sync", held[0]))
        elif path in self.folders:
            self.ops.append(Op("sync", path))

    _fdatasync = _fsync

    def _unlink(self, text, result, line):
        path = self._paths(text)[0]
        if path in self._names:
            self._name(path, None)

    _unlinkat = _unlink

    def _renameat(self, text, result, line):
        old, new = self._paths(text)
        number = self._names[old]
        if "RENAME_EXCHANGE" in text:
            other = self._names[new]
            self.ops.append(
                Op(
                    "names",
                    posixpath.dirname(new),
                    ((posixpath.basename(new), number), (posixpath.basename(old), other)),
                )
            )
            self._names[new], self._names[old] = number, other
        else:
            folder = posixpath.dirname(new)
            self.ops.append(
                Op("names", folder, ((posixpath.basename(new), number), (posixpath.basename(old), None)))
            )
            del self._names[old]
            self._names[new] = number

    _renameat2 = _rename = _renameat

    def _mkdir(self, text, result, line):
        self.folders.add(self._paths(text)[0])  # taken as durable: nothing of ours depends on a folder's loss

    _mkdirat = _mkdir

    def _of(self, text):
        return self._handles.get(int(re.match(r"-?\d+", text)[0]))

    def _paths(self, text):
        """The absolute paths among the arguments."""
        found, base = [], None
        for token in re.finditer(rf"{_HANDLE.pattern}|{_STRING.pattern}", text):
            if token[1] is not None:
                base = _decode(token[2])
            else:
                name = _decode(token[3])
                found.append(name if name.startswith("/") else posixpath.join(base, name))
        return found

    def states(self):
        """Each disk that could be found, as {path: bytes}, no two alike."""
        seen = set()
        for issued in range(len(self.ops) + 1):
            for lost, half in _losses(self._unsynced(issued), self.ops):
                disk = self.disk(issued, lost, half)
                key = hash(frozenset(disk.items()))
                if key not in seen:
                    seen.add(key)
                    yield disk

    def _unsynced(self, issued):
        """Positions of the effects that no sync has made sure, by file or folder."""
        unsure = {}
        for position, op in enumerate(self.ops[:issued]):
            if op.kind == "sync":
                unsure.pop(op.where, None)
            else:
                unsure.setdefault(op.where, []).append(position)
        return unsure

    def disk(self, issued=None, lost=frozenset(), half=None):
        """The files after the first `issued` effects without the `lost` ones."""
        data = {number: bytearray(content) for number, content in self.start.values()}
        names = {path: number for path, (number, _) in self.start.items()}
        for position, op in enumerate(self.ops[:issued]):
            if position in lost:
                continue
            if op.kind == "write":
                offset, new = op.args
                new = new[: len(new) // 2] if position == half else new
                file = data.setdefault(op.where, bytearray())
                file.extend(b"\0" * (offset - len(file)))
                file[offset : offset + len(new)] = new
            elif op.kind == "cut":
                file = data.setdefault(op.where, bytearray())
                file[op.args[0] :] = b"\0" * (op.args[0] - len(file[: op.args[0]]))
            elif op.kind != "sync":
                for name, number in (op.args,) if op.kind == "name" else op.args:
                    names[f"{op.where}/{name}"] = number
        return {path: bytes(data.get(number, b"")) for path, number in names.items() if number is not None}


def _losses(unsure, ops):
    """Which effects are lost, and which write is cut in half."""
    groups = list(unsure.values())
    everything = {position for group in groups for position in group}
    yield set(), None
    yield everything, None
    for group in groups:
        yield set(group), None
        yield {*group[len(group) // 2 :]}, None
        writes = [position for position in group if ops[position].kind == "write"]
        if writes:
            yield set(), writes[-1]
            yield everything - {writes[-1]}, writes[-1]
    for one, other in itertools.combinations(sorted(everything)[-12:], 2):
        yield {one, other}, None
    for one in everything:
        yield {one}, None


def put(disk, folder):
    """Make the folder hold exactly these files."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()
    for name, data in disk.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)


def _decode(text):
    return bytes.fromhex(text.replace("\\x", "")).decode() if "\\x" in text else text


def _data(text):
    match = _STRING.search(text)
    assert not match[2], "strace cut the data short"
    return bytes.fromhex(match[1].replace("\\x", ""))
