"""`skillloop rollback`: take a skill back to an earlier version. Itself a version, so it can be taken back too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skillloop.commands.options import App, emit, json_option, person, refresh_notice, vouch_option
from skillloop.errors import UsageError
from skillloop.model import sha256

if TYPE_CHECKING:
    from skillloop.store import Store


@click.command()
@click.argument("skill")
@click.option(
    "--to",
    type=int,
    metavar="N",
    help="The version to go back to. [default: the one before the newest change]",
)
@click.option(
    "--exact",
    is_flag=True,
    help="Restore that version byte for byte, also over your own later edits (they stay in the log).",
)
@vouch_option
@json_option
@click.pass_obj
def command(app: App, skill: str, to: int | None, exact: bool, vouched: str | None, as_json: bool) -> int:
    """Take a skill back to an earlier version.

    SKILL is a skill's name or the path of its SKILL.md. Writes the SKILL.md and appends a version; nothing is lost.

    \b
    Examples:
      skillloop rollback research
      skillloop rollback research --to 3
    """  # noqa: D301
    from skillloop import history, render, skillfile

    with app.store() as store:
        path = known_skill(store, skill)
        before, after = history.preview_rollback(store, path, to=to, exact=exact)
        if not as_json:
            old, new = before.decode("utf-8", "replace"), after.decode("utf-8", "replace")
            app.console().print(render.diff(skillfile.diff(old, new, path)), end="")
        words = f"rollback {skill}" + (f" --to {to}" if to is not None else "") + " --exact" * exact
        person(app, words, sha256("\0".join((str(path), sha256(before), sha256(after)))), vouched)
        version = history.rollback(store, path, to=to, exact=exact)
    refresh_notice(app)
    if as_json:
        emit({"path": str(path), "version": version.number, "sha256": version.sha, "note": version.note})
    else:
        click.echo(f"{path} is now version {version.number}: {version.note}")
    return 0


def known_skill(store: Store, name: str) -> Path:
    """The SKILL.md that a name or path means, among the skills that have a history."""
    path = Path(name).expanduser()
    if path.is_dir():
        path /= "SKILL.md"
    known = store.skills()
    matches = [item for item in known if item == path.absolute() or item.parent.name == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(
            f"{name!r} is the name of {len(matches)} skills", "say which: " + ", ".join(map(str, matches))
        )
    names = ", ".join(sorted({item.parent.name for item in known})) or "none yet"
    raise UsageError(f"no skill {name!r} has a history here", f"skills with one: {names}")
