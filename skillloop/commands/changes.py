"""Claude's own edits of skills that wait for the person's word: how they are shown, kept, and taken back."""

from __future__ import annotations

from typing import Any

import click

from skillloop import render
from skillloop.commands.options import App, say
from skillloop.errors import SkillloopError, UsageError
from skillloop.hosts.claude_code.hooks import approval
from skillloop.model import sha256
from skillloop.skillpath import target_name
from skillloop.skills import authors, document, history
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


def decide(app: App, store: Store, change: Change) -> bool:
    """Ask about one change of Claude's; return False to quit."""
    page(app.console(), change)
    code = approval.code(seal(change))
    back = f"{code} takes it back · " if change.before else ""
    while True:
        choices = f"k keep · {back}s skip · q quit"
        answer = click.prompt(choices, default="s", show_default=False).strip().lower()
        if answer in ("s", "q"):
            return bool(answer == "s")
        if answer == "k":
            authors.keep_change(store, change)
            return True
        if back and answer == code:
            try:
                version = history.rollback(store, change.skill, only=change.version.number)
            except SkillloopError as error:
                say(f"not taken back: {error.message}")
                return True
            say(f"taken back: {change.skill} is now version {version.number}")
            return True
        say(f"Unknown choice: {answer!r}")
