"""Print to a terminal what nothing in it can style or hide. Only this module imports rich.

Invariant: text from outside (quotes, skill lines, paths, reasons) is never interpreted: no markup, no escape
sequences, and every hidden or control character is shown as its code point (see `redact.shown`). What is shown is what
is applied.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from skillloop.model import Check, Evidence, Verdict
from skillloop.text.redact import shown

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLE = {"+": "green", "-": "red", "@": "cyan"}
_OUTCOME = {"keep": "green", "defer": "yellow", "discard": "red", "crash": "red"}


class Terminal(Console):
    """A console on which text from outside is printed as it is."""

    def say(self, text: str, style: str = "") -> None:
        """Print text that nothing in it can style."""
        self.print(plain(text, style))


def console(color: str = "auto", *, stderr: bool = False) -> Terminal:
    """Return a console that never guesses: `color` is auto, always or never; lines are not cut when piped."""
    stream = sys.stderr if stderr else sys.stdout
    if color == "always":
        made = Terminal(file=stream, force_terminal=True, color_system="standard")
    else:
        made = Terminal(file=stream, color_system=None if color == "never" else "auto")
    if not made.is_terminal:
        made.width = max(made.width, 200)
    return made


def diff(text: str) -> Text:
    """Return a unified diff in colour, hidden characters shown."""
    out = Text()
    for number, line in enumerate(text.splitlines()):
        style = "bold" if number < 2 else _STYLE.get(line[:1], "")
        out.append(shown(line) + "\n", style=style)
    return out


def evidence(quotes: Iterable[Evidence]) -> RenderableType:
    """Return each quote with its place."""
    rows: list[RenderableType] = []
    for item in quotes:
        quote = Text("“" + shown(item.quote.strip()) + "”", style="italic")
        where = Text(f"  {shown(item.path)}:{item.line}", style="dim")
        rows += [quote, where]
    return Group(*rows)


def checks(found: Iterable[Check]) -> Text:
    """Return one line a check (mark, name, sentence), with the deciding rule under a failed one."""
    listed = list(found)
    width = max((len(check.name) for check in listed), default=0)
    out = Text()
    for check in listed:
        mark = ("✓", "green") if check.passed else ("✗", "red") if check.hard else ("?", "yellow")
        name = (check.name.ljust(width), "" if check.passed else "bold")
        out.append(Text.assemble("  ", mark, " ", name, " ", shown(check.detail), "\n"))
        if check.rule is not None and not check.passed:
            out.append(f"    {'':{width}} rule: {shown(str(check.rule))}\n", style="dim")
    out.right_crop(1)
    return out


def verdict(judged: Verdict) -> RenderableType:
    """Return the outcome, then the failed checks; passed ones are counted."""
    failed = judged.failed
    passed = len(judged.checks) - len(failed)
    head = Text.assemble(
        (judged.outcome.value, _OUTCOME[judged.outcome.value]),
        f" · {passed} of {len(judged.checks)} checks passed",
    )
    return Group(head, checks(failed)) if failed else head


def plain(text: str, style: str = "") -> Text:
    """Outside text as a renderable that nothing in it can style."""
    return Text(shown(text), style=style)


class TrainingBars:
    """One live bar for each training under way, on stderr; nothing where that is no terminal."""

    def __init__(self, seconds: float, color: str) -> None:
        self.seconds, self.console = seconds, console(color, stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[loss]}"))
        self.progress = Progress(
            *columns, console=self.console, disable=not self.console.is_terminal, transient=True
        )
        self.tasks: dict[int, TaskID] = {}

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def line(self, number: int, text: str) -> None:
        """Move a training's bar by a line that it printed, `step: N seconds: S loss: L`; ignore any other."""
        words = text.split()
        if words[::2] != ["step:", "seconds:", "loss:"] or len(words) != 6:
            return
        if number not in self.tasks:
            self.tasks[number] = self.progress.add_task(f"trial {number}", total=self.seconds, loss="")
        try:
            self.progress.update(
                self.tasks[number], completed=float(words[3]), loss=f"loss {float(words[5]):.3f}"
            )
        except ValueError:
            return

    def done(self, number: int) -> None:
        """Remove a training's bar."""
        if (task := self.tasks.pop(number, None)) is not None:
            self.progress.remove_task(task)

    def say(self, text: str) -> None:
        """Print a line above the bars, on stdout."""
        Console(file=sys.stdout, highlight=False, soft_wrap=True).print(plain(text))
