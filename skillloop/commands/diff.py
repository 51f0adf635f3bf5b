"""`skillloop diff`: show what changed between two versions of a skill."""

from __future__ import annotations

import click

from skillloop import render
from skillloop.commands.options import App, emit, json_option, known_skill
from skillloop.errors import UsageError
from skillloop.skills import document, history


@click.command()
@click.argument("skill")
@click.argument("old", type=click.IntRange(min=1), required=False)
@click.argument("new", type=click.IntRange(min=1), required=False)
@json_option
@click.pass_obj
def command(app: App, skill: str, old: int | None, new: int | None, as_json: bool) -> int:
    """Show the diff from version OLD to version NEW of a skill. Writes nothing.

    Without numbers: from the first version to the newest. With one: from there to the newest.

    \b
    Example:
      skillloop diff research 2 3
    """  # noqa: D301
    with app.history() as store:
        path = known_skill(store, skill)
        versions = {version.number: version for version in history.versions(store, path)}
        first, last = old or min(versions), new or max(versions)
        for number in (first, last):
            if number not in versions:
                raise UsageError(
                    f"{path} has no version {number}", f"it has {min(versions)} to {max(versions)}"
                )
        texts = [history.content(store, versions[n].sha).decode("utf-8", "replace") for n in (first, last)]
    by = [versions[n].author for n in range(first + 1, last + 1)] or [versions[last].author]
    text = document.diff(texts[0], texts[1], path, f"version {last}, by {', '.join(dict.fromkeys(by))}")
    if as_json:
        emit({"path": str(path), "old": first, "new": last, "authors": by, "diff": text})
    else:
        app.console().print(render.diff(text) if text else render.plain("no difference\n"), end="")
    return 0
