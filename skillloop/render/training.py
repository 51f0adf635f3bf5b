"""Show trainings under way. Apart from the rest, since `rich.progress` is slow to load."""

import sys
from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from skillloop import render


class TrainingBars(Progress):
    """One live bar for each training under way, on stderr; nothing where that is no terminal."""

    def __init__(self, seconds: float, color: str) -> None:
        console = render.console(color, stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[loss]}"))
        super().__init__(*columns, console=console, disable=not console.is_terminal, transient=True)
        self.seconds = seconds
        self.trainings: dict[int, TaskID] = {}

    def line(self, number: int, text: str) -> None:
        """Move a training's bar by a line that it printed, `step: N seconds: S loss: L`; ignore any other."""
        words = text.split()
        if words[::2] != ["step:", "seconds:", "loss:"] or len(words) != 6:
            return
        if number not in self.trainings:
            self.trainings[number] = self.add_task(f"trial {number}", total=self.seconds, loss="")
        with suppress(ValueError):
            loss = f"loss {float(words[5]):.3f}"
            self.update(self.trainings[number], completed=float(words[3]), loss=loss)

    def done(self, number: int) -> None:
        """Remove a training's bar."""
        if (task := self.trainings.pop(number, None)) is not None:
            self.remove_task(task)

    def say(self, text: str) -> None:
        """Print a line above the bars, on stdout."""
        Console(file=sys.stdout, highlight=False, soft_wrap=True).print(render.plain(text))
