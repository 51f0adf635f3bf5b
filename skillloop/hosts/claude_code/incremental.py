"""Continue reading a transcript where the last reading stopped: where that is safe, and what must be known there.

A person who resumes a session appends to its transcript. What was read of it needs no second reading, but for the last
exchange: what comes now may still change how it is understood. So a `Cursor` is the line of a person's turn, the last
that has an answer and another turn of theirs behind it. Invariant: reading on from it gives the turns, from that one
on, that reading the whole gives; where that is not sure, it raises `Changed`, and the caller reads the whole.

A cursor holds no words that anybody said, because it is kept: the person's turns just before it, with which what they
say next is compared, are read again from their lines.
"""

from __future__ import annotations

from io import BufferedReader
from pathlib import Path
from typing import Any

import msgspec

from skillloop.hosts.claude_code import authorship
from skillloop.hosts.claude_code.pastes import separate
from skillloop.hosts.claude_code.records import MAX_LINE, Changed, Lines, opened, parse
from skillloop.hosts.claude_code.turn_assembler import Assembly
from skillloop.hosts.claude_code.turn_builder import AssistantDraft, HumanDraft, Snapshot, string
from skillloop.model import SkillRef, Turn, TurnKind

FORMAT = 2
CLOSEST = 7  # turns of the person before the cursor that are read again; with that at the cursor, one more


class Cursor(msgspec.Struct, frozen=True):
    """A line to go on from, and what is known there."""

    format: int
    end: int  # of the reading before, with its digest
    digest: str
    start: int  # byte offset of the line, and the number of those before it
    before: int
    roles: str  # of the turns before it: "h" or "a" each
    closest: list[tuple[int, int, int]]  # index, line and byte offset of the person's last turns before it
    next: int  # line of the person's turn after it
    interrupted: bool
    denied: bool
    snapshot: Snapshot
    uuids: list[str]  # of the person's records before it
    facts: dict[str, str]
    recognised: bool
    automatic: bool
    tainted: str | None
    seen: list[SkillRef]

    def restore(self, assembly: Assembly) -> None:
        """Let the assembly go on from here."""
        assembly.restore(self.snapshot, interrupted=self.interrupted, denied=self.denied)
        assembly.uuids.update(dict.fromkeys(self.uuids))
        assembly.facts.update(self.facts)
        assembly.skills.seen.update(dict.fromkeys(self.seen))
        assembly.recognised, assembly.automatic = self.recognised, self.automatic
        assembly.tainted = self.tainted

    def confirm(self, path: Path, turns: list[HumanDraft]) -> None:
        """Make sure that the person's first two turns from here on are still those that they were.

        Raises:
            Changed: one of them was sent again since, or is in another record now.
        """
        if [turn.line for turn in turns[:2]] != [self.before + 1, self.next]:
            raise Changed(path, "holds again what was read of it before")

    def earlier(self, path: Path, pastes: tuple[str, ...]) -> list[Turn]:
        """Return the turns before this place, without words but for the person's last ones.

        Raises:
            Changed: the person's words do not stand where they stood.
        """
        turns = [
            Turn(index, "human" if role == "h" else "assistant", "", 0)
            for index, role in enumerate(self.roles)
        ]
        with BufferedReader(opened(path)) as file:
            for index, line, offset in self.closest:
                file.seek(offset)
                draft = _human_at(file.readline(MAX_LINE), line, pastes)
                if draft is None:
                    raise Changed(path, f"has other words on line {line}")
                turns[index] = draft.turn(index)
        return turns


def read_cursor(text: str, path: Path) -> Cursor:
    """Return the cursor that `cursor_after` gave as text.

    Raises:
        Changed: another version of skillloop made it, or it was damaged.
    """
    try:
        cursor = msgspec.json.decode(text, type=Cursor)
    except (ValueError, RecursionError) as error:
        raise Changed(path, "was read before, but where that came to is not known any more") from error
    if cursor.format != FORMAT:
        raise Changed(path, "was read before by another version of skillloop")
    return cursor


def cursor_after(assembly: Assembly, lines: Lines, cursor: Cursor | None) -> str:
    """Return where a later reading may go on, as text; "" where it has to read the whole.

    Args:
        assembly: The finished session, its abandoned turns marked.
        lines: What was read.
        cursor: Where this reading went on itself.
    """
    turning = _turning(assembly)
    if turning is None:
        return ""
    at, here, snapshot, after = turning
    roles, closest = (cursor.roles, cursor.closest) if cursor else ("", [])
    drafts = assembly.drafts[:at]
    closest = closest + [
        (len(roles) + index, draft.line, draft.offset)
        for index, draft in enumerate(drafts)
        if isinstance(draft, HumanDraft)
    ]
    made = Cursor(
        format=FORMAT,
        end=lines.end,
        digest=lines.digest,
        start=here.offset,
        before=here.line - 1,
        roles=roles + "".join("h" if isinstance(draft, HumanDraft) else "a" for draft in drafts),
        closest=closest[-CLOSEST:],
        next=after.line,
        interrupted=here.interrupted,
        denied=here.denied,
        snapshot=snapshot,
        uuids=list(assembly.uuids)[: snapshot.human],
        facts=assembly.facts,
        recognised=assembly.recognised,
        automatic=assembly.automatic,
        tainted=assembly.tainted,
        seen=list(assembly.skills.seen),
    )
    return msgspec.json.encode(made).decode()


def _turning(assembly: Assembly) -> tuple[int, HumanDraft, Snapshot, HumanDraft] | None:
    """Return the person's last turn that no later line can change: its index, itself, how things stood, their next turn."""
    after: HumanDraft | None = None
    drafts = assembly.drafts
    for at in reversed(range(len(drafts))):
        here = drafts[at]
        if isinstance(here, AssistantDraft):
            continue
        if (
            after is not None
            and here.snapshot is not None
            and not here.abandoned  # so what abandons a later turn goes on from a later line, too
            and here.line < assembly.open_from
            # so what stands before the next turn is read again
            and isinstance(drafts[at + 1], AssistantDraft)
            and drafts[at + 1] is not assembly.reply  # words slipped in do not end what is being answered
        ):
            return at, here, here.snapshot, after
        after = here
    return None


def _human_at(source: bytes, line: int, pastes: tuple[str, ...]) -> HumanDraft | None:
    """Return the person's turn that stands on a line."""
    record: dict[str, Any] = parse(source) or {}
    if record.get("type") == "queue-operation":
        text, pasted = separate(authorship.own_words(string(record.get("content"))), pastes)
        return HumanDraft(line, text, pasted, kind=TurnKind.QUEUED)
    assembly = Assembly(pastes)
    assembly.turn_to([source], line, 0)
    assembly.take(record, line, source)
    return next(iter(assembly.human_drafts()), None)
