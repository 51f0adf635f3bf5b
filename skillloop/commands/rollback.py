"""`skillloop rollback`: take a skill back to an earlier version. A rollback is a version too, so it can be undone."""

from __future__ import annotations

import click

from skillloop import render
from skillloop.commands.options import (
    App,
    after_decision,
    known_skill,
    require_person,
    skill_argument,
    tell,
    token_option,
    verb,
)
from skillloop.errors import UsageError
from skillloop.model import sha256
from skillloop.skills import document, history


@verb(
    skill_argument,
    click.option(
        "--to",
        type=int,
        metavar="N",
        help="The version to go back to. [default: the one before the newest change]",
    ),
    click.option(
        "--exact",
        is_flag=True,
        help="Restore that version byte for byte, even over your own later edits (they stay in the history).",
    ),
    click.option(
        "--only", type=int, metavar="N", help="Undo only the change that version N made; later changes stay."
    ),
    token_option,
)
def command(
    app: App, skill: str, to: int | None, exact: bool, only: int | None, token: str | None, as_json: bool
) -> int:
    """Take a skill back to an earlier version, or undo one change in the middle.

    SKILL is a skill's name or the path of its SKILL.md. Writes the SKILL.md and appends a version; nothing is lost.
    Your own later edits stay; where they touch the same lines, it says so and changes nothing.

    \b
    Examples:
      skillloop rollback research
      skillloop rollback research --to 3
      skillloop rollback research --only 4
    """  # noqa: D301
    if only is not None and (to is not None or exact):
        raise UsageError("--only undoes one change; it cannot be combined with --to or --exact")
    with app.store() as store:
        path = known_skill(store, skill)
        before, after = history.preview_rollback(store, path, to=to, only=only, exact=exact)
        changes = before != after
        if changes:
            if not as_json:
                old, new = before.decode("utf-8", "replace"), after.decode("utf-8", "replace")
                text, out = document.diff(old, new, path, "after the rollback"), app.console()
                if token:  # for the client's dialog, which folds all but some ten lines
                    text = "\n".join([*render.changed(text), f"{render.tilde(path)}, after the rollback"])
                out.print(render.diff(text), end="")
            options = (f" --to {to}" if to is not None else "", f" --only {only}" if only is not None else "")
            action = f"rollback {skill}" + "".join(options) + " --exact" * exact
            digest = sha256("\0".join((str(path), sha256(before), sha256(after))))
            require_person(app, action, digest, token)
            version = history.rollback(store, path, to=to, only=only, exact=exact)
        else:
            version = history.versions(store, path)[-1]
    if changes:
        after_decision(app)
    same = f"is identical already: nothing was changed, it stays version {version.number}"
    line = f"is now version {version.number}: {version.note}" if changes else same
    told = {"path": str(path), "number": version.number, "sha256": version.sha, "note": version.note}
    tell(told, f"{render.tilde(path)} {line}", as_json=as_json)
    return 1 if token and not changes else 0  # there is nothing to confirm
