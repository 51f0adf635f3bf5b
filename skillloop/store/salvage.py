"""Reads the rows of a damaged database: through SQLite as far as it goes, then straight off the pages.

Invariant: nothing is decided here. A row comes out if its values have the types of one table's columns; whether it
is the row that was written is for the caller to prove, by the hashes that the rows carry. Live rows come before
what only the pages still hold, so that the first of two versions of a row is the newer one.

The file format is https://sqlite.org/fileformat2.html, §1.5 to §2.1.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from skillloop.store.database import Database

Row = tuple[Any, ...]

_PAGE = 4096  # what SQLite gives a new file, and so ours, if the header does not say
_TYPES: dict[str, type] = {"TEXT": str, "INTEGER": int, "REAL": float, "BLOB": bytes}
_WIDTHS = (0, 1, 2, 3, 4, 6, 8)  # bytes of an integer, by its serial type


class Column(NamedTuple):
    """What a value must be. `rowid`: the record holds NULL, and the value is the row's number."""

    kind: type
    optional: bool
    rowid: bool


Shapes = dict[str, tuple[Column, ...]]  # by table


def shapes(database: Database) -> Shapes:
    """The columns of every table of a sound database, but for the one that counts its migrations."""
    found: dict[str, list[Column]] = {}
    query = (
        'SELECT t.name, c.type, c."notnull", c.pk FROM sqlite_schema t, pragma_table_info(t.name) c '
        "WHERE t.type = 'table' AND t.name != 'migrations' ORDER BY t.name, c.cid"
    )
    for table, kind, required, key in database.rows(query):
        column = Column(_TYPES[kind], not required and not key, kind == "INTEGER" and key == 1)
        found.setdefault(table, []).append(column)
    return {table: tuple(columns) for table, columns in found.items()}


def rows(copy: Path, wanted: Shapes) -> Iterator[tuple[str, Row]]:
    """Every row that can still be read of a damaged database, with the name of its table; some more than once.

    Args:
        copy: The file, with its journal beside it. SQLite may write to both, so give a copy.
        wanted: The tables, no two of the same shape.
    """
    data = copy.read_bytes()
    yield from _by_sqlite(copy, wanted)
    for pages in {copy.read_bytes(): None, data: None}:  # with the journal applied first
        for number, record in _records(pages):
            for table, shape in wanted.items():
                row = _fit(number, record, shape)
                if row is not None:
                    yield table, row


def _by_sqlite(path: Path, wanted: Mapping[str, Sequence[Column]]) -> Iterator[tuple[str, Row]]:
    """The live rows, from both ends of each table up to what cannot be read."""
    with closing(sqlite3.connect(path)) as connection:
        for table, shape in wanted.items():
            for order in ("ASC", "DESC"):
                with suppress(sqlite3.Error, UnicodeDecodeError):  # its messages quote the damage
                    for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid {order}"):  # noqa: S608
                        fitting = _fit(None, row, shape)
                        if fitting is not None:
                            yield table, fitting
                    break


def _fit(number: int | None, record: Row, shape: Sequence[Column]) -> Row | None:
    """The values as a row of this shape, or None where they are not one; `number` is the rowid, if it is not in them."""
    if len(record) != len(shape):
        return None
    row = []
    for found, column in zip(record, shape, strict=True):
        value: Any = found
        if column.rowid and number is not None:
            if found is not None:
                return None
            value = number
        if column.kind is float and type(value) is int:  # how SQLite stores 1.0
            value = float(value)
        if type(value) is not column.kind and not (value is None and column.optional):
            return None
        row.append(value)
    return tuple(row)


def _records(data: bytes) -> Iterator[tuple[int, Row]]:
    """Number and values of each record on any page that can be read as a leaf of a table."""
    (size,) = struct.unpack(">H", data[16:18]) if len(data) >= 18 else (0,)
    size = 65536 if size == 1 else size if size >= 512 and not size & (size - 1) else _PAGE
    for start in range(0, len(data), size):
        page = data[start : start + size]
        header = 100 if start == 0 else 0
        for pointer in _pointers(page, header):
            with suppress(IndexError, ValueError, struct.error):
                yield _cell(data, page, pointer, size)


def _pointers(page: bytes, header: int) -> Iterator[int]:
    """Where the cells of a page begin, up to the first that cannot be."""
    (count,) = struct.unpack(">H", page[header + 3 : header + 5]) if len(page) >= header + 8 else (0,)
    for place in range(header + 8, min(header + 8 + 2 * count, len(page) - 1), 2):
        pointer = page[place] << 8 | page[place + 1]
        if header + 8 <= pointer < len(page):
            yield pointer


def _cell(data: bytes, page: bytes, pointer: int, size: int) -> tuple[int, Row]:
    length, at = _varint(page, pointer)
    number, at = _varint(page, at)
    if not 0 <= length <= len(data):
        raise ValueError("longer than the file")
    most = size - 35
    least = (size - 12) * 32 // 255 - 23
    split = least + (length - least) % (size - 4)
    here = length if length <= most else split if split <= most else least
    payload = page[at : at + here]
    if here < length:
        payload += _overflow(
            data, struct.unpack(">I", page[at + here : at + here + 4])[0], length - here, size
        )
    if len(payload) != length:
        raise ValueError("cut off")
    return number, _values(payload)


def _overflow(data: bytes, page: int, length: int, size: int) -> bytes:
    """The rest of a long record, from its chain of pages."""
    found = b""
    while len(found) < length:
        start = (page - 1) * size
        if start <= 0 or start + size > len(data):
            raise ValueError("the chain leaves the file")
        (page,) = struct.unpack(">I", data[start : start + 4])
        found += data[start + 4 : start + size][: length - len(found)]
    return found


def _values(payload: bytes) -> Row:
    end, at = _varint(payload, 0)
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    found = []
    for kind in kinds:
        value, at = _value(payload, at, kind)
        found.append(value)
    if at != len(payload):
        raise ValueError("a record of another length")
    return tuple(found)


def _value(payload: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind >= 12:
        end = at + (kind - 12) // 2
        raw = payload[at:end]
        return (raw.decode() if kind % 2 else raw), end
    if kind in {8, 9}:
        return kind - 8, at
    if kind == 7:
        return struct.unpack(">d", payload[at : at + 8])[0], at + 8
    if kind > 9:
        raise ValueError("a kind of value that is not in use")
    end = at + _WIDTHS[kind]
    return (int.from_bytes(payload[at:end], "big", signed=True) if kind else None), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64 if value >> 63 else 0), at + 9
