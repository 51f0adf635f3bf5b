"""The audit log: append-only, each entry chained to the one before by SHA-256 and signed with the install's key.

What it proves: an entry that was altered, dropped, swapped or cut off is found by `problems`, because the chain, the
signatures or the head kept in a file beside the database no longer agree. What it cannot prove: anything against
somebody who can read the key file, that is, who already acts as this user.
"""

import hmac
import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skillloop import fs
from skillloop.model import sha256
from skillloop.store.database import MIGRATIONS, Corrupt, Database, now

_START = "0" * 64  # what the first entry has for `previous`


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `detail` holds JSON values only."""

    seq: int  # 1, 2, 3 … without a gap
    at: str  # ISO 8601, UTC; for display only
    event: str  # "digested", "proposal", "applied", "rejected", "version", "config" …
    skill: str | None  # canonical path of the SKILL.md, where the entry is about one
    detail: dict[str, Any]


class Audit:
    """The log of one store."""

    def __init__(self, database: Database, folder: Path) -> None:
        """Use the table `audit`, and the files `key` and `head` in `folder`."""
        self._database = database
        self._key_file = folder / "key"
        self._head_file = folder / "head"
        self._grown = False  # since the head was last kept

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make several changes as one: all or none; the head is kept after the outermost."""
        with self._database.transaction():
            yield
        if not self._database.depth:
            self.keep_head()

    def append(self, event: str, /, *, skill: str | None = None, **detail: Any) -> None:
        """Add an entry, in the transaction that makes the change it speaks of."""
        seq, previous, _ = newest = self._newest()
        if not seq and not self._head_file.exists():
            fs.write_atomic(self._head_file, "{} {} {}\n".format(*newest).encode())
        place = {"seq": seq + 1, "previous": previous}
        entry = json.dumps(place | {"at": now(), "event": event, "skill": skill, "detail": detail})
        digest = sha256(entry)
        self._database.insert("audit", (seq + 1, entry, digest, _mac(self._key(), digest), skill))
        self._grown = True

    def _newest(self) -> tuple[int, str, str]:
        rows = self._database.rows("SELECT seq, hash, mac FROM audit ORDER BY seq DESC LIMIT 1")
        return rows[0] if rows else (0, _START, _START)

    def keep_head(self) -> None:
        """Write the newest entry's number and signature to the side file, once a transaction that appended is committed.

        Best effort: a head that lags behind is still an ancestor of the log, one that is ahead proves a cut.
        """
        if self._grown:
            self._grown = False
            with suppress(fs.Unreachable):
                head = "{} {} {}\n".format(*self._newest())
                fs.write_atomic(self._head_file, head.encode(), lasting=False)

    def entries(
        self, event: str | None = None, *, skill: str | None = None, limit: int | None = None
    ) -> list[Entry]:
        """Return the newest entries, newest first: of one kind of event and one skill, or of all."""
        query = (
            f"SELECT entry FROM audit WHERE {'? IS NULL' if skill is None else 'skill = ?'} "  # noqa: S608  (an index serves)
            """AND (? IS NULL OR (entry LIKE '%' || ? || '%' AND json_extract(entry, '$.event') = ?)) """  # LIKE is quick
            "ORDER BY seq DESC LIMIT ?"
        )
        rows = self._database.rows(query, skill, event, event, event, -1 if limit is None else limit)
        found = (self._database.parsed(row[0]) for row in rows)
        return [Entry(e["seq"], e["at"], e["event"], e["skill"], e["detail"]) for e in found]

    def __len__(self) -> int:
        return int(self._database.one("SELECT count(*) FROM audit")[0])

    def adopt(self) -> None:
        """Sign another installation's log with this one's key, in the caller's transaction. Raises Corrupt: its chain is broken."""
        previous = _START
        for seq, entry, digest in self._database.rows("SELECT seq, entry, hash FROM audit ORDER BY seq"):
            if sha256(entry) != digest or self._database.parsed(entry)["previous"] != previous:
                raise Corrupt(self._database.path, f"its audit log is broken at entry {seq}")
            previous = digest
        for verb in ("update", "delete"):
            self._database.run(f"DROP TRIGGER audit_no_{verb}")
        for seq, digest in self._database.rows("SELECT seq, hash FROM audit"):
            self._database.run("UPDATE audit SET mac = ? WHERE seq = ?", _mac(self._key(), digest), seq)
        for statement in MIGRATIONS[0][1]:
            if "TRIGGER audit_no_" in statement:
                self._database.run(statement)
        self._grown = True

    def is_foreign(self) -> bool:
        """Return whether there are entries and none is signed with this installation's key."""
        rows, key = self._database.rows("SELECT entry, mac FROM audit"), self._key()
        return bool(rows) and not any(
            hmac.compare_digest(_mac(key, sha256(entry)).encode(), mac.encode()) for entry, mac in rows
        )

    def head(self) -> int:
        """Return the number of the newest entry, as the side file has it; 0 where it says nothing that is signed."""
        try:
            number, digest, mac = self._head_file.read_text("ascii", "replace").split()
            return int(number) if hmac.compare_digest(_mac(self._key(), digest), mac) else 0
        except (OSError, ValueError, TypeError):
            return 0

    def problems(self, *, head: bool = True) -> list[str]:
        """Return what is wrong with the log, in sentences; a copy (`head` False) ends before the home's head."""
        rows = self._database.rows(
            "SELECT seq, CAST(entry AS BLOB), CAST(hash AS BLOB), CAST(mac AS BLOB), CAST(skill AS BLOB) FROM audit ORDER BY seq"
        )
        return list(filter(None, (self._broken_link(rows), self._broken_head(rows) if head else "")))

    def _broken_link(self, rows: Any) -> str:
        key, previous = self._key(), _START
        for expected, (seq, entry, digest, mac, skill) in enumerate(rows, start=1):
            if sha256(entry) != digest.decode("ascii", "replace"):
                return f"audit entry {seq} was altered"
            told = json.loads(entry)
            if skill != (told["skill"] and told["skill"].encode()):
                return f"audit entry {seq} was moved to another skill"
            if seq != expected or told["seq"] != seq or told["previous"] != previous:
                return f"the audit log is broken before entry {seq}: something was removed, added or moved"
            if not hmac.compare_digest(_mac(key, digest.decode()).encode(), mac):
                return f"audit entry {seq} was not signed with this installation's key"
            previous = digest.decode()
        return ""

    def _broken_head(self, rows: Any) -> str:
        try:
            number, *signed = self._head_file.read_text("ascii", "replace").split()
            seq = int(number)
            entry = rows[seq - 1] if seq > 0 else (0, b"", _START.encode(), _START.encode())
        except FileNotFoundError:
            missing = f"{self._head_file} is missing, so a cut at the end of the audit log could not be seen"
            return missing if rows else ""
        except (ValueError, IndexError):
            return f"the audit log ends before the entry that {self._head_file} names: its end was cut off"
        known = [part.decode("ascii", "replace") for part in entry[2:4]] == signed
        return "" if known else f"{self._head_file} names another entry {seq} than the audit log has"

    def _key(self) -> bytes:
        """Return the install's key, made at first use. A new key after a loss is told by `problems`, not hidden."""
        with fs.reaching(self._key_file):
            try:
                return self._key_file.read_bytes()
            except FileNotFoundError:
                key = os.urandom(32)
                fs.write_atomic(self._key_file, key)
                return key


def _mac(key: bytes, digest: str) -> str:
    return hmac.new(key, digest.encode(), "sha256").hexdigest()


class Tables:
    """Base of the parts of the store: the connection, the log, and transactions that keep the log's head."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self.audit = audit

    def transaction(self) -> AbstractContextManager[None]:
        """Make several changes as one: all or none. Every saving method does this for itself."""
        return self.audit.transaction()
