"""Run the command line: a lazy group of verbs, and one place that maps every outcome to an exit code.

`skillloop --version` and `--help` import click and nothing else of weight; a verb is imported when it is called.
"""

from __future__ import annotations

import difflib
import gc
import importlib
import inspect
import io
import json
import keyword
import os
import platform
import re
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from skillloop import JSON_VERSION, __version__
from skillloop.errors import SkillloopError


class Told(NamedTuple):
    """What data/help.md says of a command."""

    short: str  # in the list of commands
    options: dict[str, str]
    text: str


def _told() -> Iterator[tuple[str, Told]]:
    """Yield the sections of data/help.md, by the names of the commands."""
    for part in (Path(__file__).parent / "data" / "help.md").read_text("utf-8").split("\n## ")[1:]:
        head, _, body = part.partition("\n")
        names, _, short = head.partition(": ")
        options = re.compile(r"^(--[\w-]+): (.+)\n", re.MULTILINE)
        text = options.sub("", body).replace("\\b", "\b")
        yield from ((name, Told(short, dict(options.findall(body)), text)) for name in names.split(", "))


HELP = dict(_told())
VERBS = {name: told.short for name, told in HELP.items() if told.short and " " not in name}
"""The verbs in the order of a first day's use, each with what the list of commands says."""

BESIDE = {
    **dict.fromkeys(("approve", "reject"), "show"),
    **dict.fromkeys(("turns", "remember"), "propose"),
    **dict.fromkeys(("diff", "blame", "rollback", "report"), "log"),
    **dict.fromkeys(("init", "constraints", "check", "completion"), "config"),
    **dict.fromkeys(("verify", "export", "import", "uninstall"), "doctor"),
}
"""Verbs that stand in the file of another one."""


class LazyGroup(click.Group):
    """Find verbs as files in `commands/`; import each on its first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the verbs in the order of a first day's use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the verb's file and return its click command."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"skillloop.commands.{BESIDE.get(cmd_name, cmd_name)}")
        attribute = f"{cmd_name}_" * keyword.iskeyword(cmd_name) or cmd_name
        found = getattr(module, attribute if cmd_name in BESIDE else "command")
        return _explained(found, cmd_name, HELP["skillloop"].options)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve as click does, naming the nearest verb where there is no such one."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], VERBS, n=1)
            tail = f" Did you mean {near[0]!r}?" if near else " `skillloop --help` lists them."
            raise click.UsageError(f"No such command {args[0]!r}.{tail}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke as click does, but a reader that left early (`skillloop log | head`) is no failure."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        return result

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the verbs without importing any."""
        verbs = [CompletionItem(name, help=VERBS[name]) for name in VERBS if name.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


def _explained(command: click.Command, name: str, above: Mapping[str, str]) -> click.Command:
    """Return a command with its help, and of those below it; `above` are the options that several have."""
    command.help = f"{inspect.getdoc(command.callback)}\n{HELP[name].text}"
    options = {**above, **HELP[name].options}
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            option.help = options.get(option.opts[-1], option.help)
    for each, below in command.commands.items() if type(command) is click.Group else ():
        _explained(below, f"{name} {each}", options)
    return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
)
@click.version_option(__version__, prog_name="skillloop")
@click.option(
    "--home",
    type=click.Path(file_okay=False),
    help="The folder with skillloop's data. [default: $SKILLLOOP_HOME, else ~/.skillloop]",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colour the output. `auto`: on a terminal, unless NO_COLOR is set.",
)
@click.pass_context
def app(ctx: click.Context, home: str | None, color: str) -> None:
    """Claude Code skills that learn from your corrections, and only the way you allow."""
    if home == "":
        raise click.BadParameter("it is empty; pass a folder", ctx, param_hint="--home")
    from skillloop.commands.options import App  # so that `--version` loads neither rich nor sqlite3

    ctx.obj = App.of(home, color)


_explained(app, "skillloop", {})


def main() -> None:
    """Run the console script."""
    gc.set_threshold(20_000)  # what is imported stays: looking through it costs a tenth of a start
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code. Nothing escapes as a traceback."""
    as_json = "--json" in args
    sys.unraisablehook = _raise_again
    try:
        code = app.main(list(args), prog_name="skillloop", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except SkillloopError as error:
        return _say(error.message, error.hint, error.exit_code, as_json=as_json)
    except click.ClickException as error:
        if isinstance(error, click.UsageError) and not as_json:
            error.show(told := io.StringIO())
            click.echo(_shown(told.getvalue()), nl=False, err=True)
            return 2
        code = 2 if isinstance(error, click.UsageError) else 1
        return _say(error.format_message(), "", code, as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. Completed work was kept.", err=True)
        return 130
    except Exception as error:  # noqa: BLE001  (the last line of defence: a bug becomes a log to paste into an issue)
        system = f"skillloop {__version__}, Python {platform.python_version()}, {platform.platform()}"
        with tempfile.NamedTemporaryFile("w", prefix="skillloop-crash-", suffix=".log", delete=False) as log:
            log.write(f"{system}\nargs: {list(args)}\n\n{''.join(traceback.format_exception(error))}")
        hint = f"the crash log is {log.name}; please report it"
        return _say(f"internal error: {type(error).__name__}: {error}", hint, 3, as_json=as_json)


def _raise_again(lost: sys.UnraisableHookArgs) -> None:
    """Raise a Ctrl-C anew that came while Python freed an object: it would only print that one, and go on."""
    if lost.exc_type is KeyboardInterrupt:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    else:
        sys.__unraisablehook__(lost)


def _shown(text: str) -> str:
    from skillloop.text.redact import shown

    return shown(text)


def _say(message: str, hint: str, code: int, *, as_json: bool) -> int:
    message, hint = _shown(message), _shown(hint)
    if as_json:
        error = {"message": message, "hint": hint, "exit_code": code}
        click.echo(json.dumps({"version": JSON_VERSION, "error": error}), err=True)
    else:
        click.echo(f"skillloop: {message}" + (f"\n  → {hint}" if hint else ""), err=True)
    return code


if __name__ == "__main__":
    main()
