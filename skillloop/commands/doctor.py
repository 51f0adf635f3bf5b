"""What looks after skillloop's home: `doctor` and `verify`, `export` and `import`, `uninstall`.

Invariant: `uninstall` removes only what is named in `MADE`, and only from the home. The person's own rules, exports that
they put there and every SKILL.md stay; a line that a skill learned belongs to the skill.
"""

import re
import shlex
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import click

from skillloop import config, fs
from skillloop.commands.options import App, flag, known_skill, option, token_option, verb
from skillloop.config import confirmation
from skillloop.errors import SkillloopError, UsageError
from skillloop.hosts.claude_code.hooks import session
from skillloop.model import sha256
from skillloop.render import tilde
from skillloop.skillpath import projects_folder
from skillloop.skills import document, history
from skillloop.store import Corrupt, Store, backup
from skillloop.text.words import counted
from skillloop.worker.notice import unlearnt

_REPAIR = "`skillloop doctor --rebuild`, or `skillloop import FILE --replace` of an export"

MADE = re.compile(
    r"inbox|log|env|backups|bin|receipts|remembered|rules|tokens|evolve"  # folders
    r"|skillloop\.db(?:\.(?:replaced|damaged)-\d+)?(?:-journal)?"
    r"|key|head|receipts\.key|seen\.json|notice\.json(?:\.new)?|noticed(?:\.new)?|report\.html"
    r"|(?:history|worker)\.lock"
    r"|\.(?:key|head|seen\.json|notice\.json|report\.html|skillloop\.db\.new)\.\d+\.tmp"  # what a crash left half written
    r"|\.skillloop\.db\.new(?:-journal)?|\.look-\w+"
)
"""Names in the home that skillloop creates. A test fails when a verb creates one that is not here."""


class Finding(NamedTuple):
    """One thing that was checked. `level` is ok, note (nothing to do), or bad."""

    level: str
    text: str
    todo: str = ""


@verb(flag("--rebuild"))
def command(app: App, rebuild: bool) -> None:
    """Check everything skillloop relies on: folder, database, log, interrupted changes, inbox, skills, settings."""
    if rebuild:
        _rebuild(app)
        return
    findings = [*_home(app.home), *_guarded(_settings, app), *_database(app), *_inbox(app.home)]
    bad = [finding for finding in findings if finding.level == "bad"]
    if app.as_json:
        app.emit({"findings": [finding._asdict() for finding in findings], "bad": len(bad)})
    else:
        out = app.console()
        marks = {"ok": "✓", "note": "·", "bad": "✗"}
        for level, text, todo in findings:
            hint = f"  → {todo}" if todo else ""
            out.say(tilde(f"{marks[level]} {text}{hint}"), "red" if level == "bad" else "")
    if bad:
        raise SkillloopError(f"{counted(len(bad), 'problem')} found", bad[0].todo)


def _rebuild(app: App) -> None:
    try:
        with app.store() as store:
            damage = next(iter(store.verify()), "")
    except Corrupt as error:
        damage = error.message
    if not damage:
        click.echo("nothing is damaged, so nothing was rebuilt", err=True)
        return
    app.say(damage, err=True)
    app.require_person("rebuild", sha256(f"{app.home}\0{damage}"), dialog=False)
    with fs.locked(app.home / "worker.lock"), fs.locked(app.home / "history.lock"):
        done = backup.rebuild(app.home)
    with app.store() as store:
        history.record_leftovers(store)
    app.after_decision()
    source = done.copy or "nothing but the damaged file, as there is no sound copy"
    app.tell(
        {"rows": done.rows, "lost": done.lost, "kept": done.kept and str(done.kept)},
        f"rebuilt {app.home / 'skillloop.db'} from {source}; it has {sum(done.rows.values())} rows",
        *([f"lost: {each}" for each in done.lost] or ["nothing is known to be lost"]),
        f"the damaged file is kept: {done.kept}",
    )


def _database(app: App) -> Iterator[Finding]:
    """Check what the store holds; one check that breaks is a finding, and the others go on."""
    try:
        with app.store() as store:
            for check in (_log, _publishes, _queue):
                yield from _guarded(check, store)
            for path in store.skills():
                yield from _guarded(_skills, store, path)
    except SkillloopError as error:
        yield Finding("bad", error.message, _REPAIR if isinstance(error, Corrupt) else error.hint)


def _guarded(check: Callable[..., Iterator[Finding]], *about: object) -> Iterator[Finding]:
    try:
        yield from check(*about)
    except SkillloopError as error:
        yield Finding("bad", f"{check.__name__.strip('_')}: {error.message}", error.hint)


def _home(home: Path) -> Iterator[Finding]:
    if not home.exists():
        yield Finding("note", f"{home} does not exist yet; it will be created now")
    elif (mode := stat.S_IMODE(home.stat().st_mode)) & 0o077:
        yield Finding("bad", f"others can read {home} (mode {mode:o})", f"chmod 700 {home}")
    else:
        yield Finding("ok", f"folder {home}, readable by you alone")


def _settings(app: App) -> Iterator[Finding]:
    yield Finding("ok", f"settings: apply.mode is {config.load(app.home, Path.cwd()).apply.mode!r}")


def _log(store: Store) -> Iterator[Finding]:
    problems = store.verify()
    yield from (Finding("bad", problem, _REPAIR) for problem in problems)
    if not problems:
        yield Finding("ok", f"database and log: {len(store.audit)} entries, all unaltered")


def _publishes(store: Store) -> Iterator[Finding]:
    recovered = history.recover(store)
    for change in recovered:
        yield Finding("note", f"{change.skill}: an interrupted change was resolved: {change.state}")
    if not recovered:
        yield Finding("ok", "no change was interrupted")


def _skills(store: Store, path: Path) -> Iterator[Finding]:
    before = history.versions(store, path)[-1]
    version = history.record_external_edit(store, path)
    if version is None and before.sha == sha256(b""):  # a rules file that ended empty
        return
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
        todo = f"change the setting, or `skillloop reject {item.id}`" if item.blocked else todo
        yield Finding("note", f"not learned, {item.where}: “{item.text}”: {item.reason}", todo)


def _inbox(home: Path) -> Iterator[Finding]:
    waiting = session.waiting(str(home))
    yield Finding("ok", f"inbox: {counted(waiting, 'session')} for the worker")
    for path in sorted((home / "inbox" / "failed").glob("*.json")):
        todo = f"see {path}, then `skillloop digest {path.stem}`"
        yield Finding("bad", f"session {path.stem} could not be digested", todo)
    if not (projects := projects_folder()).is_dir():
        yield Finding("note", f"no transcripts at {projects}")


@verb(click.argument("run", required=False))
def verify(app: App, run: str | None) -> None:
    """Check that the log and every stored version are unaltered. Writes nothing to either; exits with 1 if something is wrong."""
    if run is not None:
        from skillloop.report import run as runs  # and jinja2, which the other checks have no use for

        found = runs.find(app.home, run)
        if found is None:
            raise UsageError(f"{run}: there is no run", "name its folder, or a run of `skillloop evolve`")
        what, hint, rules = str(found.root), "", list[str]()
        problems, entries = [*runs.problems(found)], len(found.ledger.rows)
        sound = f"{entries} rows: each decision and each number of {found.page} follows from them"
    else:
        what, hint = "the log", "`skillloop doctor` shows what can be repaired"
        with app.store() as store:
            problems, entries = store.verify(), len(store.audit)
            rules = confirmation.unconfirmed(store, app.home)
        sound = f"{entries} entries, all unaltered"
    shape = {"entries": entries, "problems": problems, "rules": rules}
    app.tell(shape, *rules, *(problems or [sound]))
    if problems:
        raise SkillloopError(f"{what} has {counted(len(problems), 'problem')}", hint)


@verb(click.argument("file", type=click.Path(path_type=Path)), option("--evals", metavar="SKILL"))
def export(app: App, file: Path, evals: str | None) -> None:
    """Write the whole history to one file: every version of every skill, the queue, the log, and what was found."""
    if not (app.home / "skillloop.db").exists():
        raise UsageError(f"there is no history in {app.home}", "choose the folder with --home")
    with app.store() as store:
        if evals is not None:
            from skillloop.evaluate import cases  # and the detector, which no other verb here needs

            kept = store.evaluations.cases(known_skill(store, evals), cases.Case)
            cases.write(kept, file)
            written = {"file": str(file.absolute()), "cases": len(kept)}
            app.tell(written, f"{file}: {counted(len(kept), 'case')}")
            return
        store.export(file.absolute())
        counts = contents(store)
    value = {"file": str(file.absolute()), "bytes": file.stat().st_size, **counts}
    app.tell(value, f"{file}: {in_words(counts)}")


def contents(store: Store) -> dict[str, int]:
    """Count what a store holds."""
    versions = [len(store.versions.of(str(skill))) for skill in store.skills()]
    rest = {"sessions": len(store.sessions()), "entries": len(store.audit)}
    return {"skills": len(versions), "versions": sum(versions), **rest}


def in_words(counts: dict[str, int]) -> str:
    """Return `contents` as a sentence."""
    return ", ".join(f"{count} {what}" for what, count in counts.items())


@verb(
    click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False)),
    flag("--replace"),
    name="import",
)
def import_(app: App, file: Path, replace: bool) -> None:
    """Load a history that `skillloop export` wrote."""
    old = ""
    if (app.home / "skillloop.db").exists():
        try:
            with app.store() as store:
                counts = contents(store)
            old = in_words(counts) if any(counts.values()) else ""
        except Corrupt as error:
            old = error.message
    if old and not replace:
        raise UsageError(f"{app.home} has a history: {old}", "pass --replace, or use another folder (--home)")
    if old:
        app.say(f"replaces {old}", err=True)
        digest = sha256(f"{app.home}\0{sha256(file.read_bytes())}\0{old}")
        app.require_person(f"import {file}", digest, dialog=False)
    app.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with fs.locked(app.home / "worker.lock"), fs.locked(app.home / "history.lock"):
        kept = backup.restore(app.home, file)
    with app.store() as store:
        counts = contents(store)
    app.after_decision()
    value = {"home": str(app.home), **counts, "kept": None if kept is None else str(kept)}
    beside = f"; the old history is kept in {kept}" if kept else ""
    app.tell(value, f"{app.home}: {in_words(counts)}{beside}")


@verb(flag("--purge"), token_option)
def uninstall(app: App, purge: bool, token: str | None) -> None:
    """List what skillloop created; with --purge, remove that and nothing else."""
    paths = sorted(app.home.iterdir()) if app.home.is_dir() else []
    made = {path: _size_of(path) for path in paths if MADE.fullmatch(path.name)}
    kept = [path for path in paths if path not in made]
    sizes = [{"path": str(path), "files": files, "bytes": size} for path, (files, size) in made.items()]
    if not app.as_json:
        app.say("created by skillloop:" if made else f"skillloop created nothing in {tilde(app.home)}")
        for path, (files, size) in made.items():
            app.say(f"  {tilde(path)}  ({counted(files, 'file')}, {size:,} bytes)")
        for path in kept:
            app.say(f"kept, because it is yours: {tilde(path)}")
        app.say(
            "every SKILL.md and rules file stays as it is; remove the plugin first, or it makes its folder again: "
            "`claude plugin uninstall skillloop@skillloop`"
        )
        if made and not purge:
            app.say("nothing was removed; `skillloop uninstall --purge` does")
    if purge and made:
        app.require_person("uninstall", sha256(str(app.home)), token)
        _remove(app, made)
    told = {"home": str(app.home), "made": sizes, "kept": list(map(str, kept)), "removed": purge}
    app.tell(told, *["removed"] * bool(purge and made))


def _size_of(path: Path) -> tuple[int, int]:
    """Return the number of files and of bytes in a file or folder."""
    inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    sizes = [each.lstat().st_size for each in inside if each.is_symlink() or not each.is_dir()]
    return len(sizes), sum(sizes)


def _remove(app: App, made: dict[Path, tuple[int, int]]) -> None:
    """Remove these, and an empty home, while nothing works in it. Raises Locked, SkillloopError: something stays."""
    home = app.home
    with fs.locked(home / "worker.lock", wait=5.0), fs.locked(home / "history.lock", wait=5.0):
        by = sorted(made, key=lambda path: path.name in {"bin", "env"})  # last what can run it again
        for path in [*by, home / "worker.lock", home / "history.lock"]:
            app.say(f"removing {tilde(path)}", err=True)
            try:
                while path.is_dir() and not path.is_symlink():
                    with suppress(FileNotFoundError):  # a part went meanwhile
                        shutil.rmtree(path)
                path.unlink(missing_ok=True)
            except OSError as error:
                raise SkillloopError(f"{path}: {error.strerror}", "remove it by hand") from error
    if not any(home.iterdir()):
        home.rmdir()
