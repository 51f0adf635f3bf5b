"""`skillloop doctor` and `verify`: find problems, repair what can be repaired safely, and prove that the log is unaltered."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

from skillloop import config, fs
from skillloop.commands.options import (
    App,
    after_decision,
    emit,
    projects_folder,
    require_person,
    say,
    tell,
    verb,
)
from skillloop.config import confirmation
from skillloop.errors import SkillloopError
from skillloop.hosts.claude_code.hooks import session
from skillloop.model import sha256
from skillloop.render import tilde
from skillloop.skills import document, history
from skillloop.store import Corrupt, Store
from skillloop.text.words import counted
from skillloop.worker.notice import unlearnt

_REPAIR = "`skillloop doctor --rebuild`, or `skillloop import FILE --replace` of an export"


class Finding(NamedTuple):
    """One thing that was checked. `level` is ok, note (nothing to do), or bad."""

    level: str
    text: str
    todo: str = ""


@verb(
    click.option(
        "--rebuild",
        is_flag=True,
        help="Restore a damaged database from its newest sound copy; what was decided since is lost, the damaged file is kept.",
    )
)
def command(app: App, rebuild: bool, as_json: bool) -> int:
    """Check everything skillloop relies on: home, database, log, interrupted changes, inbox, skills, rules.

    Completes or undoes what a crash interrupted (it writes the history for that) and changes nothing else. Exits with
    1 if something is broken. --rebuild asks a person in a terminal, touches no skill, and lists what was lost.

    \b
    Examples:
      skillloop doctor
      skillloop doctor --rebuild
    """  # noqa: D301
    if rebuild:
        return _rebuild(app, as_json=as_json)
    findings = [*_home(app.home), *_guarded("rules", _rules, app), *_database(app), *_inbox(app.home)]
    bad = [finding for finding in findings if finding.level == "bad"]
    if as_json:
        emit({"findings": [finding._asdict() for finding in findings], "bad": len(bad)})
    else:
        out = app.console()
        marks = {"ok": "✓", "note": "·", "bad": "✗"}
        for level, text, todo in findings:
            hint = f"  → {todo}" if todo else ""
            out.say(tilde(f"{marks[level]} {text}{hint}"), "red" if level == "bad" else "")
    if bad:
        raise SkillloopError(f"{counted(len(bad), 'problem')} found", bad[0].todo)
    return 0


def _rebuild(app: App, *, as_json: bool) -> int:
    try:
        with app.store() as store:
            damage = next(iter(store.verify()), "")
    except Corrupt as error:
        damage = error.message
    if not damage:
        click.echo("nothing is damaged, so nothing was rebuilt", err=True)
        return 0
    say(damage, err=True)
    require_person(app, "rebuild", sha256(f"{app.home}\0{damage}"), dialog=False)
    with fs.locked(app.home / "worker.lock"), fs.locked(app.home / "history.lock"):
        done = Store.rebuild(app.home)
    with app.store() as store:
        history.record_leftovers(store)
    after_decision(app)
    source = done.copy or "nothing but the damaged file, as there is no sound copy"
    tell(
        {"rows": done.rows, "lost": done.lost, "kept": done.kept and str(done.kept)},
        f"rebuilt {app.home / 'skillloop.db'} from {source}; it has {sum(done.rows.values())} rows",
        *([f"lost: {each}" for each in done.lost] or ["nothing is known to be lost"]),
        f"the damaged file is kept: {done.kept}",
        as_json=as_json,
    )
    return 0


def _database(app: App) -> Iterator[Finding]:
    """Check what the store holds; one check that breaks is a finding, and the others go on."""
    try:
        with app.store() as store:
            for check in (_log, _publishes, _skills, _queue):
                yield from _guarded(check.__name__.strip("_"), check, store)
    except SkillloopError as error:
        yield Finding("bad", error.message, _REPAIR if isinstance(error, Corrupt) else error.hint)


def _guarded(name: str, check: Callable[..., Iterator[Finding]], *about: object) -> Iterator[Finding]:
    try:
        yield from check(*about)
    except SkillloopError as error:
        yield Finding("bad", f"{name}: {error.message}", error.hint)


def _home(home: Path) -> Iterator[Finding]:
    if not home.exists():
        yield Finding("note", f"{home} does not exist yet; it will be created now")
    elif (mode := stat.S_IMODE(home.stat().st_mode)) & 0o077:
        yield Finding("bad", f"others can read {home} (mode {mode:o})", f"chmod 700 {home}")
    else:
        yield Finding("ok", f"home {home}, readable by you alone")


def _rules(app: App) -> Iterator[Finding]:
    rules = config.load(app.home, Path.cwd(), None)
    yield Finding("ok", f"rules: apply.mode is {rules.apply.mode!r}")


def _log(store: Store) -> Iterator[Finding]:
    problems = store.verify()
    yield from (Finding("bad", problem, _REPAIR) for problem in problems)
    if not problems:
        yield Finding("ok", f"database and log: {store.entries()} entries, all unaltered")


def _publishes(store: Store) -> Iterator[Finding]:
    recovered = history.recover(store)
    for change in recovered:
        yield Finding("note", f"{change.skill}: an interrupted change was resolved: {change.state}")
    if not recovered:
        yield Finding("ok", "no change was interrupted")


def _skills(store: Store) -> Iterator[Finding]:
    for path in store.skills():
        yield from _guarded("skills", _skill, store, path)


def _skill(store: Store, path: Path) -> Iterator[Finding]:
    before = history.versions(store, path)[-1]
    version = history.record_external_edit(store, path)
    if version is None:
        todo = f"skillloop log {shlex.quote(str(path))}"
        yield Finding("note", f"{path} was deleted; its versions are kept", todo)
        return
    if version.number != before.number:
        yield Finding("note", f"{path}: {version.told}; recorded as version {version.number}")
    with fs.open_skill(path) as skill:
        document.parse(document.decode(skill.read(), path), path)
    yield Finding("ok", f"{path}: version {version.number}")


def _queue(store: Store) -> Iterator[Finding]:
    waiting = len(store.proposals(states=("queued",)))
    yield Finding("ok", f"queue: {waiting} waiting" + (", see `skillloop review`" if waiting else ""))
    for item in unlearnt(store):
        todo = "put that right, or decide in `skillloop review`"
        todo = f"change the rule, or `skillloop reject {item.id}`" if item.blocked else todo
        yield Finding("note", f"not learned, {item.where}: “{item.text}”: {item.reason}", todo)


def _inbox(home: Path) -> Iterator[Finding]:
    waiting = session.waiting(str(home))
    yield Finding("ok", f"inbox: {counted(waiting, 'session')} for the worker")
    for path in sorted((home / "inbox" / "failed").glob("*.json")):
        todo = f"see {path}, then `skillloop digest {path.stem}`"
        yield Finding("bad", f"session {path.stem} could not be digested", todo)
    if not projects_folder().is_dir():
        yield Finding("note", f"no transcripts at {projects_folder()}")


@verb()
def verify(app: App, as_json: bool) -> int:
    """Verify the log's chain of hashes and every stored version. Writes nothing; exits with 1 if something is wrong.

    Also lists the rule files that changed since you confirmed them; that is fine if it was you.

    \b
    Example:
      skillloop verify
    """  # noqa: D301
    with app.store() as store:
        problems = store.verify()
        entries = store.entries()
        rules = confirmation.unconfirmed(store, app.home)
    sound = [] if problems else [f"{entries} entries, all unaltered"]
    tell(
        {"entries": entries, "problems": problems, "rules": rules}, *rules, *problems, *sound, as_json=as_json
    )
    if problems:
        what = counted(len(problems), "problem")
        raise SkillloopError(f"the log has {what}", "`skillloop doctor` shows what can be repaired")
    return 0
