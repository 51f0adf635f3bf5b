"""`skillloop approve` and `reject`: apply or drop a waiting edit. Only a person may."""

from __future__ import annotations

from shutil import which

import click

from skillloop import outcomes, render
from skillloop.commands import show
from skillloop.commands.options import (
    OPEN,
    App,
    after_decision,
    edit_argument,
    require_person,
    say,
    tell,
    token_option,
    verb,
)
from skillloop.errors import UsageError
from skillloop.model import sha256
from skillloop.pipeline import gather
from skillloop.skills import team
from skillloop.store import Queued, Store
from skillloop.worker.notice import blocked_by


@verb(edit_argument, token_option)
def command(app: App, proposal: str, token: str | None, as_json: bool) -> None:
    """Apply one waiting edit to its SKILL.md, or keep a change of Claude's own (`SKILL@VERSION`).

    Shows the diff against the skill as it is now and asks for the four characters printed under it; inside a session
    Claude Code's own dialog asks instead. Writes the SKILL.md and the history. Exits with 4 if a rule forbids the edit.

    \b
    Example:
      skillloop approve 3fa8
    """  # noqa: D301
    if "@" in proposal:
        with app.store() as store:
            change = show.find_change(store, proposal)
            if not as_json and token:  # for the client's dialog, which folds all but some ten lines
                app.console().say("\n".join([*render.changed(change.diff), change.told]))
            elif not as_json:
                show.change_page(app.console(), change)
            require_person(app, f"approve {proposal}", change.seal, token)
            outcomes.keep(store, change)
        after_decision(app)
        tell({"change": proposal, "kept": True}, "kept", as_json=as_json)
        return
    with app.store() as store:
        queued = open_proposal(store, proposal)
        item = queued.proposal
        prepared = gather.prepare(item, app.home, store)
        if not as_json:
            (show.card if token else show.page)(app.console(), queued, prepared)
        gather.refuse_if_forbidden(prepared)
        by = require_person(app, f"approve {item.id}", prepared.digest, token)
        version = gather.publish(prepared, store, by="person", note=f"approved in {by}")
    after_decision(app)
    branch = None if version else team.branch_of(item)
    if version is None:
        propose = f"git push -u origin {branch}" + f" && gh pr create --fill --head {branch}" * bool(
            which("gh")
        )
        lines = [f"{team.ON_BRANCH}{branch}; the file is as it was", f"to propose it: {propose}"]
    else:
        lines = [f"applied: {render.tilde(item.path)} is now version {version.number}"]
        lines.append(f"to undo it: skillloop rollback {item.skill}")
    made = {"number": version and version.number, "sha256": version and version.sha, "branch": branch}
    told = {"id": item.id, "path": item.path} | made
    tell(told, *lines, as_json=as_json)


def open_proposal(store: Store, wanted: str, *, blocked: bool = False) -> Queued:
    """Return the proposal with that id, if it can still be decided; `blocked`: or a rule of the person's forbids it."""
    queued = store.find_proposal(wanted)
    if queued.state not in OPEN and not (blocked and queued.state == "discarded" and blocked_by(queued)):
        raise UsageError(
            f"edit {queued.proposal.id} is not waiting: it is {queued.state} ({queued.reason})",
            "`skillloop status` lists what is waiting",
        )
    return queued


@verb(
    edit_argument,
    click.option(
        "--reason", help="Why. A model that drafts edits is told, so that it does not try this one again."
    ),
    token_option,
)
def reject(app: App, proposal: str, reason: str | None, token: str | None, as_json: bool) -> None:
    """Drop one waiting edit, or a lesson that you no longer want to be asked about: one that your rule blocks, or that you said once.

    Asks first, as `skillloop approve` does. Records the decision; the SKILL.md stays as it is.

    \b
    Example:
      skillloop reject 3fa8 --reason "only true for this one report"
    """  # noqa: D301
    with app.store() as store:
        lesson = store.find_lesson(proposal)
        if lesson:
            name, text = proposal, lesson.text
        else:
            item = open_proposal(store, proposal, blocked=True).proposal
            name, text = item.id, item.edits[0].new or "a deletion"
        if not as_json:
            say(f"{name}: {text}")
        by = require_person(app, f"reject {name}", sha256(name), token)
        if lesson:
            store.dismiss(name, never=True)
        else:
            store.set_state(name, "rejected", reason or f"no reason given, in {by}", by="person")
    after_decision(app)
    tell({"id": name, "state": "rejected", "reason": reason or ""}, f"rejected: {name}", as_json=as_json)
