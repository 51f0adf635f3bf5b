"""`skillloop approve`: apply a waiting edit. Only a person may."""

from __future__ import annotations

import click

from skillloop.commands import changes, show
from skillloop.commands.options import App, after_decision, emit, json_option, require_person, token_option
from skillloop.errors import UsageError
from skillloop.pipeline import gather
from skillloop.store import Queued, State, Store
from skillloop.worker.notice import blocked_by

OPEN: tuple[State, ...] = ("queued", "stale")


@click.command()
@click.argument("proposal")
@token_option
@json_option
@click.pass_obj
def command(app: App, proposal: str, token: str | None, as_json: bool) -> int:
    """Apply one waiting edit to its SKILL.md, or keep a change of Claude's own (`SKILL@VERSION`).

    Shows the diff against the skill as it is now and asks for the four characters printed under it; inside a session
    Claude Code's own dialog asks instead. Writes the SKILL.md and the history. Exits with 4 if a rule forbids the edit.

    \b
    Example:
      skillloop approve 3fa8
    """  # noqa: D301
    if "@" in proposal:
        return changes.keep(app, proposal, token, as_json=as_json)
    with app.store() as store:
        queued = open_proposal(store, proposal)
        item = queued.proposal
        prepared = gather.prepare(item, app.home, store)
        if not as_json:
            show.page(app.console(), queued, prepared)
        gather.refuse_if_forbidden(prepared)
        by = require_person(app, f"approve {item.id}", prepared.digest, token)
        version = gather.publish(prepared, store, by="person", note=f"approved in {by}")
    after_decision(app)
    if as_json:
        emit({"id": item.id, "path": item.path, "version": version.number, "sha256": version.sha})
    else:
        click.echo(f"applied: {item.path} is now version {version.number}")
        click.echo(f"to undo it: skillloop rollback {item.skill}")
    return 0


def open_proposal(store: Store, wanted: str, *, blocked: bool = False) -> Queued:
    """Return the proposal with that id, if it can still be decided; `blocked`: or a rule of the person's forbids it."""
    queued = store.find_proposal(wanted)
    if queued.state not in OPEN and not (blocked and queued.state == "discarded" and blocked_by(queued)):
        raise UsageError(
            f"proposal {queued.proposal.id} is not waiting: it is {queued.state} ({queued.reason})",
            "`skillloop status` lists what waits",
        )
    return queued
