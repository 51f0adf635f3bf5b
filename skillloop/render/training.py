"""Show trainings under way. Apart from the rest, since `rich.progress` is slow to load."""

from __future__ import annotations

import sys
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from skillloop import render


class TrainingBars:
    """One live bar for each training under way, on stderr; nothing where that is no terminal."""

    def __init__(self, seconds: float, color: str) -> None:
        self.seconds, self.console = seconds, render.console(color, stderr=True)
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
        Console(file=sys.stdout, highlight=False, soft_wrap=True).print(render.plain(text))
