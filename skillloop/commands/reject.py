"""`skillloop reject`: drop a waiting edit. Only a person may."""

from __future__ import annotations

import click

from skillloop.commands.approve import open_proposal
from skillloop.commands.options import (
    App,
    after_decision,
    emit,
    json_option,
    require_person,
    say,
    token_option,
)
from skillloop.model import sha256


@click.command()
@click.argument("proposal")
@click.option(
    "--reason", default="", help="Why. Kept in the log, and shown to a drafter so that it does not try again."
)
@token_option
@json_option
@click.pass_obj
def command(app: App, proposal: str, reason: str, token: str | None, as_json: bool) -> int:
    """Drop one waiting edit, or a lesson that need not be said any more (one that your rule blocks, or said once).

    Asks first, as `skillloop approve` does. Records the decision; the SKILL.md stays as it is.

    \b
    Example:
      skillloop reject 3fa8 --reason "only true for this one report"
    """  # noqa: D301
    with app.store() as store:
        if store.find_lesson(proposal) is not None:
            require_person(app, f"reject {proposal}", sha256(proposal), token)
            store.dismiss(proposal, never=True)
            emit({"id": proposal, "state": "rejected", "reason": reason}) if as_json else click.echo(
                "never asked again"
            )
            return 0
        item = open_proposal(store, proposal, blocked=True).proposal
        if not as_json:
            say(f"{item.id} {item.skill}: {item.edits[0].new or 'a deletion'}")
        by = require_person(app, f"reject {item.id}", sha256(item.id), token)
        store.set_state(item.id, "rejected", reason or f"no reason given, in {by}", by="person")
    after_decision(app)
    if as_json:
        emit({"id": item.id, "state": "rejected", "reason": reason})
    else:
        click.echo(f"rejected: {item.id}")
    return 0
