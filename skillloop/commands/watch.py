"""`skillloop watch`: follow transcripts and skills, and show live what is found."""

from __future__ import annotations

import os
from dataclasses import asdict

import click

from skillloop import render
from skillloop.commands.options import App, counted, emit, json_option
from skillloop.errors import Locked
from skillloop.skillpath import client_folder
from skillloop.store import Entry, Store
from skillloop.worker import watch, worker


@click.command()
@click.option(
    "--idle",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="MINUTES",
    help="Digest a session that is open but has been silent for so long.",
)
@json_option
@click.pass_obj
def command(app: App, idle: float, as_json: bool) -> int:
    """Follow the transcripts and the skills until Ctrl-C, and show what is found.

    A session whose client is gone without a hook is digested at once, one that is silent after --idle minutes. Your
    own edit of a skill that has a history is recorded as a version as soon as you saved it. Writes what `digest` does.
    With --json one object a line, as `skillloop log --json` prints them.

    \b
    Examples:
      skillloop watch
      skillloop watch --json | jq .event
    """  # noqa: D301
    os.environ["SKILLLOOP_INSIDE"] = "1"  # whatever it starts is not a person's session
    with watch.Watch(app.home, client_folder(), idle * 60, worker.digested) as watching:
        transcripts, skills = watching.following
        click.echo(
            f"following {counted(transcripts, 'transcript')} and {counted(skills, 'skill')}; Ctrl-C ends it",
            err=True,
        )
        while True:
            try:
                entries = watching.step()
            except Locked as error:  # somebody else is writing for long: the next step tells what they did
                click.echo(error.message, err=True)
                continue
            for entry in entries:
                if as_json:
                    emit(asdict(entry))
                else:
                    _show(app, entry)


def _show(app: App, entry: Entry) -> None:

    with app.store() as store:
        line, style = _line(store, entry)
    app.console().print(render.plain(f"{entry.at[11:19]}  {line}", style))


def _line(store: Store, entry: Entry) -> tuple[str, str]:
    """What happened, for a person, and its colour."""
    told = entry.detail
    name = entry.skill.split("/")[-2] if entry.skill else ""
    if entry.event == "digested":
        found = len(store.disagreements(session_id=told["session"]))
        return f"{told['session'][:8]} digested: {counted(found, 'disagreement')}", "cyan" if found else ""
    if entry.event == "proposal":
        queued = store.find_proposal(told["proposal"])
        lines = " / ".join(edit.new or f"without: {edit.old}" for edit in queued.proposal.edits)
        return f"{name}: {told['state']}: {lines}", "yellow" if told["state"] == "queued" else ""
    if entry.event == "version":
        what = {"external": "your edit is recorded", "import": "as it was found"}.get(
            told["kind"], told["kind"]
        )
        return f"{name}: version {told['number']}: {what}", "green"
    return " ".join(filter(None, (f"{name}:" if name else "", entry.event, str(told.get("reason", ""))))), ""
