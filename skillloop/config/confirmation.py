"""Whether the rules in force are still those that the person last confirmed.

Rules are files that an editor can change at any time, and so can a tool call of an assistant. Who did cannot be told, so
each file's hash is kept in the audit log and its text in the home. A change that only tightens counts at once. One
that loosens anything is logged, and stops automatic edits until the person confirms it (`skillloop constraints
--confirm`). A file is taken as it is when it is first seen; so is that the person has none.

Invariants: nothing here writes a constraint file; a change is logged once; only a person's yes ends a doubt.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from skillloop import fs
from skillloop.config import ConfigError, Source, files, load, loosened, parse, read, read_bytes
from skillloop.model import sha256
from skillloop.store import Store

UNCONFIRMED = "not confirmed"
EVENT = "rules"  # in the audit log, with path, sha256 ("" where there is no file) and state
_ACCEPTED = frozenset({"first seen", "tightened", "confirmed"})


class RulesChange(NamedTuple):
    """A constraint file that is not what was last confirmed."""

    path: Path
    sha: str  # of its text now, "" where it is gone
    loosens: tuple[str, ...]  # keys such as "apply.mode"; none where it only tightens

    def __str__(self) -> str:
        what = f"loosens {', '.join(self.loosens)}" if self.loosens else "loosens no setting"
        return f"{self.path} {'changed' if self.sha else 'is gone'}, which {what}"


def changes(
    store: Store, home: Path, project: Path | None = None, skill_dir: Path | None = None
) -> list[RulesChange]:
    """Return the files in force that are not what was last confirmed; one that was never seen is no change. Raises ConfigError."""
    known = _confirmed(store)
    now = {path: _sha(path) for path in files(home, project, skill_dir)}
    changed = [path for path, sha in now.items() if known.get(str(path), sha) != sha]
    if not changed:
        return []

    def before(path: Path) -> Source | None:
        if path not in changed:
            return read(path)
        if not (sha := known[str(path)]):
            return None
        data = (home / "rules" / sha).read_bytes()
        if sha256(data) != sha:
            raise fs.Missing(f"the confirmed text of {path} is not kept any more")
        return parse(path, data)

    new = load(home, project, skill_dir)
    try:
        loosens = loosened(load(home, project, skill_dir, before), new)
    except (OSError, fs.Missing, ConfigError):
        loosens = ["what can no longer be told"]
    return [RulesChange(path, now[path], tuple(loosens)) for path in changed]


def unchanged(store: Store, since: int, home: Path, project: Path | None, skill_dir: Path | None) -> bool:
    """Return whether the files in force are those that were accepted before this entry of the log."""
    known = {entry.detail["path"]: entry for entry in reversed(store.audit.entries(EVENT))}

    def accepted(path: Path) -> bool:
        entry = known.get(str(path))
        if entry is None:
            return not path.exists()
        return (
            entry.seq < since
            and entry.detail == entry.detail | {"sha256": _sha(path)}
            and entry.detail["state"] in _ACCEPTED
        )

    return all(map(accepted, files(home, project, skill_dir)))


def all_changes(store: Store, home: Path) -> list[RulesChange]:
    """Return the same for each file that was ever seen, whatever skill or project it is for, if that is still there."""
    found = (change for folders in _changed(store, home) for change in changes(store, home, *folders))
    return list({change.path: change for change in found}.values())


def _changed(store: Store, home: Path) -> Iterator[tuple[Path | None, Path | None]]:
    for path in [Path(path) for path, sha in _confirmed(store).items() if _sha(Path(path)) != sha]:
        project, folder = _folders(home, path)
        if (project or path.parent).exists():
            yield project, folder


def unreadable(store: Store, home: Path) -> list[ConfigError]:
    """Return why rules cannot be read: of the person, of the project here, or of any folder where there were some."""
    found: dict[str, ConfigError] = {}
    project = Path(os.environ.get("SKILLLOOP_PROJECT", ""))
    with suppress(OSError):  # the folder that we are in is gone
        project = Path.cwd() / project
    for folders in ((project, None), *(_folders(home, Path(path)) for path in _confirmed(store))):
        try:
            load(home, *folders)
        except ConfigError as error:
            found.setdefault(error.message, error)
    return list(found.values())


def _folders(home: Path, path: Path) -> tuple[Path | None, Path | None]:
    """Return the project or the skill's folder that a constraint file is for."""
    project = path.parents[1] if path.parent.name == ".claude" else None
    return project, path.parent if path != home / "config.toml" and project is None else None


def unconfirmed(store: Store, home: Path) -> list[str]:
    """Return each change that loosens a rule and nobody confirmed, in a sentence, for whoever asks how things stand."""
    told: dict[str, None] = {}
    for folders in _changed(store, home):
        try:
            loose = [change for change in changes(store, home, *folders) if change.loosens]
            told |= {f"{UNCONFIRMED}: {each} (`skillloop constraints --confirm`)": None for each in loose}
        except ConfigError as error:
            told[error.told] = None
    return list(told)


def record_changes(
    store: Store, home: Path, project: Path | None = None, skill_dir: Path | None = None
) -> None:
    """Log what is new about the files in force: first seen, tightened, loosened. Each is logged once, as soon as it can be read."""
    try:
        load(home, project, skill_dir)
    except ConfigError:
        return
    known = _confirmed(store)
    for path in files(home, project, skill_dir):
        if str(path) not in known and (path.name == "config.toml" or path.exists()):
            _log(store, home, path, _sha(path), "first seen")
    told = {entry.detail["path"]: entry.detail["sha256"] for entry in reversed(store.audit.entries(EVENT))}
    for change in changes(store, home, project, skill_dir):
        if not change.loosens:
            _log(store, home, change.path, change.sha, "tightened")
        elif told[str(change.path)] != change.sha:
            _log(store, home, change.path, change.sha, "loosened", keys=change.loosens)


def confirm(store: Store, home: Path, seen: Iterable[RulesChange], by: str) -> None:
    """Take these files as the person's rules. Call it only for a person who said yes to exactly these changes."""
    for change in seen:
        _log(store, home, change.path, change.sha, "confirmed", by=by)


def last(store: Store, home: Path) -> str:
    """Return when the person last confirmed their own file, ISO 8601 in UTC; "" if they never had to."""
    own = {"path": str(home / "config.toml"), "state": "confirmed"}
    return next((x.at for x in store.audit.entries(EVENT) if x.detail == x.detail | own), "")


def confirmed_text(store: Store, home: Path, path: Path) -> str:
    """Return what was last confirmed of a file, "" where there was none or it is not kept."""
    sha = _confirmed(store).get(str(path), "")
    try:
        return (home / "rules" / sha).read_text("utf-8", "replace") if sha else ""
    except OSError:
        return ""


def _confirmed(store: Store) -> dict[str, str]:
    """Return the hash of each file as it was last confirmed, by path."""
    entries = reversed(store.audit.entries(EVENT))
    return {e.detail["path"]: e.detail["sha256"] for e in entries if e.detail["state"] in _ACCEPTED}


def _sha(path: Path) -> str:
    data = read_bytes(path)
    return "" if data is None else sha256(data)


def _log(store: Store, home: Path, path: Path, sha: str, state: str, **detail: Any) -> None:
    """Keep the file's text, then log the hash: the log never speaks of a text that is not there."""
    if sha:
        folder = home / "rules"
        folder.mkdir(mode=0o700, exist_ok=True)
        data = read_bytes(path)
        if data is None or sha256(data) != sha:
            return  # it changed while we looked; the next look will see it
        fs.write_atomic(folder / sha, data)
    store.record(EVENT, path=str(path), sha256=sha, state=state, **detail)
