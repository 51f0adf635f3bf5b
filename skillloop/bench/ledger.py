"""The ledger: one JSON line for everything that happened in a run, written by the runner alone.

Append-only and chained: each row carries the hash of the row before it, so that a changed or missing row is found on
the next start. A row is on the disk (fsync) before the next trial begins; a half-written last line, which a crash can
leave, is cut off, and the trial it would have recorded is run again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from skillloop.errors import SkillloopError
from skillloop.model import sha256

Row = dict[str, Any]
COLUMNS = ("commit", "val_bpb", "memory_gb", "status", "description")  # of autoresearch's results.tsv


class Ledger:
    """The rows of one run, in memory and in its file."""

    def __init__(self, path: Path) -> None:
        """Read what is there.

        Raises:
            SkillloopError: a row was changed or removed.
        """
        self.path = path
        self.rows: list[Row] = []
        self.lines: list[bytes] = []
        self.head = ""
        data = path.read_bytes() if path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            self._take(number, line.decode("utf-8"))
        self.size = len(whole)

    def _take(self, number: int, line: str) -> None:
        try:
            row = json.loads(line)
        except ValueError:
            row = {}
        if not isinstance(row, dict) or row.get("before") != self.head:
            raise SkillloopError(
                f"{self.path}:{number}: the ledger was altered by something other than skillloop",
                "start a new run in another folder; the rows before this line can be trusted",
            )
        self.rows.append(row)
        self.lines.append(line.encode("utf-8") + b"\n")
        self.head = sha256(line)

    def append(self, row: Row) -> None:
        """Write one row and wait until it is on the disk.

        Raises:
            SkillloopError: the file is not what this object left there.
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
        """Whether the file still is what was written, which nothing but the runner may change.

        Raises:
            SkillloopError: it is not.
        """
        data = self.path.read_bytes() if self.path.exists() else b""
        if data[: self.size] != b"".join(self.lines):
            raise SkillloopError(f"{self.path}: the ledger was altered while a trial ran")

    def restore(self) -> None:
        """Write the rows again as they are in memory, over whatever became of the file."""
        beside = self.path.with_name(self.path.name + ".new")
        with beside.open("wb") as file:
            file.writelines(self.lines)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)

    @property
    def trials(self) -> list[Row]:
        """The rows of trials."""
        return [row for row in self.rows if row["event"] == "trial"]

    @property
    def sealed(self) -> list[Row]:
        """The rows that announce a reading of the sealed split."""
        return [row for row in self.rows if row["event"] == "sealed"]


def results(trials: list[Row]) -> str:
    """The text of results.tsv: one line a candidate, as its last row left it; what has no measure has none here."""
    last = {row["candidate"]: row for row in trials}  # keeps the order of first appearance
    text = ["\t".join(COLUMNS)]
    for row in last.values():
        bpb = (
            "0.000000"
            if row["status"] == "crash"
            else f"{row['mean']:.6f}"
            if row["mean"] is not None
            else ""
        )
        memory = f"{row.get('memory_gb') or 0.0:.1f}"
        description = " ".join(row["description"].split())
        text.append("\t".join((row["commit"][:7], bpb, memory, row["status"], description)))
    return "\n".join(text) + "\n"
