"""What the verbs share: the home, the store, which skill is meant, JSON on stdout, and who may answer a question."""

import contextlib
import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

import click
from click.shell_completion import CompletionItem

from skillloop import JSON_VERSION, render
from skillloop.errors import Refused, SkillloopError, UsageError
from skillloop.hosts.claude_code.hooks import approval, session
from skillloop.model import Verdict
from skillloop.skillpath import RULES, SKILL, target_name
from skillloop.store import State, Store
from skillloop.text.redact import as_json, shown
from skillloop.worker.notice import leave_notice, line_of

OPEN: tuple[State, ...] = ("queued", "stale")  # states of an edit that waits
_IN_WORDS = {"rollback": "roll back", "constraints": "confirm the settings", "judge": "choose the judge"}


def option(names: str, **more: Any) -> Callable[..., Any]:
    """Return an option of click's, whose help is in data/help.md; `names` may end with its parameter: "--all every"."""
    return click.option(*names.split(), **more)


flag = functools.partial(option, is_flag=True)
budget_option = option("--budget", type=click.FloatRange(min=0), metavar="USD")
executor_option = option("--executor", type=click.Choice(["local", "ray"]), default="local")
token_option = option("--token", metavar="TOKEN", hidden=True)


def verb(
    *parameters: Callable[..., Any], name: str | None = None, group: click.Group | None = None
) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a verb of a function that takes the `App` and these parameters, and returns the exit code if not 0."""

    def made(function: Callable[..., int | None]) -> click.Command:
        @click.pass_obj
        @functools.wraps(function)
        def run(app: App, /, *, as_json: bool, **given: Any) -> int | None:
            return function(replace(app, as_json=as_json), **given)

        as_json = flag("--json as_json")
        for each in (as_json, *reversed(parameters)):
            run = each(run)
        return (group or click).command(name)(run)

    return made


@dataclass(frozen=True, slots=True)
class App:
    """What the options of every verb said."""

    home: Path
    color: str = "auto"
    as_json: bool = False

    @classmethod
    def of(cls, home: str | None, color: str = "auto") -> Self:
        """Return it for this home, else `$SKILLLOOP_HOME`, else `~/.skillloop`: hook, worker and terminal must agree."""
        return cls(Path(home or session.state_folder()).expanduser().absolute(), color)

    def store(self) -> Store:
        """Open the store, making it on first use."""
        return Store.open(self.home)

    @contextmanager
    def history(self) -> Iterator[Store]:
        """Open the store for a verb that only reads; where there is none yet, an empty temporary one."""
        with tempfile.TemporaryDirectory(prefix="skillloop-") as nowhere:
            home = self.home if (self.home / "skillloop.db").exists() else Path(nowhere)
            with Store.open(home) as store:
                yield store

    def console(self) -> render.Terminal:
        """Return a console on stdout."""
        return render.console(self.color)

    def tell(self, value: Mapping[str, Any], *lines: str, err: bool = False) -> None:
        """Print the answer of a verb: one JSON value, or these lines."""
        if self.as_json:
            self.emit(value, err=err)
        for line in () if self.as_json else lines:
            self.say(line, err=err)

    def emit(self, value: Mapping[str, Any], *, room: int | None = None, err: bool = False) -> int:
        """Print one JSON object as one line, in which nothing is secret, invisible, controls a terminal or reads as a role's mark.

        `version` in it is that of the shapes. All but secrets is only escaped: who parses the line gets every character.
        Returns the bytes of the line; one that has more than `room` is not printed.
        """
        text = as_json({"version": JSON_VERSION, **value})
        if not text.isprintable():
            text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
        size = len(text.encode("utf-8", "replace")) + 1
        if room is None or size <= room:
            click.echo(text, err=err)
        return size

    def say(self, text: str, *, err: bool = False) -> None:
        """Print text from outside as `redact.shown` has it."""
        click.echo(shown(text), err=err)

    def require_person(
        self, action: str, digest: str, token: str | None = None, *, dialog: bool = True
    ) -> str:
        """Make sure that a person decides this, and say how they did; what they say yes to is bound to `digest`.

        The plugin's hook first calls with the token that only asks for a preview: then this prints what would be decided,
        as the last line, and ends the process (see `approval`). `dialog` is False for what only a terminal may ask.
        Raises Refused: nobody can be asked here, or the answer was not the code shown.
        """
        if token == approval.PREVIEW:
            self.emit({"action": action, "digest": digest})
            raise click.exceptions.Exit(0)
        if token is not None:
            if approval.accept(self.home, token, action, digest):
                return "Claude Code's dialog"
            raise Refused(
                "that token is not valid: used, too old, or for another change", "ask again in the session"
            )
        if not interactive():
            raise Refused(
                f"`skillloop {action}` needs a person, and there is no terminal here",
                "run it in a terminal of your own"
                + "; inside a session the plugin's dialog asks you" * dialog,
            )
        word = action.partition(" ")[0]
        if not retyped(digest, _IN_WORDS.get(word, word)):
            raise Refused("not confirmed; nothing was changed")
        return "a terminal"

    def after_decision(self) -> None:
        """Keep a copy of the store as it is now, and let the next session start not ask for what is done."""
        with self.store() as store, contextlib.suppress(SkillloopError):  # the decision stands without a copy
            store.back_up()
        leave_notice(self.home)


def _skills(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    with App.of(ctx.find_root().params.get("home")).history() as store:
        return sorted({name for name in map(target_name, store.skills()) if name.startswith(begun)})


def _edits(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    with App.of(ctx.find_root().params.get("home")).history() as store:
        waiting = [item for item in store.proposals(states=OPEN) if item.proposal.id.startswith(begun)]
    return [CompletionItem(item.proposal.id, help=shown(line_of(item))) for item in waiting]


some_skill = click.argument("skill", required=False, shell_complete=_skills)
one_skill = click.argument("skill", shell_complete=_skills)
one_edit = click.argument("proposal", metavar="ID", shell_complete=_edits)


def picked(item: object, *paths: str) -> dict[str, Any]:
    """Return these attributes of something, such as "text" or "evidence.line", as JSON has them: by their last names."""
    return {path.rpartition(".")[2]: attrgetter(path)(item) for path in paths}


def interactive() -> bool:
    """Return whether a person can be asked: stdin and stdout are a terminal, and no assistant started this process."""
    return sys.stdin.isatty() and sys.stdout.isatty() and not os.environ.get("CLAUDE_CODE_CHILD_SESSION")


def retyped(digest: str, what: str) -> bool:
    """Ask the person in the terminal to retype the code of what was shown, and return whether they did."""
    code = approval.code(digest)
    question = f"Type {code} to {what} (anything else leaves it)"
    answer: str = click.prompt(question, default="", show_default=False, err=True).strip().lower()
    if answer not in {"", code}:
        click.echo(shown(f"{answer!r} is not {code}: nothing is changed"), err=True)
    return answer == code


def known_skill(store: Store, name: str, also: Iterable[Path] = ()) -> Path:
    """Return the SKILL.md that a name or path means, among the skills that have a history, and others."""
    path = Path(name).expanduser()
    if path.is_dir():
        path /= SKILL
    known = dict.fromkeys([*store.skills(), *also])
    real = path.parent.resolve() / path.name  # as a history names it: see `fs.canonical`
    matches = [item for item in known if item == real or target_name(item) == name]
    here = [item for item in matches if item == Path.cwd().resolve() / ".claude" / "rules" / RULES]
    matches = here or matches
    if len(matches) == 1:
        return matches[0]
    if matches:
        which = ", ".join(map(str, matches))
        raise UsageError(f"{name!r} is the name of {len(matches)} skills", f"say which: {which}")
    names = ", ".join(sorted(set(map(target_name, known)))) or "none yet"
    raise UsageError(f"no skill {name!r} has a history here", f"skills with one: {names}")


def gate_checks(verdict: Verdict) -> list[dict[str, Any]]:
    """Return the documented JSON shape of a verdict's checks, each with whose rule decided."""
    return [asdict(check) | {"rule": check.rule and str(check.rule)} for check in verdict.checks]
