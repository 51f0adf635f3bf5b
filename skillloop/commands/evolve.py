"""`skillloop evolve`: improve one skill against its own cases; the winner waits for the person like any other edit."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import click

from skillloop import fs, llm, render
from skillloop.commands import options
from skillloop.commands.options import App, flag, known_skill, option, picked, verb
from skillloop.errors import SkillloopError, UsageError
from skillloop.evaluate import judge, replay
from skillloop.evolve import operators, problem, run, texts
from skillloop.llm import BudgetExceeded, ModelClient, ModelError
from skillloop.search.cluster import Cluster
from skillloop.search.ledger import Ledger, Row
from skillloop.store import Store
from skillloop.worker.notice import leave_notice

SHOWN = "event number candidate parent operator what outcome reason loss mean runs bytes".split()
BY_TEXT = "judged by their text alone"
NO_MODEL = (
    "no model follows the skill here, so a case passes where the text still says what it asks for: "
    "only what is shorter and loses nothing can win"
)


@verb(
    options.some_skill,
    options.budget_option,
    options.executor_option,
    option("--trials", type=click.IntRange(min=1), default=20),
    flag("--operators listed"),
    option("--pin", metavar="OPERATOR=ID"),
    option("--seed", type=int, default=1),
)
def command(app: App, skill: str | None, listed: bool, pin: str | None, trials: int, **given: Any) -> None:
    """Try changed texts of one skill on its cases; the best one beyond noise waits for you as an edit."""
    if listed or pin is not None:
        if pin is not None:
            operators.Tasks(app.home).pin(pin)
        tasks = operators.Tasks(app.home)
        for each in itertools.chain(*tasks.versions.values()):
            state = "in use" if each is tasks.in_use[each.operator] else ""
            state = "pinned" if tasks.pinned.get(each.operator) == each.id else state
            state = "on trial" if each is tasks.on_trial.get(each.operator) else state
            head = f"{each.operator}={each.id}  {each.better} of {each.tried} better  {state}"
            shape = {**picked(each, "operator", "id", "text", "better", "tried"), "state": state}
            app.tell(shape, head, f"  {each.text}")
        return
    if skill is None:
        raise UsageError("which skill?", "`skillloop status` names those with something waiting")
    with app.store() as store, ExitStack() as stack:
        about = run.subject(str(known_skill(store, skill)), app.home, store)
        for trouble in about.troubles:
            app.say(trouble, err=True)
        opened = stack.enter_context(_opened(app, store, about, **given))
        out, status = stack.enter_context(render.live(app.color))
        if status:
            opened.evolution.told = lambda what, done: status(f"{opened.standing} · {done} cases · {what}")
        try:
            for row in opened.search(trials, given["seed"]):
                passes = "   –" if row["mean"] is None else f"{1 - row['mean']:4.0%}"
                told = "{number:4} {outcome:8}{passes}  {operator}: {what}  · {reason}"
                line = told.format(**row, passes=passes)
                app.emit({key: row[key] for key in SHOWN}) if app.as_json else out.say(line)
            end = opened.end()
        except (KeyboardInterrupt, BudgetExceeded, ModelError):
            stack.pop_all().close()
            app.say("stopped: every trial so far is kept, and the same command goes on from there", err=True)
            raise
        end |= {"dollars": opened.dollars, "ledger": str(opened.ledger.path)}
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
    """A run that is open."""

    guard: run.Guard
    evolution: problem.Evolution
    account: str  # under which its calls are charged, over all stops
    how: str = BY_TEXT  # cases are judged
    client: ModelClient | None = None
    tasks: operators.Tasks | None = None

    @property
    def ledger(self) -> Ledger:
        """All that happened in it."""
        return self.evolution.ledger

    @property
    def dollars(self) -> float:
        """What it has cost so far."""
        return self.guard.store.calls.spend("session", self.account).dollars

    @property
    def standing(self) -> str:
        """How far it is, in a few words."""
        archive = self.ledger.archive()
        best = "measuring the skill as it is"
        best = f"best {1 - archive.mean(archive.best):.0%}" if archive.best else best
        return f"trial {archive.number} · {best} · ${self.dollars:.4f}"

    def search(self, trials: int, seed: int) -> Iterator[Row]:
        """Yield each trial. Raises SkillloopError: the skill as it is could not be measured."""
        yield from problem.search(self.evolution, trials, seed, (BudgetExceeded, ModelError)).run()
        if self.ledger.archive().best is None:
            why = self.ledger.trials[-1]["reason"]
            raise SkillloopError(f"the skill as it is could not be measured: {why}")

    def end(self) -> dict[str, Any]:
        """Return what became of the best text, and count what each operator did."""
        name = self.ledger.path.parent.name
        end = run.conclude(self.guard, self.evolution, name, self.how)
        if self.client and self.tasks:
            self.tasks.count(name, self.ledger.trials, self.ledger.archive())
            self.tasks.renew(self.client, self.guard.about.config.model.careful)
        return end


@contextmanager
def _opened(
    app: App, store: Store, about: run.Subject, *, budget: float | None, executor: str, seed: int
) -> Iterator[Run]:
    """Open the run of a skill, alone, with a model or with none; `budget` holds over all its starts."""
    chosen, why = llm.choose(about.config)
    place = run.folder(app.home, about, f"{chosen}, seed {seed}")
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with fs.locked(place / "lock", wait=0), ExitStack() as stack:
        guard, ledger = run.Guard(about, app.home, store), Ledger(place / "ledger.jsonl", problem.METRIC)
        propose = run.offline(guard, tuple(texts.OFFLINE))
        evolution = problem.Evolution(about.text, about.cases, run.says, propose, guard.refuse, ledger)
        opened = Run(guard, evolution, f"evolve:{place.name}")
        rules, models = llm.limited(about.config, budget), about.config.model
        opened.client = llm.connect(rules, store, opened.account)
        if opened.client is None:
            if executor == "ray":
                raise UsageError(f"{why}: there is nothing to run on a cluster")
            app.say(f"{why}: {NO_MODEL}", err=True)
        else:
            heard, _ = judge.status(store, models.careful)
            evolution.play = replay.player(opened.client, models, with_judge=heard)
            opened.tasks = operators.Tasks(app.home)
            opened.tasks.fix(ledger)
            evolution.propose = operators.by_model(opened.client, models, guard, opened.tasks)
            opened.how = f"replayed by {models.cheap}"
        if executor == "ray":
            cluster = Cluster(run.Player.play, run.Player(app.home, rules, opened.account, heard), gpus=False)
            pool = stack.enter_context(ThreadPoolExecutor(cluster.slots))
            stack.callback(cluster.close)
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)  # first: nothing more is begun
            evolution.each = pool.map
            evolution.play = lambda *play: cluster.submit(*play).result()
        yield opened
