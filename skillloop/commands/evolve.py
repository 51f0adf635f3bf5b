"""`skillloop evolve`: improve one skill against its own cases; the winner waits for the person like any other edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import click

from skillloop import fs, llm, render
from skillloop.commands.options import App, emit, known_skill, picked, say, some_skill, verb
from skillloop.errors import SkillloopError, UsageError
from skillloop.evaluate import judge, replay
from skillloop.evaluate.replay import Play
from skillloop.evolve import operators, problem, run
from skillloop.evolve.problem import METRIC, Evolution, Propose
from skillloop.llm import BudgetExceeded, ModelClient, ModelError
from skillloop.search.ledger import Ledger, Row
from skillloop.store import Store
from skillloop.worker.notice import leave_notice

BY_TEXT = "judged by their text alone"
NO_MODEL = (
    "no model follows the skill here, so a case passes where the text still says what it asks for: "
    "only what is shorter and loses nothing can win"
)


@verb(
    some_skill,
    click.option(
        "--budget",
        type=click.FloatRange(min=0),
        metavar="USD",
        help="The most that this run may cost, stops included. [default: budget.money_per_command]",
    ),
    click.option(
        "--trials", type=click.IntRange(min=1), default=20, help="Texts to try besides the skill as it is."
    ),
    click.option(
        "--operators",
        "listed",
        is_flag=True,
        help="List what the model's operators are told, each with its record.",
    ),
    click.option(
        "--pin", metavar="OPERATOR=ID", help="Use this version of an operator from now on; OPERATOR= unpins."
    ),
    click.option("--seed", type=int, default=1, help="Seed of every random choice in the run."),
)
def command(
    app: App, skill: str | None, budget: float | None, trials: int, seed: int, listed: bool, pin: str | None
) -> None:
    """Try changed texts of one skill on its cases; the best one beyond noise waits for you as an edit.

    Cases are made of your corrections. A third is sealed: it is looked at once, for the winner. Every text passes your
    rules before it is tried. Without a model only shorter texts that say the same can win. Ctrl-C stops; the same command
    goes on. Writes the run below skillloop's home and the queue, never a SKILL.md.

    \b
    Example:
      skillloop evolve research --trials 40 --budget 0.50
    """  # noqa: D301
    if listed or pin is not None:
        if pin is not None:
            operators.Tasks.read(app.home).pin(pin)
        for each in _versions(operators.Tasks.read(app.home)):
            shown = "{operator}={id}  {better} of {tried} better  {state}", "  {text}"
            app.tell(each, *(line.format(**each) for line in shown))
        return
    if skill is None:
        raise UsageError("which skill?", "`skillloop status` names those with something waiting")
    with app.store() as store, ExitStack() as stack:
        about = run.subject(str(known_skill(store, skill)), app.home, store)
        for trouble in about.troubles:
            say(trouble, err=True)
        open_run = stack.enter_context(_opened(app.home, store, about, budget, seed))
        live = stack.enter_context(Live(app.color, open_run))
        try:
            for row in open_run.search(trials, seed, live.playing):
                if app.as_json:
                    emit(_as_object(row))
                else:
                    say(_line(row))
            end = open_run.end()
        except (KeyboardInterrupt, BudgetExceeded, ModelError):
            stack.pop_all().close()
            say("stopped: every trial so far is kept, and the same command goes on from there", err=True)
            raise
        end |= {"dollars": open_run.dollars, "ledger": str(open_run.ledger.path)}
    leave_notice(app.home)
    lines = [
        f"{end['state']}: {end['reason']}",
        f"every text that was tried: {render.tilde(end['ledger'])}; it cost ${end['dollars']:.4f}",
    ]
    if end["proposal"]:
        lines.append(f"to look at it: skillloop show {end['proposal']}")
    app.tell({"event": "end", **end}, *lines)


@dataclass
class Run:
    """A run that is open: who judges, who proposes, and its ledger."""

    guard: run.Guard
    ledger: Ledger
    how: str  # cases are judged
    play: Play
    propose: Propose
    client: ModelClient | None = None
    tasks: operators.Tasks | None = None
    evolution: Evolution | None = None

    @property
    def account(self) -> str:
        """The name under which its calls are charged, over all stops."""
        return f"evolve:{self.ledger.path.parent.name}"

    @property
    def dollars(self) -> float:
        """What it has cost so far."""
        return self.guard.store.calls.spend("session", self.account).dollars

    def search(self, trials: int, seed: int, told: Callable[[str, int], None]) -> Iterator[Row]:
        """Yield each trial. Raises SkillloopError: the skill as it is could not be measured."""
        about = self.guard.about
        self.evolution = Evolution(
            about.text, about.cases, self.play, self.propose, self.guard.refuse, self.ledger, told=told
        )
        yield from problem.search(self.evolution, trials, seed, (BudgetExceeded, ModelError)).run()
        if self.ledger.archive().best is None:
            why = self.ledger.trials[-1]["reason"]
            raise SkillloopError(f"the skill as it is could not be measured: {why}")

    def end(self) -> dict[str, Any]:
        """Return what became of the best text, and count what each operator did."""
        assert self.evolution is not None
        run_name = self.ledger.path.parent.name
        end = run.conclude(self.guard, self.evolution, self.play, run_name, self.how)
        if self.client and self.tasks:
            self.tasks.count(run_name, self.ledger.trials, self.ledger.archive())
            self.tasks.renew(self.client, self.guard.about.config.model.careful)
        return end


@contextmanager
def _opened(home: Path, store: Store, about: run.Subject, budget: float | None, seed: int) -> Iterator[Run]:
    """Open the run of a skill, alone, with the model that the person's rules allow or with none.

    `budget` holds for all of it, its stops included.
    """
    chosen, why = llm.choose(about.config)
    place = run.folder(home, about, f"{chosen}, seed {seed}")
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with fs.locked(place / "lock", wait=0):
        guard, ledger = run.Guard(about, home, store), Ledger(place / "ledger.jsonl", METRIC)
        opened = Run(guard, ledger, BY_TEXT, run.says, run.offline(guard, ("merge", "shorten")))
        opened.client = llm.connect(llm.limited(about.config, budget), store, opened.account)
        if opened.client is None:
            say(f"{why}: {NO_MODEL}", err=True)
        else:
            models = about.config.model
            heard, _ = judge.status(store, models.careful)
            opened.play = replay.player(opened.client, models, with_judge=heard)
            opened.tasks = operators.Tasks.read(home)
            opened.tasks.fix(ledger)
            opened.propose = operators.by_model(opened.client, models, guard, opened.tasks)
            opened.how = f"replayed by {models.cheap}"
        yield opened


class Live:
    """One line on a terminal's stderr that says what is under way; nothing elsewhere."""

    def __init__(self, color: str, opened: Run) -> None:
        self.opened = opened
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
            archive = self.opened.ledger.archive()
            best = (
                f"best {1 - archive.mean(archive.best):.0%}"
                if archive.best
                else "measuring the skill as it is"
            )
            text = f"trial {archive.number} · {best} · ${self.opened.dollars:.4f} · case {at + 1} · {what}"
            self.status.update(render.plain(text[: self.status.console.width - 4]))


def _versions(tasks: operators.Tasks) -> Iterator[dict[str, Any]]:
    """Yield the documented JSON shape of each version of each operator's task."""
    for operator, known in tasks.versions.items():
        for each in known:
            state = "in use" if each is tasks.in_use[operator] else ""
            state = "pinned" if tasks.pinned.get(operator) == each.id else state
            state = "on trial" if each is tasks.on_trial.get(operator) else state
            yield {**picked(each, "operator", "id", "text", "better", "tried"), "state": state}


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
