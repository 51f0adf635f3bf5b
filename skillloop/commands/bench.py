"""`skillloop bench`: run an experiment, look at it, report it. Writes only below its own folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from skillloop import config, llm, render
from skillloop.bench import cluster, executor, llm_proposer, proposers, setup
from skillloop.bench.archive import Archive
from skillloop.bench.candidate import EDITABLE, Candidate, Folder, Plan
from skillloop.bench.executor import Executor
from skillloop.bench.experiment import Experiment, known_plan
from skillloop.bench.ledger import Row
from skillloop.bench.proposers import Proposer
from skillloop.bench.setup import Run
from skillloop.commands.options import App, emit, json_option
from skillloop.errors import Refused, UsageError
from skillloop.report import experiment
from skillloop.search import loop
from skillloop.store import Store

folder_option = click.option(
    "--dir",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("bench-run"),
    show_default=True,
    help="The run's folder: ledger, candidates, logs, report.",
)


@click.group(name="bench")
def command() -> None:
    """Improve a train.py by experiment: propose, train, measure, keep or discard.

    \b
    Example: skillloop bench run --corpus stdlib --trials 10
    Writes only below --dir and --data. Needs torch, safetensors, tokenizers: pip install 'skillloop[bench]'.
    """  # noqa: D301


@command.command()
@folder_option
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="The data folder. [default: DIR-data]"
)
@click.option(
    "--corpus",
    default="stdlib",
    show_default=True,
    help="Where --data is made from if it is not there: stdlib, shakespeare, debian, climbmix, or a folder of text.",
)
@click.option(
    "--trials", type=int, default=10, show_default=True, help="Candidates to try, beside the baseline."
)
@click.option(
    "--seconds",
    type=float,
    help="Time of one training: wall clock on a GPU [300], processor time on a CPU [10].",
)
@click.option(
    "--proposer",
    type=click.Choice(["all", "ideas", "search", "claude", "anthropic"]),
    default="all",
    show_default=True,
    help="Known ideas, a search of the knobs, both in turn; or a model, within the budget of your config.toml.",
)
@click.option(
    "--early", type=float, help="Part of the time for a first stage. [default: 0.1 from 60 s on, else none]"
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Decides all seeds and draws of the run."
)
@click.option("--slots", type=int, help="Trainings at once. [default: one a GPU, else 1]")
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="This machine, or the Ray cluster that RAY_ADDRESS names (shared file system).",
)
@click.option(
    "--recipe",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="train.py and its fixed files.",
)
@click.option(
    "--python", help="The interpreter that has PyTorch. [default: $SKILLLOOP_PYTHON, else this one]"
)
@click.option("--sealed/--no-sealed", "ask_sealed", default=True, help="Ask the sealed split at the end.")
@json_option
@click.pass_obj
def run(app: App, /, as_json: bool, trials: int, proposer: str, ask_sealed: bool, **options: Any) -> None:
    """Run the loop; a run that was interrupted goes on.

    \b
    Example: skillloop bench run --corpus shakespeare --seconds 20 --trials 10
    Writes below --dir, and --data if it is not there; what a model costs goes to the home's ledger. Ends with DIR/report.html.
    """  # noqa: D301
    opened = _open(**options)
    where = _executor(opened, options["executor"], options["slots"])
    recipe = options["recipe"] or setup.recipe_folder()
    with ExitStack() as stack:
        if proposer in llm.BACKENDS:
            chosen = _asking(proposer, recipe, opened, app, stack.enter_context(app.store()))
        else:
            chosen = _proposer(proposer, recipe)
        _loop(app, opened, chosen, trials, where, as_json=as_json)
    _finish(app, opened, ask_sealed=ask_sealed, as_json=as_json)


@command.command(name="try")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("-m", "--message", required=True, help="What the edit does, in one line.")
@folder_option
@click.option("--slots", type=int, help="Trainings at once. [default: one a GPU, else 1]")
@json_option
@click.pass_obj
def attempt(app: App, path: Path, message: str, root: Path, slots: int | None, as_json: bool) -> None:
    """Judge one edit: PATH is an edited train.py, or a folder that holds one.

    It is measured until the noise decides; the exit code is 4 if it was not kept.

    \b
    Example: skillloop bench try train.py -m "GELU in place of ReLU squared"
    Writes below --dir, which `skillloop bench run` has started.
    """  # noqa: D301
    opened = _reopen(root)
    candidate = _edited(opened, path, message)
    _loop(app, opened, proposers.given([candidate]), None, _executor(opened, "local", slots), as_json=as_json)
    last = [row for row in opened.ledger.trials if row["candidate"] == candidate.id][-1]
    _report(opened)
    if last["outcome"] != "keep":
        raise Refused(f"{last['status']}: {last['reason']}")


@command.command()
@folder_option
@json_option
@click.pass_obj
def log(app: App, root: Path, as_json: bool) -> None:
    """Every trial, oldest first, the discarded ones included.

    \b
    Example: skillloop bench log --json
    Writes nothing.
    """  # noqa: D301
    for row in _reopen(root).ledger.rows:
        if as_json:
            emit(row)
        elif row["event"] == "trial":
            app.console().print(_line(row))


@command.command()
@folder_option
@click.pass_obj
def report(_app: App, root: Path) -> None:
    """Draw DIR/report.html anew: one file with the progress, the curves and the lineage.

    \b
    Example: skillloop bench report
    Writes DIR/report.html and nothing else.
    """  # noqa: D301
    click.echo(_report(_reopen(root)))


def _open(**options: Any) -> Run:
    """The run in a folder, with its data made where that is missing."""
    gpus = executor.visible_gpus()
    root, python = options["root"].resolve(), options["python"] or setup.default_python()
    data = (options["data"] or root.with_name(root.name + "-data")).resolve()
    recipe = options["recipe"] or setup.recipe_folder()
    corpus = options["corpus"]
    origin = (
        ["--recipe", corpus]
        if re.fullmatch("stdlib|shakespeare|debian|climbmix", corpus)
        else ["--corpus", corpus]
    )
    setup.prepare(data, recipe, python, [*origin, "--size", "large" if gpus else "small"])
    seconds = options["seconds"] or (300.0 if gpus else 10.0)
    early = options["early"] if options["early"] is not None else 0.1 if seconds >= 60 else 0.0
    return setup.start(
        root, recipe, Plan(seconds, options["seed"], str(data), python, "wall" if gpus else "cpu", early)
    )


def _reopen(root: Path) -> Run:
    """A run that was started before, under the plan it was started with."""
    folder = Folder(root.resolve())
    if not folder.plan.exists():
        raise UsageError(f"{root} holds no run", "start one with `skillloop bench run`")
    return setup.resume(folder, known_plan(json.loads(folder.plan.read_bytes())))


def _proposer(name: str, recipe: Path) -> Proposer:
    """One of those that need no model."""
    listed = recipe / "ideas.toml"
    if name == "search" or (name == "all" and not listed.exists()):
        return proposers.search
    known = proposers.ideas(listed)
    return known if name == "ideas" else proposers.first_of([known, proposers.search])


def _asking(backend: str, recipe: Path, opened: Run, app: App, store: Store) -> Proposer:
    """A model as the proposer. Naming it on the command line switches it on; the budget is that of the person's config."""
    rules = config.load(app.home)
    client = llm.connect(rules, store, f"bench:{opened.folder.root}", backend)
    if client is None:
        raise UsageError(f"no model can be asked: {llm.choose(rules, backend=backend)[1]}")
    program = recipe / "SKILL.md"
    text = program.read_text("utf-8") if program.exists() else ""
    return llm_proposer.model(
        client, rules.model.careful, text, lambda said: click.echo(f"skillloop: {said}", err=True)
    )


def _edited(opened: Run, path: Path, message: str) -> Candidate:
    """The candidate in a file or folder, made from the best so far."""
    best = Archive(opened.ledger.trials).best
    if path.is_file():
        files = {**opened.baseline.files, EDITABLE: path.read_text("utf-8")}
    else:
        files = {p.name: p.read_text("utf-8", "surrogateescape") for p in path.glob("*.py")}
    return Candidate(files, message, "agent", best)


def _loop(
    app: App,
    opened: Run,
    proposer: Proposer,
    trials: int | None,
    where: Callable[[Callable[[int, str], None]], Executor],
    *,
    as_json: bool,
) -> None:
    """Drive the loop until so many candidates are decided, showing each trial as it is settled."""
    with render.TrainingBars(opened.plan.seconds, app.color) as bars:
        runs = where(bars.line)
        problem = Experiment(
            opened.folder,
            opened.plan,
            opened.ledger,
            opened.repository,
            runs,
            proposer,
            opened.baseline,
            trials,
        )
        try:
            for _ in loop.run(problem, loop.Budget()):
                assert problem.last is not None
                bars.done(problem.last["number"])
                if as_json:
                    emit(problem.last)
                else:
                    bars.say(_line(problem.last))
        finally:
            runs.close()


def _executor(opened: Run, kind: str, slots: int | None) -> Callable[[Callable[[int, str], None]], Executor]:
    """What makes the executor, once it is known where a training's lines go."""
    if kind == "ray":
        return lambda _on_line: cluster.Cluster(opened.bench)
    return lambda on_line: executor.Local(opened.bench, on_line, slots)


def _finish(app: App, opened: Run, *, ask_sealed: bool, as_json: bool) -> None:
    """The sealed split where something was kept, the report, and a closing line."""
    archive, found = Archive(opened.ledger.trials), None
    if ask_sealed and archive.best != archive.baseline:
        try:
            found = setup.sealed(opened)
        except Refused as error:
            click.echo(f"skillloop: {error.message}", err=True)
    where = _report(opened)
    if as_json:
        emit({"event": "end", "sealed": found, "report": str(where)})
        return
    console = app.console()
    if found:
        console.print(_sealed_line(found))
    console.print(f"report: {where}")


def _report(opened: Run) -> Path:

    text = experiment.page(opened.folder, opened.plan, opened.ledger)
    opened.folder.report.write_text(text, "utf-8")
    return opened.folder.report


def _line(row: Row) -> str:
    """One trial on one line."""
    mean = f"{row['mean']:.5f}" if row["mean"] is not None else "   –   "
    return f"{row['number']:4} {row['status']:9}{mean}  {row['description']}  · {row['reason']}"


def _sealed_line(found: dict[str, Any]) -> str:
    def said(part: dict[str, Any]) -> str:
        return (
            f"{part['mean']:.5f} ± {part['sd'] or 0:.5f} ({part['runs']} runs)" if part["mean"] else "unknown"
        )

    reads = f"reading {found['reads']} of {found['allowed']}"
    return f"sealed split ({reads}): baseline {said(found['baseline'])}, best {said(found['best'])}"
