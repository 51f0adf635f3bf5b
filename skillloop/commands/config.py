"""`skillloop config`, `init`, `constraints` and `check`: where the settings stand, what holds, a person's yes, a change by hand."""

import json
import os
import sys
from importlib import resources
from pathlib import Path

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from skillloop import config, gate, render
from skillloop.commands import options
from skillloop.commands.options import App, flag, gate_checks, interactive, option, verb
from skillloop.commands.sitting import skill_named
from skillloop.config import confirmation, sections
from skillloop.errors import Refused, SkillloopError, UsageError
from skillloop.hosts.claude_code import edits
from skillloop.model import Outcome, sha256
from skillloop.pipeline import client_edits, gather
from skillloop.skillpath import Owner, SkillPath
from skillloop.skills import document

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.group(name="config")
def command() -> None:
    """Your settings: where they are, which are in force, and every setting there is."""


@verb()
def where(app: App) -> None:
    """Print where your settings files are, or would be. Writes nothing."""
    own, *lower = config.files(app.home, Path.cwd())
    for path in (own, *filter(Path.exists, lower)):
        app.tell({"path": str(path), "exists": path.exists()}, str(path))


@click.command()
@click.argument("command", required=False)
def schema(command: str | None) -> None:
    """Print the JSON Schema of settings, or of a command's --json."""
    told = sections.schema()
    if command is not None:
        told = json.loads((resources.files("skillloop") / "data" / "schemas.json").read_text("utf-8"))
        if command not in told["$defs"]:
            context = click.get_current_context().find_root()
            assert isinstance(context.command, click.Group)
            verbs = context.command.list_commands(context)  # the other shapes are parts of theirs
            those = ", ".join(name for name in told["$defs"] if name.partition(" ")[0] in verbs)
            raise UsageError(f"no command {command!r} prints JSON", f"those that do: {those}")
        told["$ref"] = f"#/$defs/{command}".replace(" ", "%20")
    click.echo(json.dumps(told, indent=2))


@click.command()
@click.pass_obj
def edit(app: App) -> None:
    """Open your settings in $EDITOR and check them. Creates the file first, as `init` does, if there is none."""
    path = app.home / "config.toml"
    if not interactive():
        raise Refused("`skillloop config edit` needs a terminal", f"open {path} in an editor of your own")
    if not path.exists():
        _begin(path)
    click.edit(filename=str(path))
    config.load(app.home, Path.cwd())
    _tell_doubts(app)


@verb()
def init(app: App) -> None:
    """Write your `config.toml`, with every setting explained and commented out. Never overwrites one."""
    path = app.home / "config.toml"
    try:
        _begin(path)
    except FileExistsError:
        raise UsageError(f"{path} exists, and is left as it is", "`skillloop config edit` opens it") from None
    app.tell({"path": str(path)}, f"written: {path}")


def _begin(path: Path) -> None:
    """Write the file that sets nothing yet; FileExistsError: there is one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(sections.commented())


def _tell_doubts(app: App) -> None:
    with app.history() as store:
        for doubt in confirmation.unconfirmed(store, app.home):
            app.say(doubt, err=True)


@verb(options.some_skill, flag("--confirm"), options.token_option)
def constraints(app: App, skill: str | None, confirm: bool, token: str | None) -> None:
    """Print the settings in force as TOML, each with its file and line. Writes nothing without --confirm."""
    if confirm:
        _confirm(app, token)
        return

    if skill:
        path = _file(Path(skill))
        rules = gather.rules_for(str(path if path.exists() else skill_named(skill).path), app.home)
    else:
        rules = config.load(app.home, Path.cwd())
    for key, value, rule in config.effective(rules) if app.as_json else ():
        app.emit({"key": key, "value": value, "file": rule.file, "line": rule.line})
    for line in () if app.as_json else config.as_toml(rules):
        app.say(line)
    _tell_doubts(app)


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the script that lets SHELL complete verbs, options, skills and edit ids. Writes nothing."""
    root = click.get_current_context().find_root().command
    if shell == "zsh":  # a plain one has not loaded what defines completions
        click.echo("(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }")
    click.echo(SHELLS[shell](root, {}, "skillloop", "_SKILLLOOP_COMPLETE").source())


for each, known_as in ((where, "path"), (constraints, "show"), (edit, "edit"), (schema, "schema")):
    command.add_command(each, known_as)


def _confirm(app: App, token: str | None) -> None:
    """Show what changed, ask a person, and keep the answer."""
    with app.store() as store:
        changed = confirmation.all_changes(store, app.home)
        if not changed:
            raise UsageError("no configuration file has changed since you last confirmed them")
        if not app.as_json:
            out = app.console()
            for change in changed:
                old = confirmation.confirmed_text(store, app.home, change.path)
                new = change.path.read_text("utf-8", "replace") if change.sha else ""
                out.say(str(change), "bold")
                lines = [*config.differences(change.path, old, new)] or ["only comments or spaces changed"]
                out.print(render.diff("\n".join(lines)), end="")
        digest = sha256("\0".join(f"{change.path}\0{change.sha}" for change in changed))
        by = app.require_person("constraints --confirm", digest, token)
        confirmation.confirm(store, app.home, changed, by)
    for change in changed:
        value = {"path": str(change.path), "sha256": change.sha, "loosens": list(change.loosens)}
        app.tell(value, f"confirmed: {change.path}")


@verb(
    click.argument("skill", metavar="FILE", type=click.Path(path_type=Path)),
    option("--against new", type=click.Path(path_type=Path)),
    flag("--call", hidden=True),
)
def check(app: App, skill: Path, new: Path | None, call: bool) -> int:
    """Check a hand-made change to a SKILL.md against your settings. Writes nothing."""
    skill, path = _file(skill), _file(new or skill)
    if call:  # which rule it would break, before it is made; none where nothing is there to protect
        given, against = json.load(sys.stdin), ""
        if SkillPath.of(skill).owner in {Owner.PERSON, Owner.PROJECT} and skill.exists():
            old, text = _text(skill).replace("\r\n", "\n"), given.get("content")  # as the client reads it
            if text is None:
                everywhere = bool(given.get("replace_all"))
                text = edits.edited(old, given["old_string"], given["new_string"], everywhere=everywhere)
            against = "of words that are not in the file"
            if text is not None:
                against = client_edits.broken(str(skill), app.home, old, text)
        app.tell({"path": str(skill), "why": against}, *[against] * bool(against))
        return 4 if against else 0
    rules = gather.rules_for(str(path), app.home)
    verdict = gate.compare(_text(skill), _text(path), rules)
    if app.as_json:
        app.emit({"path": str(path), "outcome": verdict.outcome.value, "checks": gate_checks(verdict)})
    else:
        app.console().print(render.verdict(verdict))
    if verdict.outcome is Outcome.CRASH:
        raise SkillloopError("a check failed with an internal error on these texts", "please report it")
    return 4 if verdict.outcome is Outcome.DISCARD else 0


def _file(path: Path) -> Path:
    path = Path(os.path.normpath(path.expanduser().absolute()))
    return path / "SKILL.md" if path.is_dir() else path


def _text(path: Path) -> str:
    """Read any file, wherever it lies: nothing is written."""
    try:
        return document.decode(path.read_bytes(), path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
