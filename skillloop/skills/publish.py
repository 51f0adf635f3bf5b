"""How the bytes of a SKILL.md change: the publish protocol and its recovery.

Under one lock per home: store old and new bytes with an *intent*, in one transaction; write and sync a temporary file beside
SKILL.md; look again that nothing changed; put it in SKILL.md's place in one atomic step; *complete*. Completing goes by what
is on disk, after a success, an error and a crash alike. The new text is there: sync, then record it as applied. The old one
is: aborted. Anything else is a person's: conflict, and it is recorded and never overwritten.

Invariants: SKILL.md is at every instant one recorded version or a person's own bytes; those bytes are in the store
before anything takes their place; "applied" is written only after the bytes and the name are on disk.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, NamedTuple

from skillloop import fs
from skillloop.errors import SkillloopError, Stale, UsageError
from skillloop.fs import Missing, NotEditable, OpenSkill, Unreachable
from skillloop.model import Version, sha256
from skillloop.store import Store
from skillloop.store.versions import Publish, Settled


class Recovered(NamedTuple):
    """An interrupted publish and how it ended."""

    skill: str  # canonical path
    state: Literal["applied", "aborted", "conflict"]


@contextmanager
def change_lock(store: Store) -> Iterator[list[Recovered]]:
    """Hold the lock of every change; the value is what a crash had left over. Raises Locked: another had it for 30 seconds."""
    with fs.locked(store.home / "history.lock"):
        yield [done for change in store.versions.open_publishes() if (done := _recover(store, change))]


def record(store: Store, skill: OpenSkill) -> Version:
    """Return the newest version, which is what is on disk: appended if it was not known. Raises Missing: there is no file."""
    data = skill.read()
    head = store.versions.head(skill.path)
    return head if head is not None and head.sha == sha256(data) else keep(store, skill, data)


def keep(store: Store, skill: OpenSkill, data: bytes, found: str = "as it was found") -> Version:
    """Keep bytes that skillloop did not write, as a version; `found` says how the first one came."""
    with store.transaction():
        sha, first = store.versions.keep(data), store.versions.head(skill.path) is None
        note = found if first else "edited outside skillloop"
        return store.versions.append(Publish(skill.path, "import" if first else "external", "", sha, note))


def publish(store: Store, skill: OpenSkill, base: str, data: bytes, change: Publish) -> Version:
    """Carry out `change`, without its hashes yet, in the caller's `change_lock`. Raises as `history.publish` does."""
    skill.check_editable()
    head = record(store, skill)
    if head.sha != base:
        raise Stale(f"{skill.path} changed on disk since you saw it", "nothing was applied; decide again")
    if sha256(data) == base:
        return head
    with store.transaction():
        change = store.versions.intend(replace(change, base=base, target=store.versions.keep(data)))
    trouble = _replace(skill, change, data)
    try:
        state = _complete(store, skill, change)
    except (OSError, Unreachable) as error:
        raise SkillloopError(str(error), "the next command finds out whether it was changed") from error
    newest = store.versions.head(skill.path)
    if state == "applied" and newest is not None:
        return newest
    if isinstance(trouble, OSError):
        raise SkillloopError(f"{skill.path}: {trouble.strerror}", "nothing was changed") from trouble
    raise trouble or Stale(f"{skill.path} changed on disk just now", "the edit was not applied; decide again")


def _replace(skill: OpenSkill, change: Publish, data: bytes) -> OSError | SkillloopError | None:
    """Bring the new bytes to disk and put them in place, unless SKILL.md changed meanwhile; what went wrong."""
    try:
        skill.stage(change.temporary, data)
        skill.check_still_there()
        if sha256(skill.read()) == change.base:
            skill.swap(change.temporary)
    except (OSError, SkillloopError) as error:
        return error
    return None


def _recover(store: Store, change: Publish) -> Recovered | None:
    """Complete a publish that was left open; None where its folder cannot be looked at now."""
    try:
        with fs.open_skill(change.skill) as skill:
            return Recovered(change.skill, _complete(store, skill, change))
    except Missing:
        with store.transaction():
            store.versions.close(change, "conflict")
        return Recovered(change.skill, "conflict")
    except (OSError, Unreachable, NotEditable, UsageError):  # as under another CLAUDE_CONFIG_DIR
        return None


def _complete(store: Store, skill: OpenSkill, change: Publish) -> Settled:
    """Decide by what is on disk how a publish ended, record it, and leave no temporary file."""
    live = _read(skill)
    if _is(live, change.target):
        skill.wait_for_writers(change.temporary)  # their save ends in the file that we replaced
    displaced, target = _read(skill, change.temporary), store.versions.content(change.target) or b""
    # a person's bytes under the temporary name: they saved between our last look and the swap
    if displaced is not None and not (target.startswith(displaced) or _is(displaced, change.base)):
        keep(store, skill, displaced)
        if _is(live, change.target):
            _give_back(store, skill, change, displaced)
            live = _read(skill)
    state: Settled = "aborted" if _is(live, change.base) else "conflict"
    state = "applied" if _is(live, change.target) else state
    skill.discard(change.temporary)
    if live is not None:
        skill.sync()
    with store.transaction():
        if state == "applied":
            store.versions.apply(change)
            if change.proposal and store.has_proposal(change.proposal):
                store.set_state(change.proposal, "applied", change.note, by=change.by)
        else:
            store.versions.close(change, state)
            if live is not None:
                record(store, skill)
    return state


def _give_back(store: Store, skill: OpenSkill, change: Publish, displaced: bytes) -> None:
    """Put the person's bytes back in place; if they saved yet again meanwhile, those."""
    ours = change.target
    while True:
        skill.swap(change.temporary)
        was_live = skill.read(change.temporary)
        if _is(was_live, ours):
            return
        keep(store, skill, was_live)
        ours, displaced = sha256(displaced), was_live


def _read(skill: OpenSkill, name: str = "") -> bytes | None:
    try:
        return skill.read(name)
    except Missing:
        return None


def _is(data: bytes | None, sha: str) -> bool:
    return data is not None and sha256(data) == sha
