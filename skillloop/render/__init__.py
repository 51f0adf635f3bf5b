"""Print to a terminal what nothing in it can style or hide. Only this folder imports rich.

Invariant: text from outside (quotes, skill lines, paths, reasons) is never interpreted: no markup, no escape
sequences, and every hidden or control character is shown as its code point (see `redact.shown`). What is shown is what
is applied.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.text import Text

from skillloop.model import Check, Outcome, Verdict
from skillloop.skillpath import tilde as tilde
from skillloop.text.redact import shown

_STYLE = {"+": "green", "-": "red", "@": "cyan"}


class Terminal(Console):
    """A console on which text from outside is printed as it is."""

    def say(self, text: str, style: str = "") -> None:
        """Print text that nothing in it can style; in a pipe at once, since rich takes a millisecond a line."""
        if self.is_terminal:
            self.print(plain(text, style))
        else:
            self.file.write(shown(text) + "\n")
            self.file.flush()


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


@contextmanager
def live(color: str) -> Iterator[tuple[Terminal, Callable[[str], None] | None]]:
    """Yield a console, and what sets a line below all that it prints, of what is under way; None where no terminal is."""
    out = console(color, stderr=True)
    if not (out.is_terminal and sys.stdout.isatty()):
        yield console(color), None
        return
    with out.status("") as status:
        yield out, lambda text: status.update(plain(text[: out.width - 4]))


def when(at: str, width: int = 0) -> str:
    """Return a moment as a diary has it, the day in so many columns."""
    then = datetime.fromisoformat(at).astimezone()
    past = (datetime.now(then.tzinfo).date() - then.date()).days
    day = {0: "today", 1: "yesterday"}.get(past, f"{then:%Y-%m-%d}")
    return f"{day:<{width}} {then:%H:%M}"


def changed(diff: str) -> list[str]:
    """Return the lines that come and go in a unified diff, without empty ones; a blank parts sign and list marker."""
    signed = (line for line in diff.splitlines()[2:] if line[:1] in {"+", "-"} and line[1:].strip())
    return [f"{line[0]} {line[1:]}" for line in signed]


def diff(text: str) -> Text:
    """Return a unified diff in colour, hidden characters shown."""
    out = Text()
    for number, line in enumerate(text.splitlines()):
        head = number < 2 and line.startswith(("--- ", "+++ "))
        out.append(shown(line) + "\n", style="bold" if head else _STYLE.get(line[:1], ""))
    return out


def standing(verdict: Verdict) -> tuple[str, str]:
    """Return in which of the three states an edit is, and why: ready, needs a look, or blocked, if possible by whose rule."""
    hard = [check for check in verdict.failed if check.hard and verdict.outcome is not Outcome.CRASH]
    why = "; ".join(check.detail for check in hard or verdict.failed)
    if not hard:
        return ("needs a look" if verdict.failed or verdict.outcome is not Outcome.KEEP else "ready"), why
    rule = verdict.forbidding and verdict.forbidding.rule
    return (f"blocked by your setting ({tilde(rule.where)})" if rule else "blocked"), why


def checks(found: Iterable[Check]) -> Text:
    """Return one line a check (mark, sentence, name), with the rule that decided under a failed one."""
    out = Text()
    for check in found:
        mark = ("✓", "green") if check.passed else ("✗", "red") if check.hard else ("?", "yellow")
        out.append(Text.assemble("  ", mark, " ", shown(check.detail), (f"  [{check.name}]", "dim"), "\n"))
        if check.rule is not None and not check.passed:
            out.append(f"      {shown(tilde(check.rule))}\n", style="dim")
    out.right_crop(1)
    return out


def verdict(judged: Verdict) -> RenderableType:
    """Return the state, then what needs a look; checks that passed are not shown."""
    state, _ = standing(judged)
    head = Text(shown(state), style={"r": "bold green", "n": "bold yellow"}.get(state[0], "bold red"))
    return Group(head, checks(judged.failed)) if judged.failed else head


def plain(text: str, style: str = "") -> Text:
    """Outside text as a renderable that nothing in it can style."""
    return Text(shown(text), style=style)
