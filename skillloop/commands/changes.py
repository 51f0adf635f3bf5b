"""Changes that wait for the person's word, Claude's own and those that did not help: how they are shown and kept."""

from __future__ import annotations

from typing import Any

import click

from skillloop import outcomes, render
from skillloop.commands.options import App, after_decision, emit, picked, require_person
from skillloop.errors import UsageError
from skillloop.skills.history import Change
from skillloop.store import Store


def page(out: render.Terminal, change: Change) -> None:
    """Print a change that waits."""
    out.say(f"{change.id}  {change.told}", "bold")
    out.say(change.version.told)
    out.print(render.diff(change.diff), end="")


def as_object(change: Change) -> dict[str, Any]:
    """Return the documented JSON shape of a change that waits."""
    proof = {key: change.version.claim.get(key) for key in ("session", "turn", "tool", "lines")}
    about = {"path": str(change.skill), "number": change.version.number, "author": change.version.author}
    return {"change": change.id, **about, **proof, **picked(change, "told", "why", "diff")}


def find(store: Store, wanted: str) -> Change:
    """Return the change that is called so, e.g. `release-notes@3`; UsageError: none that waits is."""
    for change in outcomes.waiting(store):
        if change.id == wanted:
            return change
    raise UsageError(f"no change {wanted} waits", "`skillloop review` lists what is waiting")


def keep(app: App, wanted: str, token: str | None, *, as_json: bool) -> int:
    """Keep the change that is called so, once a person said yes. UsageError: none is; Refused: nobody said yes."""
    with app.store() as store:
        change = find(store, wanted)
        if not as_json and token:  # for the client's dialog, which folds all but some ten lines
            app.console().say("\n".join([*render.changed(change.diff), change.told]))
        elif not as_json:
            page(app.console(), change)
        require_person(app, f"approve {wanted}", change.seal, token)
        outcomes.keep(store, change)
    after_decision(app)
    emit({"change": wanted, "kept": True}) if as_json else click.echo("kept")
    return 0
