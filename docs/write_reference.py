"""Write the pages that the code knows best: the keys of docs/configuration.md, and docs/commands.md from the help texts.

Run `python docs/write_reference.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from skillloop import cli
from skillloop.config import reference

DOCS = Path(__file__).parent
MARK = "<!-- written by docs/write_reference.py -->\n"


def keys() -> str:
    """Return a table of every key with its default and meaning."""
    rows = ["| key | default | meaning |", "| --- | --- | --- |"]
    for key, default, meaning in reference():
        shown = "not set" if default is None else f"`{json.dumps(default)}`"
        rows.append(f"| `{key}` | {shown} | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


def helps(command: click.Command, name: str, parent: click.Context | None) -> list[str]:
    """Return the help of a command and of those below it, each under a heading."""
    settings = {**command.context_settings, "max_content_width": 100, "terminal_width": 100}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    found = [f"## `{context.command_path}`\n\n```text\n{command.get_help(context).strip()}\n```\n"]
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            found += helps(below, each, context) if below is not None else []
    return found


def pages() -> dict[Path, str]:
    """Return each page as it should be, by its path."""
    configuration = DOCS / "configuration.md"
    before = configuration.read_text("utf-8").partition(MARK)[0]
    title = "# Command line\n\nWhat `--help` says.\n"
    return {
        configuration: f"{before}{MARK}\n{keys()}",
        DOCS / "commands.md": "\n".join([title, *helps(cli.app, "skillloop", None)]),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
