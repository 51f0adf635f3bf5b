"""Write the pages that the code knows best: the keys of docs/configuration.md, the shapes of docs/json.md, the help texts.

Run `python docs/write_reference.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import click

from skillloop import cli
from skillloop.config import reference

DOCS = Path(__file__).parent
MARK = "<!-- written by docs/write_reference.py -->\n"


def keys() -> str:
    """Return a table of every key with its default and meaning."""
    rows = ["| setting | default | meaning |", "| --- | --- | --- |"]
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


def shape(schema: dict[str, Any]) -> str:
    """Return a schema as a reader sees it: names and types, `?` for a field that is not always there, names of other shapes."""
    if "$ref" in schema:
        return f"as `{unquote(schema['$ref']).removeprefix('#/$defs/')}`"
    if either := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(map(shape, either))
    if "properties" in schema:
        needed = schema["required"]
        fields = (
            f"{name}{'' if name in needed else '?'}: {shape(of)}" for name, of in schema["properties"].items()
        )
        return f"{{{', '.join(fields)}}}"
    if "enum" in schema or "const" in schema:
        return " \\| ".join(map(json.dumps, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return f"[{shape(schema['items'])}]"
    types = schema.get("type", "anything")
    return " or ".join(types if isinstance(types, list) else [types])


def shapes() -> str:
    """Return each shape of JSON under a heading."""
    found = []
    for name, schema in json.loads((DOCS.parent / "skillloop/data/schemas.json").read_text("utf-8"))[
        "$defs"
    ].items():
        about, fields = schema.get("description", ""), ["", "| field | type |", "| --- | --- |"]
        for field, of in schema.get("properties", {}).items():
            optional = "" if field in schema["required"] else ", not always there"
            fields += [f"| `{field}` | {shape(of)}{optional} |"] * (field != "version")
        rest = fields if "properties" in schema else [*[""] * bool(about), f"It is {shape(schema)}."]
        found.append("\n".join([f"## `{name}`", *["", about] * bool(about), *rest, ""]))
    return "\n".join(found)


def pages() -> dict[Path, str]:
    """Return each page as it should be, by its path."""
    configuration = DOCS / "configuration.md"
    before = configuration.read_text("utf-8").partition(MARK)[0]
    told = DOCS / "json.md"
    prose = told.read_text("utf-8").partition(MARK)[0]
    title = "# Command line\n\nWhat `--help` says.\n"
    return {
        configuration: f"{before}{MARK}\n{keys()}",
        told: f"{prose}{MARK}\n{shapes()}",
        DOCS / "commands.md": "\n".join([title, *helps(cli.app, "skillloop", None)]),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
