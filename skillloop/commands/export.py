"""`skillloop export` and `import`: the whole history as one file, and back."""

from __future__ import annotations

from pathlib import Path

import click

from skillloop import fs
from skillloop.commands.options import App, after_decision, require_person, say, tell, verb
from skillloop.errors import UsageError
from skillloop.model import sha256
from skillloop.store import Corrupt, Store


@verb(click.argument("file", type=click.Path(path_type=Path, dir_okay=False)))
def command(app: App, file: Path, as_json: bool) -> int:
    """Write the whole history to one file: every version of every skill, the queue, the log, and what was found.

    Creates FILE, which must not exist yet, readable by you alone (mode 0600): your quoted words are in it. Left out: the key
    that signs the log, your rules (config.toml), waiting sessions. The file is verified before it gets its name;
    `skillloop import` reads it.

    \b
    Example:
      skillloop export skills-2026-11.db
    """  # noqa: D301
    if not (app.home / "skillloop.db").exists():
        raise UsageError(f"there is no history in {app.home}", "choose the home with --home")
    with app.store() as store:
        store.export(file.absolute())
        counts = contents(store)
    value = {"file": str(file.absolute()), "bytes": file.stat().st_size, **counts}
    tell(value, f"{file}: {in_words(counts)}", as_json=as_json)
    return 0


def contents(store: Store) -> dict[str, int]:
    """Count what a store holds."""
    versions = [len(store.versions.of(str(skill))) for skill in store.skills()]
    rest = {"sessions": len(store.sessions()), "entries": store.entries()}
    return {"skills": len(versions), "versions": sum(versions), **rest}


def in_words(counts: dict[str, int]) -> str:
    """Return `contents` as a sentence."""
    return ", ".join(f"{count} {what}" for what, count in counts.items())


@verb(
    click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False)),
    click.option(
        "--replace", is_flag=True, help="Replace the history that is here; the old one is kept beside it."
    ),
    name="import",
)
def import_(app: App, file: Path, replace: bool, as_json: bool) -> int:
    """Load a history that `skillloop export` wrote.

    Writes the database in skillloop's home and signs the log with this home's key. No skill is touched: skills are known by their
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
        say(f"replaces {old}", err=True)
        require_person(
            app, f"import {file}", sha256(f"{app.home}\0{sha256(file.read_bytes())}\0{old}"), dialog=False
        )
    app.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with fs.locked(app.home / "worker.lock"), fs.locked(app.home / "history.lock"):
        kept = Store.restore(app.home, file)
    with app.store() as store:
        counts = contents(store)
    after_decision(app)
    value = {"home": str(app.home), **counts, "kept": None if kept is None else str(kept)}
    beside = f"; the old history is kept in {kept}" if kept else ""
    tell(value, f"{app.home}: {in_words(counts)}{beside}", as_json=as_json)
    return 0
