"""`skillloop import`: a history that `skillloop export` wrote, taken into this home."""

from __future__ import annotations

from pathlib import Path

import click

from skillloop import fs
from skillloop.commands.export import contents, in_words
from skillloop.commands.options import App, emit, json_option, person, refresh_notice
from skillloop.errors import UsageError
from skillloop.model import sha256
from skillloop.store import Corrupt, Store


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--replace", is_flag=True, help="Take the place of the history that is here, which is kept beside it."
)
@json_option
@click.pass_obj
def command(app: App, file: Path, replace: bool, as_json: bool) -> int:
    """Take in a history that `skillloop export` wrote.

    Writes the database of this home and signs the log with its key. No skill is touched: skills are known by their
    paths, and `skillloop log` and `diff` show what each of their versions was. Where there is a history already it
    refuses; --replace asks a person in a terminal, and keeps the old one as `skillloop.db.replaced-1`.

    \b
    Examples:
      skillloop import skills-2026-11.db
      skillloop --home /tmp/look import skills-2026-11.db
    """  # noqa: D301
    old = _present(app)
    if old and not replace:
        raise UsageError(f"{app.home} has a history: {old}", "say --replace, or use another --home")
    if old:
        click.echo(f"replaces {old}", err=True)
        person(app, f"import {file}", sha256(f"{app.home}\0{sha256(file.read_bytes())}\0{old}"), dialog=False)
    app.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with fs.locked(app.home / "worker.lock"), fs.locked(app.home / "history.lock"):
        kept = Store.restore(app.home, file, replace=True)
    with app.store() as store:
        counts = contents(store)
    refresh_notice(app)
    if as_json:
        emit({"home": str(app.home), **counts, "kept": None if kept is None else str(kept)})
        return 0
    click.echo(f"{app.home}: {in_words(counts)}")
    if kept is not None:
        click.echo(f"what was here is kept in {kept}")
    return 0


def _present(app: App) -> str:
    """What history the home has now, in words; "" where it has none."""
    if not (app.home / "skillloop.db").exists():
        return ""
    try:
        with app.store() as store:
            counts = contents(store)
    except Corrupt as error:
        return error.message
    return in_words(counts) if any(counts.values()) else ""
