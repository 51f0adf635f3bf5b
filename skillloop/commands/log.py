"""`skillloop log`: show everything that happened."""

from __future__ import annotations

import re
from dataclasses import asdict

import click

from skillloop.commands.options import App, emit, json_option, known_skill
from skillloop.skills import history


@click.command()
@click.argument("skill", required=False)
@click.option("-n", "--limit", type=click.IntRange(min=1), help="Only the newest N.")
@json_option
@click.pass_obj
def command(app: App, skill: str | None, limit: int | None, as_json: bool) -> int:
    """Show everything that happened, newest last; with SKILL, the versions of that skill. Writes nothing.

    \b
    Examples:
      skillloop log -n 20
      skillloop log research
    """  # noqa: D301
    out = app.console()
    with app.history() as store:
        if skill is None:
            for entry in reversed(store.log(limit=limit)):
                if as_json:
                    emit(asdict(entry))
                else:
                    details = [
                        f"{key} {_short(value)}"
                        for key, value in entry.detail.items()
                        if value not in (None, "")
                    ]
                    what = "  ".join(filter(None, (entry.skill, ", ".join(details))))
                    out.say(f"{entry.at}  {entry.event:<10} {what}")
            return 0
        path = known_skill(store, skill)
        versions = history.versions(store, path)
        for version in versions[-limit:] if limit else versions:
            if as_json:
                emit(
                    {
                        "path": str(path),
                        "version": version.number,
                        "kind": version.kind,
                        "sha256": version.sha,
                        "created": version.created,
                        "note": version.told,
                        "proposal": version.proposal,
                        "author": version.author,
                        "session": version.claim.get("session"),
                        "turn": version.claim.get("turn"),
                    }
                )
            else:
                out.say(
                    f"{version.number:>4}  {version.created}  {version.author:<9} {version.sha[:8]}  {version.told}"
                )
    return 0


def _short(value: object) -> str:
    """Shorten a hash as `skillloop log SKILL` does; leave anything else whole (`--json` has every digit)."""
    text = str(value)
    return text[:8] if re.fullmatch("[0-9a-f]{64}", text) else text
