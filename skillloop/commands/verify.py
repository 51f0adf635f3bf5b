"""`skillloop verify`: prove that the log was not altered."""

from __future__ import annotations

import click

from skillloop.commands.options import App, emit, json_option
from skillloop.config import confirmation
from skillloop.errors import SkillloopError


@click.command()
@json_option
@click.pass_obj
def command(app: App, as_json: bool) -> int:
    """Verify the log's chain of hashes and every stored version. Writes nothing; exits with 1 if something is wrong.

    Also lists the rule files that changed since you confirmed them; that is fine if it was you.

    \b
    Example:
      skillloop verify
    """  # noqa: D301
    with app.store() as store:
        problems = store.verify()
        entries = store.entries()
        rules = confirmation.unconfirmed(store, app.home)
    if as_json:
        emit({"entries": entries, "problems": problems, "rules": rules})
    else:
        for line in (*rules, *problems):
            click.echo(line)
        if not problems:
            click.echo(f"{entries} entries, all unaltered")
    if problems:
        raise SkillloopError(
            f"the log has {len(problems)} problems", "`skillloop doctor` shows what can be repaired"
        )
    return 0
