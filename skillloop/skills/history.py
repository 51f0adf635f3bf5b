"""The history of a SKILL.md: publish a change, roll back, take one change out, look at what was.

How bytes reach the disk is in `publish`; here is what the verbs mean. Invariants: versions are only appended; a
verb that changes nothing makes no version; a person's later edits survive every verb but `rollback(exact=True)`, and
even there their bytes are in the store first; a deleted skill stays deleted.
"""

import difflib
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from skillloop import fs
from skillloop.errors import SkillloopError, Stale, UsageError
from skillloop.model import Version, sha256
from skillloop.skillpath import SKILL, Owner, SkillPath, is_rules, target_name
from skillloop.skills import document
from skillloop.skills import publish as protocol
from skillloop.skills.publish import Recovered, change_lock, keep, record
from skillloop.store import By, Corrupt, Store
from skillloop.store.versions import Publish
from skillloop.text.words import counted

CLAIMED = "claimed"  # in the log: a version that Claude made
MADE = "made by skillloop, empty"  # note of the first version of a rules file
KEPT = "kept"  # in the log: such a change that waited, and that the person keeps
_OURS = {"proposal", "rollback"}  # kinds of versions that skillloop wrote


def versions(store: Store, path: str | Path) -> list[Version]:
    """Return all versions of a skill, oldest first, each with who made it."""
    skill = fs.canonical(path)
    claims = {entry.detail["number"]: entry.detail for entry in store.audit.entries(CLAIMED, skill=skill)}
    return [replace(each, claim=claims.get(each.number, {})) for each in store.versions.of(skill)]


class WaitingChange(NamedTuple):
    """A change that waits for the person's word: Claude's own, or one after which it did not get better (see `outcomes`)."""

    skill: Path
    version: Version
    before: str
    after: str
    told: str  # what became of the file, in one sentence without its full stop
    why: str  # the person must look at it
    effect: str = ""  # what the rule did that it brought (see `outcomes`)

    @property
    def id(self) -> str:
        """What the person calls it, e.g. `release-notes@3`."""
        return f"{target_name(self.skill)}@{self.version.number}"

    @property
    def seal(self) -> str:
        """Hex sha256 of what a yes or no is bound to."""
        return sha256("\0".join((str(self.skill), self.before, self.after)))

    @property
    def diff(self) -> str:
        """The unified diff."""
        return document.diff(self.before, self.after, self.skill, f"version {self.version.number}")


def claimed(skill: str | Path, claim: Mapping[str, Any]) -> str:
    """Say that Claude changed a file: how many lines, and why a person must look at them, if they must."""
    told = f"Claude changed {target_name(skill)}: {counted(claim['lines'], 'line')}"
    return ", ".join(filter(None, (told, claim["why"])))


def waiting_claims(store: Store) -> Iterator[WaitingChange]:
    """Find the changes of Claude's own that wait for the person's word, oldest first."""
    for skill in filter(Path.exists, store.skills()):
        kept = {entry.detail["number"] for entry in store.audit.entries(KEPT, skill=str(skill))}
        known = versions(store, skill)
        for at, version in enumerate(known):
            before, number = known[at - 1].sha if at else sha256(b""), version.number
            claim, later = version.claim, known[at + 1 :]
            back = any(v.sha == before or v.extra.get("without") == number for v in later)
            back = back or any(v.extra.get("to", number) < number for v in later)
            if claim.get("why") and number not in kept and not back:
                texts = (text(store, before) if at else "", text(store, version.sha))
                yield WaitingChange(skill, version, *texts, claimed(skill, claim), claim["why"])


def annotate(store: Store, path: str | Path) -> list[tuple[str, Version]]:
    """Return each line of a skill's newest version, with the version that brought it; a line that came back keeps its first."""
    lines: list[tuple[str, Version]] = []
    known: dict[str, list[tuple[str, Version]]] = {}
    for version in versions(store, path):
        new = [(line, version) for line in text(store, version.sha).splitlines()]
        before, after = ([line for line, _ in side] for side in (lines, new))
        match = difflib.SequenceMatcher(None, before, after, autojunk=False)
        for at, to, size in match.get_matching_blocks():
            new[to : to + size] = lines[at : at + size]
        lines = known.setdefault(version.sha, new)
    return lines


def text(store: Store, sha: str) -> str:
    """Return a version as a person reads it: what is no UTF-8 stands as U+FFFD. Raises what `content` does."""
    return content(store, sha).decode("utf-8", "replace")


def content(store: Store, sha: str) -> bytes:
    """Return the bytes of a version. Raises UsageError: no text has this hash; Corrupt: the stored bytes have changed."""
    data = store.versions.content(sha)
    if data is None:
        raise UsageError(f"no text with the hash {sha[:12]} is in the database")
    return data


def record_external_edit(store: Store, path: str | Path) -> Version | None:
    """Record what is on disk, if it is new, and return its version; None for a deleted skill. Raises NotEditable."""
    with change_lock(store), suppress(fs.Missing), fs.open_skill(path) as skill:
        return record(store, skill)
    return None


def publish(
    store: Store,
    path: str | Path,
    base: str,
    data: bytes,
    *,
    by: By,
    proposal_id: str | None = None,
    note: str = "",
) -> Version:
    """Replace the bytes of a SKILL.md, durably, if they are still those that `base`, a hex sha256, names.

    A missing rules file is made, if the change was made on no text. The proposal becomes "applied" with it; the drift budget
    counts by whom. Bytes that are on disk already make no version: the newest is returned. Raises Stale: the file holds
    other bytes, which are recorded as an external version; Missing; NotEditable; SkillloopError: the disk refused.
    """
    made = base == sha256(b"") and is_rules(str(path)) and fs.make_rules(path)
    with change_lock(store), fs.open_skill(path) as skill:
        if made and store.versions.head(skill.path) is None:
            keep(store, skill, b"", MADE)
        change = Publish(skill.path, "proposal", "", "", note, proposal_id, by)
        return protocol.publish(store, skill, base, data, change)


def rollback(
    store: Store,
    path: str | Path,
    *,
    to: int | None = None,
    only: int | None = None,
    exact: bool = False,
    by: By = "person",
    why: str = "",
) -> Version:
    """Take a skill back: to version `to`, without the change of version `only`, or without skillloop's last change that is in force.

    A rollback appends a version, which `only` undoes too; where nothing has to change, the newest one is returned. Later
    edits of the person stay: only skillloop's changes are taken out, block by block (`revert`), unless the very bytes of `to`
    are wanted (`exact`). The log says `by` whom, and `why`. Raises UsageError: no such version, or nothing to take back;
    Stale: a later change touches the lines to be taken back.
    """
    with _opened(store, path) as skill:
        base, data, change = _taken_back(store, skill, to, only, exact=exact)
        told = {"by": by} if by == "auto" else {}  # a version's author
        change = replace(change, by=by, note=change.note + f": {why}" * bool(why), extra=change.extra | told)
        return protocol.publish(store, skill, sha256(base), data, change)


def preview_rollback(
    store: Store, path: str | Path, *, to: int | None = None, only: int | None = None, exact: bool = False
) -> tuple[bytes, bytes]:
    """Return the live bytes, and what the same `rollback` would make of them. Raises as it does; changes no skill."""
    with _opened(store, path) as skill:
        return _taken_back(store, skill, to, only, exact=exact)[:2]


@contextmanager
def _opened(store: Store, path: str | Path) -> Iterator[fs.OpenSkill]:
    """Open a file to take a change back. A rules file that skillloop made is there only as long as something is in it."""
    with change_lock(store):
        known, empty = store.versions.of(fs.canonical(path)), sha256(b"")
        made = is_rules(str(path)) and known and known[0].note == MADE
        if made and known[-1].sha == empty:
            fs.make_rules(path)
        with fs.open_skill(path) as skill:
            try:
                yield skill
            finally:
                with suppress(SkillloopError, OSError):
                    if made and skill.real == skill.path and sha256(skill.read()) == empty:
                        skill.remove_empty()


def recover(store: Store) -> list[Recovered]:
    """Complete every publish that a crash or an error left open. Every change does this first by itself."""
    with change_lock(store) as recovered:
        return recovered


def record_leftovers(store: Store) -> list[Path]:
    """Record what lies beside the skills of a rebuilt store, and what the skills are now; the skills with leftovers.

    An interrupted publish left it. Bytes that a person may have written are recorded first: all that begin no known text.
    """
    found = []
    with change_lock(store):
        for path in store.versions.skills():
            texts = []
            for version in store.versions.of(path):
                with suppress(Corrupt):
                    texts.append(store.versions.content(version.sha) or b"")
            with suppress(SkillloopError, OSError), fs.open_skill(path) as skill:
                names = [name for name in skill.names() if fs.TEMPORARY.fullmatch(name)]
                for name in names:
                    data = skill.read(name)
                    if not any(text.startswith(data) for text in texts):
                        keep(store, skill, data)
                    skill.discard(name)
                found += [Path(path)] if names else []
                record(store, skill)
    return found


def copy_skill(path: str | Path, skills: Path) -> Path:
    """Copy a skill that must not be edited into a folder of skills that may; the SKILL.md of the copy. A link to it gives way.

    Raises UsageError: there is another skill of that name already, or the path leads to none.
    """
    fs.canonical(path)
    skill = SkillPath.of(path)
    if skill.owner is Owner.STRAY:
        raise UsageError(f"{path} {skill.reason}", skill.hint)
    source = Path(path).parent
    target = skills / source.name
    file = target / SKILL
    linked = target.is_symlink() or file.is_symlink()
    if target.exists() and not (linked and file.resolve() == Path(skill.real)):
        raise UsageError(f"{target} exists already")
    fs.canonical(target.absolute() / SKILL)
    skills.mkdir(parents=True, exist_ok=True)
    temp = skills / f".{source.name}.skillloop"
    shutil.rmtree(temp, ignore_errors=True)
    shutil.copytree(source, temp, symlinks=True)
    (temp / SKILL).unlink()
    shutil.copy2(skill.real, temp / SKILL)
    for copied in (temp, *temp.rglob("*")):
        if not copied.is_symlink():
            copied.chmod(copied.stat().st_mode | stat.S_IWUSR)
    if file.is_symlink() and not target.is_symlink():
        (temp / SKILL).replace(file)
        shutil.rmtree(temp)
        return file
    if linked:
        target.unlink()
    temp.rename(target)
    return file


def _taken_back(
    store: Store, skill: fs.OpenSkill, to: int | None, only: int | None, *, exact: bool
) -> tuple[bytes, bytes, Publish]:
    """Return the bytes on disk, which are recorded, those that a rollback leads to, and how it is recorded."""
    skill.check_editable()
    base = content(store, record(store, skill).sha)
    known = store.versions.of(skill.path)
    change = Publish(skill.path, "rollback", "", "", by="person")
    if only == 1:
        raise UsageError(f"{skill.path}: version 1 is where its history begins")
    if to is None and only is None:
        if not any(version.kind in _OURS for version in known):
            raise UsageError(f"{skill.path}: skillloop never changed it, so there is nothing to take back")
        if not (standing := _standing(known) & {v.number for v in known if v.kind == "proposal"}):
            wrong = f"{skill.path}: each change by skillloop has been taken back already"
            lists = "`skillloop log SKILL` lists the versions"
            raise UsageError(wrong, f"{lists}; `skillloop rollback SKILL --to N` brings one back")
        last = max(standing)
        to, only = (last - 1, None) if exact else (None, last)
    if only is not None:
        try:
            data = _without(store, skill, known, _numbered(skill, known, only), base)
        except Stale:
            if only in _standing(known):
                raise
            raise UsageError(f"{skill.path}: version {only} was taken out already") from None
        same = sha256(data) == _numbered(skill, known, only - 1).sha
        note = f"back to version {only - 1}" if same else f"without the change of version {only}"
        return base, data, replace(change, note=note, extra={"without": only})
    wanted = _numbered(skill, known, to or 0)
    later = [v for v in known if v.number > wanted.number]
    undone = [v for v in later if v.kind in _OURS]
    data = content(store, wanted.sha) if exact or len(undone) == len(later) else base
    if not exact and len(undone) < len(later):
        for version in reversed(undone):
            data = _without(store, skill, known, version, data)
    kept = "" if sha256(data) == wanted.sha else ", later edits kept"
    note, extra = f"back to version {wanted.number}{kept}", {"to": wanted.number, "exact": exact}
    return base, data, replace(change, note=note, extra=extra)


def _standing(known: list[Version]) -> frozenset[int]:
    """Return which changes, by the numbers of their versions, no rollback has taken out."""
    now, none = frozenset[int](), frozenset[int]()
    after = {0: none}
    for version in known:
        if "to" in version.extra:
            now = after.get(version.extra["to"], none)
        elif number := version.extra.get("without"):
            # a rollback that is undone brings back what it took
            now ^= after.get(number, none) ^ after.get(number - 1, none)
        now |= {version.number}
        after[version.number] = now
    return now


def _numbered(skill: fs.OpenSkill, known: list[Version], number: int) -> Version:
    found = next((version for version in known if version.number == number), None)
    if found is None:
        raise UsageError(f"{skill.path} has no version {number}", f"its newest is {known[-1].number}")
    return found


def _without(store: Store, skill: fs.OpenSkill, known: list[Version], version: Version, data: bytes) -> bytes:
    """`data` with the change that `version` made taken out."""
    before, after = (content(store, v.sha) for v in (_numbered(skill, known, version.number - 1), version))
    reverted, line = revert(before, after, data)
    if reverted is None:
        raise Stale(
            f"{skill.path}:{line}: was changed again later, so version {version.number} cannot be taken out by itself",
            "edit it by hand, or restore a whole version with `skillloop rollback SKILL --to N --exact`",
        )
    return reverted


def revert(before: bytes, after: bytes, data: bytes) -> tuple[bytes | None, int]:
    """Return `data` without the change from `before` to `after`, and 0; or None and the line of `after` that stands against it.

    Each changed block of lines has to be there once, if need be with the lines around it; else it is left to a person.
    """
    if data == after:
        return before, 0
    newline = b"\r\n" if after.partition(b"\n")[0].endswith(b"\r") else b"\n"
    whole = (text if text[-1:] in (b"", b"\n") else text + newline for text in (before, after, data))
    old, new, lines = (re.findall(rb".*\n", text) for text in whole)
    changes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for number, (kind, i, i_end, j, j_end) in reversed([*enumerate(changes)]):
        if kind == "equal":
            continue
        head = new[changes[number - 1][3] : j] if number else []
        tail = new[j_end : changes[number + 1][4]] if number + 1 < len(changes) else []
        places: list[int] = []
        for around in range(kind == "delete", max(len(head), len(tail)) + 1):
            lead = head[max(0, len(head) - around) :]
            block = lead + new[j:j_end] + tail[:around]
            places = [at for at in range(len(lines)) if lines[at : at + len(block)] == block]
            if len(places) < 2:
                break
        if len(places) != 1:
            return None, j + 1
        at = places[0] + len(lead)
        lines[at : at + j_end - j] = old[i:i_end]
    text = b"".join(lines)
    return (text if data.endswith(b"\n") else text.removesuffix(newline)), 0
