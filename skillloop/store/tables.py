"""What the parts of the store share: the connection, the log, transactions, and documents with their hash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from skillloop.model import sha256
from skillloop.store import codec
from skillloop.store.audit import Audit
from skillloop.store.database import Corrupt, Database


class Tables:
    """Base of the parts."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self.audit = audit

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make several changes as one: all or none. Every saving method does this for itself."""
        with self._database.transaction():
            yield
        if not self._database.in_transaction:
            self.audit.keep_head()

    def _document(self, kind: type[codec.T], data: str, sha: str) -> codec.T:
        if sha256(data) != sha:
            raise Corrupt(self._database.path, f"a stored {kind.__name__.strip('_').lower()} has changed")
        return codec.decode(kind, data)
