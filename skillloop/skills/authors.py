"""Who made a version that skillloop did not: Claude, where its transcript proves it, else nobody knows.

A tool call proves a version if the version's text, without what the call changed, is the text before. What a person or
another program wrote besides becomes a version of its own, of an unknown author. A shell command proves one if it holds every
line that is new. Claims stand in the log, since versions are only appended; a record proves one version, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from skillloop import fs
from skillloop.fs import OpenSkill
from skillloop.model import ToolEdit, Version, sha256
from skillloop.skillpath import target_name
from skillloop.skills import history
from skillloop.skills.history import CLAIMED, content, revert
from skillloop.skills.publish import change_lock, keep
from skillloop.store import Store

KEPT = "kept"  # in the log: a change of Claude's that the person was asked about, and keeps

Judge = Callable[[bytes, bytes, Sequence[ToolEdit]], dict[str, Any]]
"""Of the texts before and after Claude's calls: `why` the person must look at the change, or "", and at how many `lines`."""


class Change(NamedTuple):
    """A change of Claude's that waits for the person's word."""

    skill: Path
    version: Version
    before: bytes
    after: bytes

    @property
    def id(self) -> str:
        """What the person calls it."""
        return f"{target_name(self.skill)}@{self.version.number}"


def claim(store: Store, path: str, edits: Sequence[ToolEdit], session: str, judge: Judge) -> None:
    """Record which versions of a file Claude's calls made, the one on disk included.

    Args:
        store: The history.
        path: The file, which need not have a history.
        edits: The calls of one session that may have changed it, in order.
        session: Its id.
        judge: Called for each version found.

    Raises:
        SkillloopError: the file is not there, or cannot be read safely.
    """
    with change_lock(store), fs.open_skill(path) as skill:
        known = history.versions(store, path)
        seen = {call for version in known for call in version.claim.get("calls", ())}
        left = [edit for edit in edits if edit.uuid not in seen]
        live, head = skill.read(), content(store, known[-1].sha) if known else None
        if head is None and _moment(path) > _moment(edits[-1].path):
            return  # something else changed it since, so nobody knows what it was before
        if live != head:
            new = [edit for edit in left if head is None or edit.command or _without(edit, head, b"") is None]
            left = _append(store, skill, live, head, new, session, judge)
        for before, after in reversed([*pairwise(known)]):
            texts = content(store, before.sha), content(store, after.sha)
            data, used = _undone(left, texts[1], texts[0])
            if after.author == "unknown" and used and data == texts[0]:
                left = [edit for edit in left if edit not in used]
                _note(store, skill, after, used, session, judge(*texts, used))


def _append(
    store: Store,
    skill: OpenSkill,
    live: bytes,
    head: bytes | None,
    edits: Sequence[ToolEdit],
    session: str,
    judge: Judge,
) -> list[ToolEdit]:
    """Record what is on disk as versions, one a turn in which Claude changed it; the calls that none of them needed."""
    data, steps, left = live, [], list(edits)
    for _, turn in reversed([(key, [*group]) for key, group in groupby(edits, lambda edit: edit.turn)]):
        before, used = _undone(turn, data, head or b"")
        if used:
            steps.append((before, data, used))
            left = [edit for edit in left if edit not in used]
            data = before
    if steps and data not in (head or b"", b""):
        keep(store, skill, data)
    for before, after, used in reversed(steps):
        with store.transaction():
            _note(store, skill, keep(store, skill, after), used, session, judge(before, after, used))
    return left


def _note(
    store: Store,
    skill: OpenSkill,
    version: Version,
    used: Sequence[ToolEdit],
    session: str,
    found: dict[str, Any],
) -> None:
    last, calls = used[-1], [edit.uuid for edit in used]
    where = {"session": session, "turn": last.turn and last.turn.uuid, "path": last.path, "line": last.line}
    with store.transaction():
        number = version.number
        store.audit.append(
            CLAIMED, skill=skill.path, number=number, tool=last.tool, calls=calls, **where, **found
        )


def _undone(edits: Sequence[ToolEdit], data: bytes, base: bytes) -> tuple[bytes, list[ToolEdit]]:
    """Take calls out of a text, the last first, until it is `base`; the text and the calls that it held, in order."""
    used: list[ToolEdit] = []
    for edit in reversed(edits):
        before = None if data == base else _without(edit, data, base)
        if before is not None:
            data = base if before.rstrip(b"\r\n") == base.rstrip(b"\r\n") else before
            used.insert(0, edit)
    return data, used


def _without(edit: ToolEdit, data: bytes, base: bytes) -> bytes | None:
    """Return a text without what one call changed; None where it does not hold that."""
    if edit.command:
        lines = {line.strip() for line in data.splitlines()} - {line.strip() for line in base.splitlines()}
        command = edit.command.encode("utf-8", "replace")
        return base if lines and all(line in command for line in lines) else None
    text: bytes | None = data
    newline = b"\r\n" if b"\r\n" in data else b"\n"
    for old, new in reversed(edit.hunks):
        text = text and revert(old.replace(b"\n", newline), new.replace(b"\n", newline), text)[0]
    return text if text != data else None


def _moment(path: str) -> float:
    return Path(path).stat().st_mtime


def undecided(store: Store) -> Iterator[Change]:
    """Find the changes of Claude's that the person must look at and did not decide on, oldest first."""
    for entry in reversed(store.audit.entries(CLAIMED)):
        skill, number = Path(str(entry.skill)), entry.detail["number"]
        if not entry.detail["why"] or not skill.exists():
            continue
        known = {version.number: version for version in history.versions(store, skill)}
        before = content(store, known[number - 1].sha) if number > 1 else b""
        later = [known[n] for n in known if n > number]
        back = any(v.extra.get("without") == number or v.extra.get("to", number) < number for v in later)
        kept = any(item.detail["number"] == number for item in store.audit.entries(KEPT, skill=entry.skill))
        if not (back or kept or sha256(before) in {v.sha for v in later}):
            yield Change(skill, known[number], before, content(store, known[number].sha))


def keep_change(store: Store, change: Change) -> None:
    """Record that the person keeps a change of Claude's."""
    store.record(KEPT, skill=change.skill, number=change.version.number)
