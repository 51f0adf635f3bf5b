"""`skillloop import`: load a history that `skillloop export` wrote into this home."""

from __future__ import annotations

from pathlib import Path

import click

from skillloop import fs
from skillloop.commands.export import contents, in_words
from skillloop.commands.options import App, after_decision, emit, json_option, require_person
from skillloop.errors import UsageError
from skillloop.model import sha256
from skillloop.store import Corrupt, Store


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--replace", is_flag=True, help="Replace the history that is here; the old one is kept beside it."
)
@json_option
@click.pass_obj
def command(app: App, file: Path, replace: bool, as_json: bool) -> int:
    """Load a history that `skillloop export` wrote.

    Writes the database of this home and signs the log with its key. No skill is touched: skills are known by their
    paths, and `skillloop log` and `diff` show each of their versions. It never overwrites a history without asking:
    --replace asks a person in a terminal, and keeps the old one as `skillloop.db.replaced-1`.

    \b
    Examples:
      skillloop import skills-2026-11.db
      skillloop --home /tmp/look import skills-2026-11.db
    """  # noqa: D301
    old = ""
    if (app.home / "skillloop.db").exists():
        try:
            with app.store() as store:
                counts = contents(store)
            old = in_words(counts) if any(counts.values()) else ""
        except Corrupt as error:
            old = error.message
    if old and not replace:
        raise UsageError(f"{app.home} has a history: {old}", "pass --replace, or use another --home")
    if old:
        click.echo(f"replaces {old}", err=True)
        require_person(
            app, f"import {file}", sha256(f"{app.home}\0{sha256(file.read_bytes())}\0{old}"), dialog=False
        )
    app.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with fs.locked(app.home / "worker.lock"), fs.locked(app.home / "history.lock"):
        kept = Store.restore(app.home, file)
    with app.store() as store:
        counts = contents(store)
    after_decision(app)
    if as_json:
        emit({"home": str(app.home), **counts, "kept": None if kept is None else str(kept)})
        return 0
    click.echo(f"{app.home}: {in_words(counts)}")
    if kept is not None:
        click.echo(f"the old history is kept in {kept}")
    return 0
