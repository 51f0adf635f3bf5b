"""`skillloop report`: one page that shows what was learned, from whom, and whether it helped."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from skillloop.commands.options import App, tell, verb
from skillloop.fs import write_atomic
from skillloop.report import dashboard


@verb(
    click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False)),
    click.option("--open", "opened", is_flag=True, help="Open it in the browser."),
)
def command(app: App, file: Path | None, opened: bool, as_json: bool) -> int:
    """Draw one page: corrections per week, what each rule did, what is waiting, and who wrote what.

    Writes FILE [default: report.html in skillloop's home], which loads nothing from anywhere and is readable by you alone:
    your quoted words are in it. Decide in `skillloop review`.

    \b
    Example:
      skillloop report --open
    """  # noqa: D301
    target = (file or app.home / "report.html").absolute()
    with app.history() as store:
        data = dashboard.page(store).encode("utf-8", "replace")
    write_atomic(target, data)
    told = {"file": str(target), "bytes": len(data)}
    tell(told, str(target), as_json=as_json)
    if opened and not webbrowser.open(target.as_uri()):
        click.echo("no browser could be started: open the file yourself", err=True)
    return 0
