"""Claude's own edits of skills: which versions they made, and whether the person's rules and words allow them.

A call proves a version whose text, without what it changed, is the text before; a shell command one whose new lines it holds.
What was written besides becomes a version of an unknown author. Claims stand in the log; a call proves one version, once. An
edit that the person ordered, or that is in their words, is said once. One that breaks a rule of theirs, or that they did not
ask for, waits: they keep it, or take it back.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from skillloop import fs, gate
from skillloop.detect.lesson import sentences
from skillloop.errors import Refused, UsageError
from skillloop.gate.input import body_of, changed_lines
from skillloop.hosts.claude_code import edits
from skillloop.hosts.claude_code.edits import ToolEdit
from skillloop.model import Session, Turn, TurnKind, Version
from skillloop.pipeline import gather
from skillloop.skillpath import Owner, SkillPath, is_rules, target_name
from skillloop.skills import history
from skillloop.skills.publish import change_lock, keep
from skillloop.store import Store
from skillloop.text import lexicon
from skillloop.text.words import stem, tokens

_HELD = frozenset({"line length", "headings", "locked", "must keep", "hidden", "secrets", "sources"})
"""The hard checks that Claude's edits must pass. The others are about how skillloop itself may edit."""
ASKED = _HELD - {"hidden", "line length"}  # for these an edit of Claude's is stopped before it is made


def record(session: Session, home: Path, store: Store) -> None:
    """Record what Claude changed in skills and rules files during a session, and what of it waits for the person."""
    files: dict[str, list[ToolEdit]] = {}
    for edit in edits.of(session):
        with suppress(UsageError, fs.Missing):
            target, path = SkillPath.of(edit.file), fs.canonical(edit.file)
            loaded = target.owner in {Owner.PERSON, Owner.PROJECT}  # else it may be work on a plugin
            if (loaded or Path(path) in store.skills()) and not gate.structure.forbidden(target):
                files.setdefault(path, []).append(edit)
    for path, calls in files.items():
        with suppress(fs.Missing, fs.Unreachable, Refused):
            for version, before, after, used in _claims(store, path, calls):
                *_, last = used
                said = {"session": session.session_id, "turn": last.turn.uuid if last.turn else None}
                proof: dict[str, Any] = {"tool": last.tool, "path": last.path, "line": last.line}
                proof["calls"] = [each.uuid for each in used]
                found = _objection(session, home, path, before, after, last.turn)
                store.record(history.CLAIMED, skill=path, number=version.number, **said, **proof, **found)


def _claims(
    store: Store, path: str, calls: Sequence[ToolEdit]
) -> Iterator[tuple[Version, bytes, bytes, list[ToolEdit]]]:
    """Find the versions that calls of one session made, what is on disk included: each with the texts before and after it."""
    with change_lock(store), fs.open_skill(path) as skill:
        known, live = history.versions(store, path), skill.read()
        head = history.content(store, known[-1].sha) if known else b""
        if not known and Path(path).stat().st_mtime > Path(calls[0].path).stat().st_mtime:
            return  # something else changed it since, so nobody knows what it was before
        left = [each for each in calls if not any(each.uuid in v.claim.get("calls", ()) for v in known)]
        new = [each for each in left if not known or each.command or _without(each, head, b"") is None]
        turns = {edit.turn: text for edit, text in _undone(new, live, head)}  # one version a turn
        for text in (*reversed(turns.values()), live) if turns else ():
            if text not in (head, b""):
                keep(store, skill, text)
        known = history.versions(store, path)
    texts = [b"", *(history.content(store, version.sha) for version in known)]
    for version, (before, after) in reversed([*zip(known, pairwise(texts), strict=True)]):
        undone = _undone(left, after, before)
        if undone and undone[-1][1] == before and version.author == "unknown":
            used = [edit for edit, _ in reversed(undone)]
            left = [edit for edit in left if edit not in used]
            yield version, before, after, used


def _undone(calls: Sequence[ToolEdit], data: bytes, base: bytes) -> list[tuple[ToolEdit, bytes]]:
    """Take calls out of a text, the last first, until it is `base`: those that it held, each with what it is without them."""
    found = []
    for edit in reversed(calls):
        before = None if data == base else _without(edit, data, base)
        if before is not None:
            data = base if before.rstrip(b"\r\n") == base.rstrip(b"\r\n") else before
            found.append((edit, data))
    return found


def _without(edit: ToolEdit, data: bytes, base: bytes) -> bytes | None:
    """Return a text without what one call changed; None where it does not hold that."""
    if edit.command:
        lines = {line.strip() for line in data.splitlines()} - {line.strip() for line in base.splitlines()}
        command = edit.command.encode("utf-8", "replace")
        return base if lines and all(line in command for line in lines) else None
    text: bytes | None = data
    newline = b"\r\n" if b"\r\n" in data else b"\n"
    for old, new in reversed(edit.hunks):
        text = text and history.revert(old.replace(b"\n", newline), new.replace(b"\n", newline), text)[0]
    return text if text != data else None


def broken(
    path: str, home: Path, old: str, new: str, session: Session | None = None, among: Collection[str] = ASKED
) -> str:
    """Return which of these hard checks a change of Claude's fails, with the file and line of the rule; "" where none."""
    for check in gate.compare(old, new, gather.rules_for(path, home, session)).failed:
        if check.hard and check.name in among:
            return f"against {f'your setting {check.rule}' if check.rule else 'a check'}: {check.detail}"
    return ""


def _objection(
    session: Session, home: Path, path: str, before: bytes, after: bytes, last: Turn | None
) -> dict[str, Any]:
    """Return why the person must look at a change of Claude's, or "", and at how many lines."""
    old, new = (data.decode("utf-8", "replace") for data in (before, after))
    removed, added = changed_lines(old, new)
    lines = max(len(added), len(removed))
    if against := broken(path, home, old, new, session, _HELD):
        return {"lines": lines, "why": against}
    heard = [turn for turn in session.human_turns if last and turn.index <= last.index]
    if not old or any(_orders(session, turn, path) for turn in heard):
        return {"lines": lines, "why": ""}
    said = "\n".join(turn.text for turn in heard)
    texts = [text for line in added or removed if (text := body_of(line)[1].strip())]
    foreign = sum(gate.fidelity.novel_words(text, said)[1] < gate.fidelity.KNOWN for text in texts)
    return {"lines": foreign or lines, "why": "not in your words" if foreign else ""}


def _orders(session: Session, turn: Turn, path: str) -> bool:
    """Return whether the person speaks of the file, or answers a question of Claude's about it; to use a skill or to ask is neither."""
    before = session.turns[turn.index - 1] if turn.index else turn
    asked = before.text.rstrip().rpartition("\n\n")[2]
    if before.role == "assistant" and any(mark in asked for mark in "?？؟") and _names(asked, path):
        return True
    answer = next((later for later in session.turns[turn.index + 1 :] if later.role == "assistant"), turn)
    launched = answer.skill is not None and (turn.kind is TurnKind.COMMAND or answer.skill != turn.skill)
    uses = launched and answer.skill is not None and target_name(answer.skill.path or "") == target_name(path)
    asks = lexicon.whole("gate.request").search
    told = (each for each in sentences(turn.text) if not each.endswith(("?", "？", "؟")) or asks(each))
    return _names(" ".join(told), path) and not uses


def _names(text: str, path: str) -> bool:
    """Return whether a text names a file: as a skill (or as rules), or by a name that no sentence has by chance."""
    name, kind = target_name(path), Path(path).parent.name if is_rules(path) else Path(path).stem
    return stem(kind.casefold()) in map(stem, tokens(text)) or ("-" in name and name in text.casefold())
