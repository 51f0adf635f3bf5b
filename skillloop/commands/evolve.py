"""`skillloop evolve`: improve one skill against its own cases; the winner waits for the person like any other edit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

import click

from skillloop import fs, llm, render
from skillloop.commands.options import App, emit, known_skill, say, skill_argument, tell, verb
from skillloop.errors import SkillloopError
from skillloop.evaluate import judge, replay
from skillloop.evaluate.replay import Play
from skillloop.evolve import problem, run
from skillloop.evolve.problem import METRIC, Evolution
from skillloop.llm import BudgetExceeded, ModelError
from skillloop.search.ledger import Ledger, Row
from skillloop.worker.notice import leave_notice

BY_TEXT = "judged by their text alone"
NO_MODEL = (
    "no model follows the skill here, so a case passes where the text still says what it asks for: "
    "only what is shorter and loses nothing can win"
)


@verb(
    skill_argument,
    click.option(
        "--budget",
        type=click.FloatRange(min=0),
        metavar="USD",
        help="The most that this run may cost, stops included. [default: budget.money_per_command]",
    ),
    click.option(
        "--trials", type=click.IntRange(min=1), default=20, help="Texts to try besides the skill as it is."
    ),
    click.option("--seed", type=int, default=1, help="Seed of every random choice in the run."),
)
def command(app: App, skill: str, budget: float | None, trials: int, seed: int, as_json: bool) -> None:
    """Try changed texts of one skill on its cases; the best one beyond noise waits for you as an edit.

    Cases are made of your corrections. A third is sealed: it is looked at once, for the winner. Every text passes your
    rules before it is tried. Without a model only shorter texts that say the same can win. Ctrl-C stops; the same command
    goes on. Writes the run below skillloop's home and the queue, never a SKILL.md.

    \b
    Example:
      skillloop evolve research --trials 40 --budget 0.50
    """  # noqa: D301
    with app.store() as store, ExitStack() as stack:
        path = str(known_skill(store, skill))
        about = run.subject(path, app.home, store)
        chosen, why = llm.choose(about.config)
        how = f"{chosen}, seed {seed}"
        place = run.folder(app.home, about, how)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        stack.enter_context(fs.locked(place / "lock", wait=0))
        ledger = Ledger(place / "ledger.jsonl", METRIC)
        guard = run.Guard(about, app.home, store)
        play: Play = run.says
        propose = run.offline(guard, ("merge", "shorten"))
        account, client = f"evolve:{place.name}", None
        if chosen in llm.BACKENDS:
            client = llm.connect(llm.limited(about.config, budget), store, account)
        if client is None:
            how = BY_TEXT
            say(f"{why}: {NO_MODEL}", err=True)
        else:
            heard, _ = judge.status(store, about.config.model.careful)
            play = replay.player(client, about.config.model, with_judge=heard)
            how = f"replayed by {about.config.model.cheap}"
        for trouble in about.troubles:
            say(trouble, err=True)
        live = stack.enter_context(
            Live(app.color, ledger, lambda: store.calls.spend("session", account).dollars)
        )
        evolution = Evolution(about.text, about.cases, play, propose, guard.refuse, ledger, told=live.playing)
        search = problem.search(evolution, trials, seed, 1, (BudgetExceeded, ModelError))
        try:
            for row in search.run():
                if as_json:
                    emit(_as_object(row))
                else:
                    say(_line(row))
            end = run.conclude(guard, evolution, play, place.name, how)
        except (KeyboardInterrupt, BudgetExceeded, ModelError) as error:
            stack.pop_all().close()
            why = getattr(error, "message", "stopped")
            say(f"{why}; every trial so far is kept, and the same command goes on from there", err=True)
            raise
        cost = store.calls.spend("session", account).dollars
    if ledger.archive().best is None:
        raise SkillloopError(f"the skill as it is could not be measured: {ledger.trials[-1]['reason']}")
    leave_notice(app.home)
    told = {"event": "end", **end, "dollars": cost, "ledger": str(ledger.path)}
    lines = [
        f"{end['state']}: {end['reason']}",
        f"every text that was tried: {render.tilde(ledger.path)}; it cost ${cost:.4f}",
    ]
    if end["proposal"]:
        lines.append(f"to look at it: skillloop show {end['proposal']}")
    tell(told, *lines, as_json=as_json)


class Live:
    """One line on a terminal's stderr that says what is under way; nothing elsewhere."""

    def __init__(self, color: str, ledger: Ledger, spent: Callable[[], float]) -> None:
        self.ledger, self.spent = ledger, spent
        console = render.console(color, stderr=True)
        self.status = console.status("") if console.is_terminal else None

    def __enter__(self) -> Self:
        if self.status:
            self.status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.status:
            self.status.stop()

    def playing(self, what: str, at: int) -> None:
        """Show which case of which text is played."""
        if self.status:
            archive = self.ledger.archive()
            best = (
                f"best {1 - archive.mean(archive.best):.0%}"
                if archive.best
                else "measuring the skill as it is"
            )
            text = f"trial {archive.number} · {best} · ${self.spent():.4f} · case {at + 1} · {what}"
            self.status.update(render.plain(text[: self.status.console.width - 4]))


def _as_object(row: Row) -> dict[str, Any]:
    """Return the documented JSON shape of a trial; its text is in the ledger."""
    keys = (
        "event",
        "number",
        "candidate",
        "parent",
        "operator",
        "what",
        "outcome",
        "reason",
        "loss",
        "mean",
        "runs",
        "bytes",
    )
    return {key: row[key] for key in keys}


def _line(row: Row) -> str:
    passes = f"{1 - row['mean']:4.0%}" if row["mean"] is not None else "   –"
    return (
        f"{row['number']:4} {row['outcome']:8}{passes}  {row['operator']}: {row['what']}  · {row['reason']}"
    )
