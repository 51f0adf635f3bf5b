"""`skillloop blame` and `report`: who added each line of a file, the words that taught it, and whether it helped."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict
from pathlib import Path

import click

from skillloop import outcomes
from skillloop.commands.options import App, emit, known_skill, picked, skill_argument, tell, verb
from skillloop.fs import write_atomic
from skillloop.outcomes import Comparison, Effect, RuleOutcome
from skillloop.skills import history, team

_STYLE = {Effect.HELPED: "green", Effect.CAME_BACK: "yellow", Effect.WORSE: "red"}
_IMPORT = "as found"


@verb(
    skill_argument,
    click.option("--all", "whole", is_flag=True, help="Also show the lines that were there from the start."),
)
def command(app: App, skill: str, whole: bool, as_json: bool) -> int:
    """Show who added each line of a skill or rules file and when, which of your words taught it, and whether it helped.

    A rule helped if you say it less often where it is in force. Writes nothing.

    \b
    Example:
      skillloop blame research
    """  # noqa: D301
    out, shown = app.console(), 0
    with app.history() as store:
        path = known_skill(store, skill)
        lines = history.annotate(store, path)
        found = {each.line: each for each in outcomes.of(store, path, lines)}
        others = team.told(path)
        for number, (text, version) in enumerate(lines, start=1):
            outcome, first = found.get(number), version.kind == "import"
            if as_json:
                about = {"author": _IMPORT if first else version.author, "created": version.created}
                emit({"line": number, "text": text, "number": version.number, **about, **_as_object(outcome)})
            elif text.strip() and (whole or not first):
                author, shown = _IMPORT if first else version.author, shown + 1
                out.say(f"{number:>4}  {version.created[:10]}  {author:<9}  {text}")
                if outcome is not None:
                    for item in outcome.taught.proposal.evidence if outcome.taught else ():
                        out.say(f"      you said: “{item.quote.strip()}”", "dim")
                    if outcome.taught is None and text in others:
                        out.say(f"      {others[text]}", "dim")
                    effect = outcome.effect
                    out.say(f"      {effect}: {outcome.why}", _STYLE.get(effect, "dim"))
    if not (shown or as_json):
        out.say("every line is as it was found; --all shows them")
    return 0


def _as_object(outcome: RuleOutcome | None) -> dict[str, object]:
    """Return the documented JSON shape of what became of a line; {} where it is no rule that came later."""
    if outcome is None:
        return {}
    evidence = outcome.taught.proposal.evidence if outcome.taught else ()
    quotes = [picked(item, "session_id", "uuid", "line", "quote") for item in evidence]
    rates = {key: _compared(getattr(outcome, key)) for key in ("wish", "corrections")}
    return {"effect": outcome.effect, **picked(outcome, "again", "opposed"), **rates, "evidence": quotes}


def _compared(rates: Comparison) -> dict[str, object]:
    chance = {"lower": round(rates.lower, 3), "drop": [round(end, 3) for end in rates.drop]}
    return asdict(rates) | chance


@verb(
    click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False)),
    click.option("--open", "opened", is_flag=True, help="Open it in the browser."),
)
def report(app: App, file: Path | None, opened: bool, as_json: bool) -> int:
    """Draw one page: corrections per week, what each rule did, what is waiting, and who wrote what.

    Writes FILE [default: report.html in skillloop's home], which loads nothing from anywhere and is readable by you alone:
    your quoted words are in it. Decide in `skillloop review`.

    \b
    Example:
      skillloop report --open
    """  # noqa: D301
    from skillloop.report import dashboard  # and jinja2, which `blame` has no use for

    target = (file or app.home / "report.html").absolute()
    with app.history() as store:
        data = dashboard.page(store).encode("utf-8", "replace")
    write_atomic(target, data)
    told = {"file": str(target), "bytes": len(data)}
    tell(told, str(target), as_json=as_json)
    if opened and not webbrowser.open(target.as_uri()):
        click.echo("no browser could be started: open the file yourself", err=True)
    return 0
