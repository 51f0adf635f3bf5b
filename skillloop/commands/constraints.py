"""`skillloop constraints`: the rules in force, and where each comes from."""

from __future__ import annotations

from pathlib import Path

import click

from skillloop.commands.options import App, emit, json_option


@click.command()
@click.argument("skill", required=False, type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def command(app: App, skill: Path | None, as_json: bool) -> int:
    """Print the effective rules, each with the file and line it comes from. Writes nothing.

    SKILL is the path of a skill's folder or SKILL.md; without it: your own rules and those of the project here.

    \b
    Example:
      skillloop constraints ~/.claude/skills/research
    """  # noqa: D301
    from skillloop import config, proposals, render

    if skill is None:
        rules = config.load(app.home, Path.cwd(), None)
    else:
        path = skill.expanduser().absolute()
        rules = proposals.rules_for(str(path / "SKILL.md" if path.is_dir() else path), app.home)
    out = app.console()
    for key, value, rule in config.effective(rules):
        if as_json:
            emit({"key": key, "value": value, "file": rule.file, "line": rule.line})
        else:
            where = "built in" if rule.file is None else f"{rule.file}:{rule.line}"
            out.print(render.plain(f"{key} = {value!r:<30}  # {where}"))
    return 0
