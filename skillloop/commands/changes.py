"""Claude's own edits of skills that wait for the person's word: how they are shown, kept, and taken back."""

from __future__ import annotations

from typing import Any

from skillloop import render
from skillloop.errors import UsageError
from skillloop.model import sha256
from skillloop.skillpath import target_name
from skillloop.skills import authors, document
from skillloop.skills.authors import Change
from skillloop.store import Store
from skillloop.worker.notice import changed


def find(store: Store, wanted: str) -> Change:
    """Return the change that the person names, e.g. `release-notes@3`.

    Raises:
        UsageError: none that waits is called so.
    """
    for change in authors.undecided(store):
        if change.id == wanted:
            return change
    raise UsageError(f"no change {wanted} waits", "`skillloop review` lists what waits")


def page(out: render.Terminal, change: Change) -> None:
    """Print what Claude changed."""
    out.say(f"{change.id}  {changed(change.skill, change.version.claim)}", "bold")
    out.say(f"{change.version.told}, session {change.version.claim['session']}")
    out.print(render.diff(diff(change)), end="")


def diff(change: Change) -> str:
    """Return the unified diff of a change."""
    old, new = (data.decode("utf-8", "replace") for data in (change.before, change.after))
    return document.diff(old, new, change.skill, f"version {change.version.number}")


def as_object(change: Change) -> dict[str, Any]:
    """Return the documented JSON shape of a change that waits."""
    claim, name = change.version.claim, target_name(change.skill)
    return {
        "change": change.id,
        "path": str(change.skill),
        "version": change.version.number,
        **{key: claim[key] for key in ("session", "turn", "tool", "why", "lines")},
        "diff": diff(change),
        "keep": f"skillloop approve {change.id}",
        "take_back": f"skillloop rollback {name} --only {change.version.number}" if change.before else None,
    }


def seal(change: Change) -> str:
    """Return what a yes to a change is bound to."""
    return sha256("\0".join((str(change.skill), sha256(change.before), sha256(change.after))))
