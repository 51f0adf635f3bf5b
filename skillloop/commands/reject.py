"""`skillloop reject`: drop a queued proposal. A person's act."""

from __future__ import annotations

import click

from skillloop.commands.approve import open_proposal
from skillloop.commands.options import App, emit, json_option, person, refresh_notice, token_option
from skillloop.model import sha256


@click.command()
@click.argument("proposal")
@click.option(
    "--reason", default="", help="Why; kept in the log, and shown to a drafter so that it is not tried again."
)
@token_option
@json_option
@click.pass_obj
def command(app: App, proposal: str, reason: str, token: str | None, as_json: bool) -> int:
    """Drop one queued proposal.

    Asks first, as `skillloop approve` does. Writes the decision to the home; the SKILL.md stays as it is.

    \b
    Example:
      skillloop reject 3fa8 --reason "only true for this one report"
    """  # noqa: D301
    with app.store() as store:
        queued = open_proposal(store, proposal)
        if not as_json:
            click.echo(
                f"{queued.proposal.id} {queued.proposal.skill}: {queued.proposal.edits[0].new or 'a deletion'}"
            )
        by = person(app, f"reject {queued.proposal.id}", sha256(queued.proposal.id), token)
        store.set_state(queued.proposal.id, "rejected", reason or f"no reason given, in {by}", by="person")
    refresh_notice(app)
    if as_json:
        emit({"id": queued.proposal.id, "state": "rejected", "reason": reason})
    else:
        click.echo(f"rejected: {queued.proposal.id}")
    return 0
