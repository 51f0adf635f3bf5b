"""Hold Claude's own edits of skills to the person's rules, after the fact.

An edit that the person ordered, or that is in their words, is recorded and said once. One that breaks a rule of theirs,
or that they did not ask for, waits for their word: keep it, or take it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from skillloop import fs, gate
from skillloop.errors import Refused, UsageError
from skillloop.gate import fidelity, structure
from skillloop.gate.input import body_of, changed_lines
from skillloop.hosts.claude_code import edits
from skillloop.model import Session, ToolEdit, Turn, TurnKind
from skillloop.pipeline import gather
from skillloop.skillpath import Owner, SkillPath, is_rules, target_name
from skillloop.skills import authors
from skillloop.store import Store
from skillloop.text.words import stem, tokens

_HELD = frozenset({"line length", "headings", "locked", "must keep", "hidden", "secrets", "sources"})
"""The hard checks that Claude's edits must pass. The others are about how skillloop itself may edit."""


def record(session: Session, home: Path, store: Store) -> None:
    """Record what Claude changed in skills and rules files during a session, and what of it waits for the person.

    Raises:
        SkillloopError: the store cannot be written, or the person's rules cannot be read.
    """
    files: dict[str, list[ToolEdit]] = {}
    known = set(store.versions.skills())
    for edit in edits.of(session):
        with suppress(UsageError, fs.Missing):
            target, name = SkillPath.of(edit.file), fs.canonical(edit.file)
            loaded = target.owner in {
                Owner.PERSON,
                Owner.PROJECT,
            }  # others may be somebody's work on a plugin
            if (loaded or name in known) and not structure.forbidden(target):
                files.setdefault(name, []).append(edit)
    for path, calls in files.items():
        with suppress(fs.Missing, fs.Unreachable, Refused):
            authors.claim(store, path, calls, session.session_id, partial(_objection, session, home, path))


def _objection(
    session: Session, home: Path, path: str, before: bytes, after: bytes, calls: Sequence[ToolEdit]
) -> dict[str, Any]:
    """Return why the person must look at a change of Claude's, or "", and at how many lines."""
    old, new = (data.decode("utf-8", "replace") for data in (before, after))
    removed, added = changed_lines(old, new)
    lines = max(len(added), len(removed))
    for check in gate.compare(old, new, gather.rules_for(path, home, session)).failed:
        if check.hard and check.name in _HELD:
            return {"lines": lines, "why": f"against {check.rule or 'a rule'}: {check.detail}"}
    last = calls[-1].turn
    heard = session.turns[: last.index + 1] if last else ()
    if not before or any(_orders(session, turn, path) for turn in heard):
        return {"lines": lines, "why": ""}
    said = "\n".join(turn.text for turn in heard if turn.role == "human")
    texts = [text for line in added or removed if (text := body_of(line)[1].strip())]
    foreign = sum(fidelity.novel_words(text, said)[1] < fidelity.LEAST for text in texts)
    return {"lines": foreign or lines, "why": "not in your words" if foreign else ""}


def _orders(session: Session, turn: Turn, path: str) -> bool:
    """Return whether the person speaks of the file, or answers a question of Claude's about it; to use a skill is neither."""
    if turn.role != "human":
        return False
    before = session.turns[turn.index - 1] if turn.index else turn
    asked = before.text.rstrip().rpartition("\n\n")[2]
    if before.role == "assistant" and any(mark in asked for mark in "?？؟") and _names(asked, path):
        return True
    answer = next((later for later in session.turns[turn.index + 1 :] if later.role == "assistant"), turn)
    launched = answer.skill is not None and (turn.kind is TurnKind.COMMAND or answer.skill != turn.skill)
    uses = launched and answer.skill is not None and target_name(answer.skill.path or "") == target_name(path)
    return _names(turn.text, path) and not uses


def _names(text: str, path: str) -> bool:
    """Return whether a text names a file: as a skill (or as rules), or by a name that no sentence has by chance."""
    name, kind = target_name(path), Path(path).parent.name if is_rules(path) else Path(path).stem
    return stem(kind.casefold()) in map(stem, tokens(text)) or ("-" in name and name in text.casefold())
