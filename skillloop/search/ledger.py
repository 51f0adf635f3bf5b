"""The ledger: one JSON line for everything that happened in a search, written by the runner alone.

Append-only and chained: each row carries the hash of the row before it, so that a changed or missing row is found on
the next start. A row is on the disk (fsync) before the next trial begins; a half-written last line, which a crash can
leave, is cut off, and the trial it would have recorded is run again.

A trial's row has `event` ("trial"), `number`, `candidate` and `parent` (ids), `outcome`, `reason`, the measured value
under the name of the ledger's metric, `mean` and `runs` (over all measurements of the candidate so far), `early` (the
value after a first stage), `spent` (the cost) and whatever else the problem records.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from skillloop import fs
from skillloop.errors import SkillloopError
from skillloop.model import sha256
from skillloop.search.archive import Archive, Row


class Ledger:
    """The rows of one search, in memory and in its file."""

    def __init__(self, path: Path, metric: str) -> None:
        """Read what is there. Raises SkillloopError: a row was changed or removed."""
        self.path, self.metric = path, metric
        self.rows: list[Row] = []
        self.lines: list[bytes] = []
        self.head = ""  # hash of the last row
        data = path.read_bytes() if path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                row = json.loads(line)
            except ValueError:
                row = {}
            if not isinstance(row, dict) or row.get("before") != self.head:
                raise SkillloopError(
                    f"{path}:{number}: the ledger was altered by something other than skillloop",
                    "start a new run in another folder; the rows before this line can be trusted",
                )
            self.rows.append(row)
            self.lines.append(line + b"\n")
            self.head = sha256(line)
        self.size = len(whole)

    def append(self, row: Row) -> None:
        """Write one row and wait until it is on the disk.

        Raises SkillloopError: the file is not what this object left there.
        """
        self.check()
        line = json.dumps({**row, "before": self.head}, ensure_ascii=False)
        data = line.encode("utf-8") + b"\n"
        with self.path.open("r+b" if self.path.exists() else "xb") as file:
            file.seek(self.size)
            file.truncate()  # the half line of a crash
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            self.size = file.tell()
        self.rows.append(json.loads(line))
        self.lines.append(data)
        self.head = sha256(line)

    def check(self) -> None:
        """Compare the file with what was written, which nothing but the runner may change.

        Raises SkillloopError: it differs.
        """
        data = self.path.read_bytes() if self.path.exists() else b""
        if data[: self.size] != b"".join(self.lines):
            raise SkillloopError(f"{self.path}: the ledger was altered while a trial ran")

    def restore(self) -> None:
        """Write the rows again as they are in memory, over whatever became of the file."""
        fs.write_atomic(self.path, b"".join(self.lines))

    def events(self, name: str) -> list[Row]:
        """Return the rows of one kind of event, oldest first."""
        return [row for row in self.rows if row["event"] == name]

    @property
    def trials(self) -> list[Row]:
        """The rows of trials."""
        return self.events("trial")

    def archive(self, known: int | None = None, pending: Sequence[str] = ()) -> Archive:
        """Return the archive of the first `known` trials (all by default), with these candidates under way."""
        return Archive(self.trials[:known], pending, self.metric)
