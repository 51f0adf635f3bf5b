"""`skillloop doctor`: find what is broken and settle what can be settled."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

from skillloop import config, fs, render
from skillloop.commands.options import App, emit, json_option, person, projects_folder, refresh_notice
from skillloop.errors import SkillloopError
from skillloop.hosts.claude_code.hooks import session
from skillloop.model import sha256
from skillloop.skills import document, history
from skillloop.store import Corrupt, Store

_REPAIR = "`skillloop doctor --rebuild`, or `skillloop import FILE --replace` of an export"


class Finding(NamedTuple):
    """One thing looked at. `level` is ok, note (nothing to do), or bad."""

    level: str
    text: str
    todo: str = ""


@click.command()
@click.option(
    "--rebuild",
    is_flag=True,
    help="Restore a damaged database from its newest sound copy and what proves itself since; the damaged file is kept.",
)
@json_option
@click.pass_obj
def command(app: App, rebuild: bool, as_json: bool) -> int:
    """Look at everything skillloop rests on: home, database, log, interrupted publishes, inbox, skills, rules.

    Settles what a crash left half done (it writes the history for that) and changes nothing else. Exits with 1 if
    something is broken. --rebuild asks a person in a terminal, touches no skill, and says what was lost.

    \b
    Examples:
      skillloop doctor
      skillloop doctor --rebuild
    """  # noqa: D301
    if rebuild:
        return _rebuild(app, as_json=as_json)
    findings = list(_examine(app))
    bad = [finding for finding in findings if finding.level == "bad"]
    if as_json:
        emit({"findings": [finding._asdict() for finding in findings], "bad": len(bad)})
    else:
        out = app.console()
        marks = {"ok": ("✓", "green"), "note": ("·", "yellow"), "bad": ("✗", "red")}
        for finding in findings:
            mark, style = marks[finding.level]
            todo = f"  → {finding.todo}" if finding.todo else ""
            out.print(render.plain(f"{mark} {finding.text}{todo}", style if finding.level == "bad" else ""))
    if bad:
        raise SkillloopError(f"{len(bad)} of {len(findings)} things are broken", bad[0].todo)
    return 0


def _rebuild(app: App, *, as_json: bool) -> int:

    damage = _damage(app)
    if not damage:
        click.echo("nothing is damaged, so nothing was rebuilt", err=True)
        return 0
    click.echo(damage, err=True)
    person(app, "rebuild", sha256(f"{app.home}\0{damage}"), dialog=False)
    with fs.locked(app.home / "worker.lock"), fs.locked(app.home / "history.lock"):
        done = Store.rebuild(app.home)
    with app.store() as store:
        history.record_leftovers(store)
    refresh_notice(app)
    if as_json:
        emit({"rows": done.rows, "lost": done.lost, "kept": None if done.kept is None else str(done.kept)})
        return 0
    source = (
        f"the copy {done.copy}" if done.copy else "nothing but the damaged file, as there is no sound copy"
    )
    click.echo(f"rebuilt {app.home / 'skillloop.db'} from {source}; it has {sum(done.rows.values())} rows")
    click.echo("\n".join(f"lost: {each}" for each in done.lost) or "nothing is known to be lost")
    click.echo(f"the damaged file is kept: {done.kept}")
    return 0


def _damage(app: App) -> str:
    """What is wrong with the database or its log, in a sentence; "" where nothing is."""
    try:
        with app.store() as store:
            return next(iter(store.verify()), "")
    except Corrupt as error:
        return error.message


def _examine(app: App) -> Iterator[Finding]:

    yield from _home(app.home)
    yield from _guarded("rules", lambda: _rules(app))
    try:
        with app.store() as store:
            for name, look in (
                ("log", _log),
                ("publishes", _publishes),
                ("skills", _skills),
                ("queue", _queue),
            ):
                yield from _guarded(name, lambda look=look: look(store))  # type: ignore[misc]
    except SkillloopError as error:
        yield Finding("bad", error.message, _REPAIR if isinstance(error, Corrupt) else error.hint)
    yield from _inbox(app.home)


def _guarded(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """One look that breaks is a finding, and the others go on."""
    try:
        yield from look()
    except SkillloopError as error:
        yield Finding("bad", f"{name}: {error.message}", error.hint)


def _home(home: Path) -> Iterator[Finding]:
    if not home.exists():
        yield Finding("note", f"{home} is not there yet; it is made now")
        return
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        yield Finding("bad", f"{home} can be read by others (mode {mode:o})", f"chmod 700 {home}")
    else:
        yield Finding("ok", f"home {home}, for you alone")


def _rules(app: App) -> Iterator[Finding]:

    rules = config.load(app.home, Path.cwd(), None)
    yield Finding("ok", f"rules: apply.mode is {rules.apply.mode!r}")


def _log(store: Store) -> Iterator[Finding]:
    problems = store.verify()
    yield from (Finding("bad", problem, _REPAIR) for problem in problems)
    if not problems:
        yield Finding("ok", f"database and log: {store.entries()} entries, all as they were written")


def _publishes(store: Store) -> Iterator[Finding]:

    settled = history.recover(store)
    for item in settled:
        yield Finding("note", f"{item.skill}: an interrupted change was settled: {item.state}")
    if not settled:
        yield Finding("ok", "no change was interrupted")


def _skills(store: Store) -> Iterator[Finding]:

    for name in store.skills():
        path = Path(name)
        if not path.exists():
            yield Finding("note", f"{path} was deleted; its versions are kept", f"skillloop log {path}")
            continue
        before = history.versions(store, path)[-1]
        version = history.record_external_edit(store, path)
        if version is not None and version.number != before.number:
            yield Finding("note", f"{path} was edited by hand; recorded as version {version.number}")
        with fs.open_skill(path) as skill:
            document.parse(document.decode(skill.read(), path), path)
        yield Finding("ok", f"{path}: version {(version or before).number}")


def _queue(store: Store) -> Iterator[Finding]:
    waiting = len(store.proposals(states=("queued",)))
    yield Finding("ok", f"queue: {waiting} waiting" + (", see `skillloop review`" if waiting else ""))


def _inbox(home: Path) -> Iterator[Finding]:

    waiting = session.waiting(str(home))
    failed = sorted((home / "inbox" / "failed").glob("*.json"))
    yield Finding("ok", f"inbox: {waiting} sessions wait for the worker")
    for path in failed:
        yield Finding(
            "bad",
            f"session {path.stem} could not be digested",
            f"see {path}, then `skillloop digest {path.stem}`",
        )
    if not projects_folder().is_dir():
        yield Finding("note", f"no transcripts at {projects_folder()}")
