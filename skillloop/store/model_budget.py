"""Limit and record what model calls cost: hold the most before a call, charge the true cost after it.

Invariants: holding and checking the limits are one transaction, so that any number of workers together stay within
them. A call is charged once: `charge` turns an open row into a final one and never touches a final one, and the reply
is stored in the same transaction as its charge, so that whoever is killed after that finds the answer and pays nothing
again. A call that never ended (killed, cut off) stays charged at what was held for it, since it may have been billed.
What is held has no audit entry: `charge` writes the one of the call.

Money is counted in nano-dollars, whole numbers: a token of $0.10 a million is 100 of them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from skillloop.errors import SkillloopError
from skillloop.model import sha256
from skillloop.store.audit import Tables
from skillloop.store.database import Corrupt, now

NANO = 1_000_000_000  # nano-dollars in a dollar
BudgetScope = Literal["session", "day", "command"]
Ending = Literal["answered", "refused", "lost"]
"""answered: the reply is here. refused: the other side said no and bills nothing. lost: nobody knows."""


class BudgetExceeded(SkillloopError):  # noqa: N818  (a limit reached is an answer, not an accident)
    """A call would go over a limit. Nothing was sent."""


class Limit(NamedTuple):
    """The most that all calls of one scope may cost together."""

    nano: int
    tokens: int
    calls: int


class Spend(NamedTuple):
    """What the calls of a scope cost, those under way at what is held for them."""

    nano: int
    tokens: int
    calls: int
    unanswered: int  # of the calls: open or lost, counted at what was held for them

    @property
    def dollars(self) -> float:
        """For display; sums are made of whole nano-dollars."""
        return self.nano / NANO


class Call(NamedTuple):
    """What is about to be asked, on whose account, and the most that it can cost."""

    session: str
    command: str
    purpose: str
    backend: str
    model: str
    prompt: str  # name, version and hash of the prompt
    key: str  # digest of the whole request
    nano: int
    tokens: int


class Calls(Tables):
    """The table `calls`."""

    def reserve(self, call: Call, limits: Mapping[BudgetScope, Limit]) -> int:
        """Hold what a call may cost; the number of the call. Raises BudgetExceeded: a limit does not allow it."""
        day = datetime.now(UTC).date().isoformat()
        owners: dict[BudgetScope, str] = {"session": call.session, "day": day, "command": call.command}
        with self._database.transaction():
            for scope, limit in limits.items():
                spent = self.spend(scope, owners[scope])
                for what, total, most in (
                    ("money", spent.nano + call.nano, limit.nano),
                    ("tokens", spent.tokens + call.tokens, limit.tokens),
                    ("calls", spent.calls + 1, limit.calls),
                ):
                    if total > most:
                        money = what == "money"
                        shown, end = (f"${n / NANO:.4f}" if money else n for n in (total, most))
                        raise BudgetExceeded(
                            f"budget.{what}_per_{scope}: this call could bring it to {shown}, the limit is {end}",
                            "nothing was sent; what was done so far is kept. Raise the limit in config.toml, or wait",
                        )
            whose = (day, call.session, call.command, call.purpose, call.backend, call.model, call.prompt)
            row = (None, now(), *whose, call.key, "open", call.nano, call.tokens, None, None, None)
            self._database.insert("calls", row)
            return int(self._database.one("SELECT last_insert_rowid()")[0])

    def charge(
        self,
        number: int,
        ending: Ending,
        *,
        nano: int | None = None,
        tokens: int | None = None,
        request_id: str | None = None,
        reply: str | None = None,
    ) -> None:
        """Charge what a call cost, or what was held for it where nobody knows; one that has ended stays as it is."""
        with self.transaction():
            query = "SELECT nano, tokens, purpose, model, state FROM calls WHERE id = ?"
            held_nano, held_tokens, purpose, model, state = self._database.one(query, number)
            if state != "open":
                return
            nano, tokens = (held_nano if nano is None else nano), (held_tokens if tokens is None else tokens)
            change = "UPDATE calls SET state = ?, nano = ?, tokens = ?, request_id = ?, reply = ?, sha = ? WHERE id = ?"
            kept = (reply, None if reply is None else sha256(reply))
            self._database.run(change, ending, nano, tokens, request_id, *kept, number)
            told: dict[str, Any] = {"purpose": purpose, "model": model, "state": ending}
            told |= {"dollars": nano / NANO, "tokens": tokens, "request_id": request_id}
            self.audit.append("model call", **told)

    def answer(self, key: str) -> str | None:
        """Return the reply that the very same request got before, or None. Raises Corrupt: it was changed."""
        query = "SELECT reply, sha FROM calls WHERE key = ? AND state = 'answered' ORDER BY id LIMIT 1"
        for reply, sha in self._database.rows(query, key):
            if reply is None or sha256(reply) != sha:
                raise Corrupt(self._database.path, "a stored reply has changed")
            return str(reply)
        return None

    def spend(self, scope: BudgetScope | None = None, owner: str = "") -> Spend:
        """Return what the calls of one session, day (UTC date) or command cost; of all, without a scope."""
        where = f"WHERE {scope} = ?" if scope else "WHERE ? = ''"
        sums = "coalesce(sum(nano), 0), coalesce(sum(tokens), 0), count(*), coalesce(sum(state IN ('open', 'lost')), 0)"
        row = self._database.one(f"SELECT {sums} FROM calls {where}", owner)  # noqa: S608  (one of three names)
        return Spend(*row)

    def today(self) -> Spend:
        """Return what this UTC day cost so far."""
        return self.spend("day", datetime.now(UTC).date().isoformat())
