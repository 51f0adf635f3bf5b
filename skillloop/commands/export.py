"""`skillloop export`: write the whole history to one file."""

from __future__ import annotations

from pathlib import Path

import click

from skillloop.commands.options import App, emit, json_option
from skillloop.errors import UsageError
from skillloop.store import Store


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@json_option
@click.pass_obj
def command(app: App, file: Path, force: bool, as_json: bool) -> int:
    """Write the whole history to one file: every version of every skill, the queue, the log, what was found.

    Writes FILE, readable by you alone (mode 0600): your quoted words are in it. Not in it: the key that signs the log,
    your rules (config.toml), waiting sessions. The file is verified before it gets its name; `skillloop import` reads it.

    \b
    Example:
      skillloop export skills-2026-11.db
    """  # noqa: D301
    if not (app.home / "skillloop.db").exists():
        raise UsageError(f"there is no history in {app.home}", "choose the home with --home")
    with app.store() as store:
        store.export(file.absolute(), replace=force)
        counts = contents(store)
    if as_json:
        emit({"file": str(file.absolute()), "bytes": file.stat().st_size, **counts})
    else:
        click.echo(f"{file}: {in_words(counts)}")
    return 0


def contents(store: Store) -> dict[str, int]:
    """Count what a store holds."""
    skills = store.skills()
    versions = sum(len(store.versions.of(str(skill))) for skill in skills)
    return {
        "skills": len(skills),
        "versions": versions,
        "sessions": len(store.sessions()),
        "entries": store.entries(),
    }


def in_words(counts: dict[str, int]) -> str:
    """Return `contents` as a sentence."""
    return "{versions} versions of {skills} skills, {sessions} sessions, {entries} log entries".format(
        **counts
    )
