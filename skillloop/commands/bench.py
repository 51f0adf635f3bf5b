"""`skillloop bench`: run training experiments, look at them, report them. Writes only below its own folders."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from skillloop import config, llm, render
from skillloop.bench import experiment, kit, proposers, setup
from skillloop.bench.candidate import EDITABLE, Candidate, Folder, Plan
from skillloop.bench.measure import Bench, Executor, Local, visible_gpus
from skillloop.bench.proposers import Proposer
from skillloop.bench.setup import Run
from skillloop.commands.options import App, executor_option, option, verb
from skillloop.errors import Refused, UsageError
from skillloop.report import run as report_page
from skillloop.search.cluster import Cluster
from skillloop.search.ledger import Row

PROPOSERS = ("all", "ideas", "search", "claude", "anthropic")
CORPORA = ("stdlib", "shakespeare", "debian", "climbmix")
_folder = click.Path(path_type=Path, file_okay=False)
_existing = click.Path(path_type=Path, exists=True)
folder_option = option("--dir root", type=_folder, default="bench-run")
slots_option = option("--slots", type=int)
data_option = option("--data", type=_folder)
seed_option = option("--seed", type=int, default=1)
python_option = option("--python", envvar="SKILLLOOP_PYTHON", default=sys.executable, show_default=False)


@click.group(name="bench")
def command() -> None:
    """Improve a train.py by experiment: propose an edit, train, measure, keep or discard it."""


@verb(
    folder_option,
    data_option,
    option("--corpus", default="stdlib"),
    option("--trials", type=int, default=10),
    option("--seconds", type=float),
    option("--proposer", type=click.Choice(PROPOSERS), default="all"),
    seed_option,
    slots_option,
    executor_option,
    option("--recipe", type=_existing),
    python_option,
    option("--sealed/--no-sealed ask_sealed", default=True),
    group=command,
)
def run(app: App, trials: int, proposer: str, ask_sealed: bool, **options: Any) -> None:
    """Run experiments; an interrupted run continues where it stopped."""
    recipe = options["recipe"] or setup.recipe_folder()
    opened = _open(recipe, options)
    with ExitStack() as stack:
        if proposer in llm.BACKENDS:  # naming it switches it on, within the budget of the settings
            rules, store = config.load(app.home), stack.enter_context(app.store())
            client = llm.connect(rules, store, f"bench:{opened.folder.root}", proposer)
            if client is None:
                raise UsageError(f"no model can be asked: {llm.choose(rules, backend=proposer)[1]}")
            skill, careful = recipe / "SKILL.md", rules.model.careful
            program = skill.read_text("utf-8") if skill.exists() else ""
            chosen = proposers.model(
                client, careful, program, lambda why: app.say(f"skillloop: {why}", err=True)
            )
        elif proposer == "search" or (proposer == "all" and not (recipe / "ideas.toml").exists()):
            chosen = proposers.search
        else:
            chosen = proposers.ideas(recipe / "ideas.toml")
            chosen = chosen if proposer == "ideas" else proposers.first_of([chosen, proposers.search])
        if proposer in ("all", "search") and (changed := setup.note_optuna(opened)):
            app.say(f"skillloop: {changed}", err=True)
        _drive(app, opened, chosen, trials, options["slots"], ray=options["executor"] == "ray")
    archive, found = opened.ledger.archive(), None
    if ask_sealed and archive.best != archive.baseline:
        try:
            found = setup.read_sealed_test(opened)
        except Refused as error:
            app.say(f"skillloop: {error.message}", err=True)
    lines = [f"report: {_report(opened)}"]
    if found:
        mean = "{mean:.5f} ± {sd:.5f} ({runs} runs)"
        each = ((name, found[name] | {"sd": found[name]["sd"] or 0}) for name in ("baseline", "best"))
        parts = [f"{name} {mean.format(**part) if part['mean'] else 'unknown'}" for name, part in each]
        lines.insert(0, f"sealed split (reading {found['reads']} of {found['allowed']}): {', '.join(parts)}")
    app.tell({"event": "end", "sealed": found, "report": str(opened.folder.report)}, *lines)


@verb(
    click.argument("path", type=_existing),
    option("-m --message what", required=True),
    option("--why", default="", show_default=False),
    option("--insight", default="", show_default=False),
    folder_option,
    slots_option,
    name="try",
    group=command,
)
def attempt(app: App, path: Path, what: str, why: str, insight: str, root: Path, slots: int | None) -> None:
    """Judge one edited train.py. PATH is the file, or a folder that holds one."""
    opened = _reopen(root)
    if path.is_file():
        files = {**opened.baseline.files, EDITABLE: path.read_text("utf-8")}
    else:
        files = {p.name: p.read_text("utf-8", "surrogateescape") for p in path.glob("*.py")}
    candidate = Candidate(files, what, "agent", opened.ledger.archive().best, why, insight)
    _drive(app, opened, proposers.given([candidate]), None, slots)
    last = [row for row in opened.ledger.trials if row["candidate"] == candidate.id][-1]
    if last["outcome"] != "keep":
        raise Refused(f"{last['status']}: {last['reason']}")


@verb(
    option("--dir root", type=_folder, default="bench-kit"),
    data_option,
    option("--corpus", default="stdlib"),
    option("--minutes", type=float, default=10.0),
    option("--seconds", type=float),
    seed_option,
    python_option,
    option("--pack", type=click.Path(path_type=Path)),
    name="kit",
    group=command,
)
def measure(app: App, minutes: float, pack: Path | None, **options: Any) -> None:
    """Compare two recipes here, then run the loop."""
    deadline, recipe = time.monotonic() + 60 * minutes, setup.recipe_folder()
    options["seconds"] = options["seconds"] or kit.seconds(minutes)
    if pack is not None:
        data = _data(recipe, options, "large")
        app.say(f"{pack}: {kit.pack(data, pack) / 2**20:.1f} MiB")
        return
    opened = _open(recipe, options, early=0.0)
    with _trainings(app, opened, 1) as (executor, show):
        found = kit.measure(opened, recipe, executor, deadline, show)
    (opened.folder.root / "kit.json").write_text(json.dumps(found, indent=1), "utf-8")
    app.tell(
        {"event": "kit", **found},
        "{card}, torch {torch}, {seconds:g} s ({clock} time), {data}:".format(**found),
        kit.table(found),
        "then the loop: {candidates} candidates, {kept} kept, best: {best}, {bpb:.4f}".format(
            **found["loop"]
        ),
    )


@verb(folder_option, group=command)
def log(app: App, root: Path) -> None:
    """List every trial, oldest first, the discarded ones included."""
    for row in _reopen(root).ledger.rows:
        if app.as_json:
            app.emit(row)
        elif row["event"] == "trial":
            app.say(_line(row))


def _open(recipe: Path, options: dict[str, Any], early: float = 0.1) -> Run:
    """Open the run in a folder; its data is made where that is missing. `early` is a first stage's share of the time."""
    gpus = visible_gpus()
    data = _data(recipe, options, "large" if gpus else "small")
    seconds = options["seconds"] or (300.0 if gpus else 10.0)
    early = early if seconds >= 60 else 0.0
    plan = Plan(seconds, options["seed"], str(data), options["python"], "wall" if gpus else "cpu", early)
    return setup.start(options["root"].resolve(), recipe, plan)


def _data(recipe: Path, options: dict[str, Any], size: str) -> Path:
    root: Path = options["root"].resolve()
    data: Path = (options["data"] or root.with_name(root.name + "-data")).resolve()
    origin = ["--recipe" if options["corpus"] in CORPORA else "--corpus", options["corpus"]]
    setup.prepare(data, recipe, options["python"], [*origin, "--size", size])
    return data


def _reopen(root: Path) -> Run:
    """Open a run that was started before, under the plan it was started with."""
    folder = Folder(root.resolve())
    if not folder.plan.exists():
        raise UsageError(f"{root} holds no run", "start one with `skillloop bench run`")
    return setup.resume(folder, Plan(**json.loads(folder.plan.read_bytes())))


def _drive(
    app: App, opened: Run, proposer: Proposer, trials: int | None, slots: int | None, *, ray: bool = False
) -> None:
    """Run until so many candidates are decided, showing each trial when it is, also on the run's page."""
    with _trainings(app, opened, slots, ray=ray) as (executor, show):
        for row in experiment.run(opened, proposer, executor, trials):
            _report(opened, live=True)
            show(row)


@contextmanager
def _trainings(
    app: App, opened: Run, slots: int | None, *, ray: bool = False
) -> Iterator[tuple[Executor, Callable[[Row], None]]]:
    """Yield what trains, and what shows a trial that was decided; at the end nothing trains, and the page is drawn."""
    with render.live(app.color) as (out, status):

        def watched(number: int, line: str) -> None:
            if status and line.startswith("step:"):
                status(f"trial {number}  {line.strip()}")

        def show(row: Row) -> None:
            app.emit(row) if app.as_json else out.say(_line(row))

        cluster = Cluster(Bench.measure, opened.bench) if ray else None
        executor: Executor = cluster or Local(opened.bench, watched, slots)
        try:
            yield executor, show
        finally:
            executor.close()
            _report(opened)


def _report(opened: Run, *, live: bool = False) -> Path:
    text = report_page.page(report_page.Run(opened.folder.root, opened.ledger), live=live)
    opened.folder.report.write_text(text, "utf-8")
    return opened.folder.report


def _line(row: Row) -> str:
    mean = f"{row['mean']:.5f}" if row["mean"] is not None else "   –   "
    return f"{row['number']:4} {row['status']:9}{mean}  {row['description']}  · {row['reason']}"
