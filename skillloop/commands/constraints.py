"""`skillloop constraints`: the rules in force, where each comes from, and a person's yes to a change of them."""

from __future__ import annotations

import json
import os
from difflib import unified_diff
from pathlib import Path

import click

from skillloop import config, render
from skillloop.commands.options import App, emit, json_option, require_person, token_option
from skillloop.config import confirmation
from skillloop.errors import UsageError
from skillloop.model import sha256
from skillloop.pipeline import gather


@click.command()
@click.argument("skill", required=False, type=click.Path(path_type=Path))
@click.option("--confirm", is_flag=True, help="Say that you changed the rules yourself; asks first.")
@token_option
@json_option
@click.pass_obj
def command(app: App, skill: Path | None, confirm: bool, token: str | None, as_json: bool) -> int:
    """Print the effective rules, each with the file and line it comes from. Writes nothing, unless told to --confirm.

    SKILL is the path of a skill's folder or SKILL.md; without it: your own rules and those of the project here.

    A change of a rule file that loosens anything stops automatic edits until you --confirm it: this shows what changed,
    asks, and writes your answer to the home. The files themselves are never written.

    \b
    Examples:
      skillloop constraints ~/.claude/skills/research
      skillloop constraints --confirm
    """  # noqa: D301
    if confirm:
        return _confirm(app, token, as_json=as_json)

    if skill is None:
        rules = config.load(app.home, Path.cwd(), None)
    else:
        path = Path(os.path.normpath(skill.expanduser().absolute()))
        rules = gather.rules_for(str(path / "SKILL.md" if path.is_dir() else path), app.home)
    out = app.console()
    for key, value, rule in config.effective(rules):
        if as_json:
            emit({"key": key, "value": value, "file": rule.file, "line": rule.line})
        else:
            where = "built in" if rule.file is None else f"{rule.file}:{rule.line}"
            shown = "(any)" if value is None else json.dumps(value, ensure_ascii=False)
            out.say(f"{key:<28} = {shown:<22}  # {where}")
    with app.history() as store:
        for doubt in confirmation.unconfirmed(store, app.home):
            click.echo(doubt, err=True)
    return 0


def _confirm(app: App, token: str | None, *, as_json: bool) -> int:
    """Show what changed, ask a person, and keep the answer."""
    with app.store() as store:
        changed = confirmation.all_changes(store, app.home)
        if not changed:
            raise UsageError("no rule file has changed since you last confirmed them")
        if not as_json:
            out = app.console()
            for change in changed:
                old = confirmation.confirmed_text(store, app.home, change.path).splitlines()
                new = change.path.read_text("utf-8", "replace").splitlines() if change.sha else []
                out.say(str(change), "bold")
                lines = unified_diff(old, new, "confirmed", "now", lineterm="")
                out.print(render.diff("\n".join(lines)), end="")
        digest = sha256("\0".join(f"{change.path}\0{change.sha}" for change in changed))
        confirmation.confirm(
            store, app.home, changed, require_person(app, "confirm the rules", digest, token)
        )
    for change in changed:
        if as_json:
            emit({"path": str(change.path), "sha256": change.sha, "loosens": list(change.loosens)})
        else:
            click.echo(f"confirmed: {change.path}")
    return 0
