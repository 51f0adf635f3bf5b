"""`skillloop status`: what waits, what was applied, what is wrong."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from skillloop.commands.options import App, emit, json_option


@click.command()
@json_option
@click.pass_obj
def command(app: App, as_json: bool) -> int:
    """What waits for you, what was applied, and whether anything is wrong. Writes nothing.

    \b
    Example:
      skillloop status
    """  # noqa: D301
    facts = _facts(app)
    if as_json:
        emit(facts)
        return 0
    from skillloop import render

    out = app.console()
    out.print(render.plain(f"home        {facts['home']}"))
    out.print(render.plain(f"sessions    {facts['sessions']} digested, {facts['jobs']} in the inbox"))
    states = ", ".join(f"{count} {state}" for state, count in sorted(facts["proposals"].items())) or "none"
    out.print(render.plain(f"proposals   {states}"))
    out.print(render.plain(f"no skill    {facts['unattributed']} lessons"))
    for item in facts["queue"]:
        out.print(render.plain(f"  {item['id']}  {item['skill']}: {item['line']}"))
    if facts["proposals"].get("queued"):
        out.print(render.plain("decide with: skillloop review", "bold"))
    return 0


def _facts(app: App) -> dict[str, Any]:
    from skillloop import inbox

    with app.store() as store:
        everything = store.proposals()
        return {
            "home": str(app.home),
            "sessions": len(store.sessions()),
            "jobs": inbox.waiting(str(app.home)),
            "proposals": dict(Counter(item.state for item in everything)),
            "unattributed": sum(item.durable for item in store.disagreements(unattributed=True)),
            "queue": [
                {
                    "id": item.proposal.id,
                    "skill": item.proposal.skill,
                    "line": item.proposal.edits[0].new or item.proposal.edits[0].old,
                }
                for item in everything
                if item.state == "queued"
            ],
        }
