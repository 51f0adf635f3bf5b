"""The audit log: append-only, each entry chained to the one before by SHA-256 and signed with the install's key.

What it proves: an entry that was altered, dropped, swapped or cut off is found by `problems`, because the chain, the
signatures or the head kept in a file beside the database no longer agree. What it cannot prove: anything against
somebody who can read the key file, that is, who already acts as this user.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skillloop import fs
from skillloop.store.database import Corrupt, Database, now
from skillloop.store.schema import append_only

_START = "0" * 64  # what the first entry has for `previous`
_TOLD = ("at", "event", "skill", "detail")  # what an entry says, besides its place in the chain


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

    def append(self, event: str, /, *, skill: str | None = None, **detail: Any) -> None:
        """Add an entry. The caller holds the transaction that makes the change the entry speaks of."""
        last = self._database.rows("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        seq, previous = last[0] if last else (0, _START)
        if not last and not self._head_file.exists():
            fs.write_atomic(self._head_file, f"0 {_START} {_START}\n".encode())
        self._write(seq + 1, previous, {"at": now(), "event": event, "skill": skill, "detail": detail})

    def _write(self, seq: int, previous: str, told: Mapping[str, Any]) -> str:
        """Add this entry with this place in the chain, signed; its hash."""
        entry = json.dumps({"seq": seq, "previous": previous} | {name: told[name] for name in _TOLD})
        digest = _hash(entry.encode())
        self._database.run(
            "INSERT INTO audit VALUES (?, ?, ?, ?, ?)",
            seq,
            entry,
            digest,
            _mac(self._key(), digest),
            told["skill"],
        )
        self._grown = True
        return digest

    def keep_head(self) -> None:
        """Write the newest entry's number and signature to the side file, after the transaction is committed.

        Does nothing if nothing was appended. Best effort: a head that lags behind is still an ancestor of the log, one that is ahead proves a cut.
        """
        if not self._grown:
            return
        self._grown = False
        with suppress(fs.Unreachable):
            row = self._database.rows("SELECT seq, hash, mac FROM audit ORDER BY seq DESC LIMIT 1")
            if row:
                fs.write_atomic(self._head_file, "{} {} {}\n".format(*row[0]).encode(), lasting=False)

    def entries(
        self, event: str | None = None, *, skill: str | None = None, limit: int | None = None
    ) -> list[Entry]:
        """The newest entries, newest first: of one kind of event and one skill, or of all."""
        rows = self._database.rows(
            "SELECT entry FROM audit WHERE (?1 IS NULL OR skill = ?1) "
            "AND (?2 IS NULL OR json_extract(entry, '$.event') = ?2) ORDER BY seq DESC LIMIT ?3",
            skill,
            event,
            -1 if limit is None else limit,
        )
        found = (self._database.parsed(row[0]) for row in rows)
        return [Entry(e["seq"], e["at"], e["event"], e["skill"], e["detail"]) for e in found]

    def __len__(self) -> int:
        return int(self._database.one("SELECT count(*) FROM audit")[0])

    def adopt(self) -> None:
        """Sign a log that came from another installation with this one's key. The caller holds the transaction.

        Raises:
            Corrupt: its chain is broken.
        """
        previous = _START
        for seq, entry, digest in self._database.rows("SELECT seq, entry, hash FROM audit ORDER BY seq"):
            if _hash(entry.encode()) != digest or self._database.parsed(entry)["previous"] != previous:
                raise Corrupt(self._database.path, f"its audit log is broken at entry {seq}")
            previous = digest
        for verb in ("update", "delete"):
            self._database.run(f"DROP TRIGGER audit_no_{verb}")
        for seq, digest in self._database.rows("SELECT seq, hash FROM audit"):
            self._database.run("UPDATE audit SET mac = ? WHERE seq = ?", _mac(self._key(), digest), seq)
        append_only(self._database, "audit")
        self._grown = True

    def proven(self, rows: Iterable[tuple[int, str, str, str]]) -> dict[int, dict[str, Any]]:
        """What is left of a damaged log: the entries that this key signed, or that the entry after them names.

        Args:
            rows: Number, entry, hash and signature, as found, in any order.

        Returns:
            Each proven entry by its number. Where nothing at all is signed with this key, the key itself was lost,
            and an entry counts that has its own hash.
        """
        key, candidates = self._key(), sorted(rows, key=lambda row: -row[0])
        signed = {_hash(entry.encode()) for _, entry, _, mac in candidates if _is_signed(key, entry, mac)}
        if not signed:
            signed = {digest for _, entry, digest, _ in candidates if _hash(entry.encode()) == digest}
        found: dict[int, dict[str, Any]] = {}
        for seq, entry, *_ in candidates:
            digest = _hash(entry.encode())
            if digest in signed or found.get(seq + 1, {}).get("previous") == digest:
                told = json.loads(entry)
                if told["seq"] == seq:
                    found[seq] = told
        return found

    def carry(self, told: Mapping[int, Mapping[str, Any]], last: int) -> None:
        """Fill an empty log with the entries 1 to `last` of another one; where one is missing, it says `lost`."""
        lost: Mapping[str, Any] = {"at": now(), "event": "lost", "skill": None, "detail": {}}
        previous = _START
        for seq in range(1, last + 1):
            previous = self._write(seq, previous, told.get(seq, lost))

    def head(self) -> int:
        """The number of the newest entry, as the side file has it; 0 where it says nothing that is signed."""
        try:
            number, digest, mac = self._head_file.read_text("ascii", "replace").split()
            return int(number) if hmac.compare_digest(_mac(self._key(), digest), mac) else 0
        except (OSError, ValueError, TypeError):
            return 0

    def problems(self) -> list[str]:
        """What is wrong with the log, in sentences; empty when every entry, signature and the head agree."""
        rows = self._database.rows(
            "SELECT seq, CAST(entry AS BLOB), CAST(hash AS BLOB), CAST(mac AS BLOB), CAST(skill AS BLOB) FROM audit ORDER BY seq"
        )
        return [*self._broken_links(rows), *self._broken_head(rows)]

    def _broken_links(self, rows: Any) -> Iterator[str]:
        key, previous = self._key(), _START
        for expected, (seq, entry, digest, mac, skill) in enumerate(rows, start=1):
            if _hash(entry) != digest.decode("ascii", "replace"):
                yield f"audit entry {seq} was altered"
                return
            told = json.loads(entry)
            if skill != (told["skill"] and told["skill"].encode()):
                yield f"audit entry {seq} was moved to another skill"
                return
            if seq != expected or told["seq"] != seq or told["previous"] != previous:
                yield f"the audit log is broken before entry {seq}: something was removed, added or moved"
                return
            if not hmac.compare_digest(_mac(key, digest.decode()).encode(), mac):
                yield f"audit entry {seq} was not signed with this installation's key"
                return
            previous = digest.decode()

    def _broken_head(self, rows: Any) -> Iterator[str]:
        try:
            number, *signed = self._head_file.read_text("ascii", "replace").split()
            seq = int(number)
            entry = rows[seq - 1] if seq > 0 else (0, b"", _START.encode(), _START.encode())
        except FileNotFoundError:
            if rows:
                yield f"{self._head_file} is missing, so a cut at the end of the audit log could not be seen"
            return
        except (ValueError, IndexError):
            yield f"the audit log ends before the entry that {self._head_file} names: its end was cut off"
            return
        if [part.decode("ascii", "replace") for part in entry[2:4]] != signed:
            yield f"{self._head_file} names another entry {seq} than the audit log has"

    def _key(self) -> bytes:
        """The install's key, made at first use. A new key after a loss is told by `problems`, not hidden."""
        try:
            return self._key_file.read_bytes()
        except FileNotFoundError:
            key = os.urandom(32)
            fs.write_atomic(self._key_file, key)
            return key
        except OSError as error:
            raise fs.Unreachable(f"{self._key_file}: {error.strerror}") from error


def _hash(entry: bytes) -> str:
    return hashlib.sha256(entry).hexdigest()


def _mac(key: bytes, digest: str) -> str:
    return hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()


def _is_signed(key: bytes, entry: str, mac: str) -> bool:
    return hmac.compare_digest(_mac(key, _hash(entry.encode())).encode(), mac.encode())
