"""Where the reading of a session that goes on may go on itself, and what has to be known there of all that came before.

A person who resumes a session appends to its transcript. What was read of it needs no second reading, but for the last
exchange: what comes now may still change how it is understood. So a `Place` is the line of a person's turn, the last
that has an answer and another turn of theirs behind it. Invariant: reading on from it gives the turns, from that one
on, that reading the whole gives; where that is not sure, it raises `Changed`, and the caller reads the whole.

A place holds no words that anybody said, because it is kept: the person's turns just before it, with which what they
say next is compared, are read again from their lines.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from skillloop.hosts.claude_code import authorship
from skillloop.hosts.claude_code.pastes import separate
from skillloop.hosts.claude_code.records import MAX_LINE, Changed, Lines, opened, parse
from skillloop.hosts.claude_code.turn_builder import AssistantDraft, HumanDraft, Snapshot, string
from skillloop.hosts.claude_code.turns import Assembly
from skillloop.model import SkillRef, Turn, TurnKind

FORMAT = 1
CLOSEST = 7  # turns of the person before the place that are read again; with that at the place, one more


@dataclass(frozen=True, slots=True)
class Place:
    """A line to go on from, and what is known there."""

    format: int
    end: int  # of the reading before, with its digest
    digest: str
    start: int  # byte offset of the line, and the number of those before it
    before: int
    roles: str  # of the turns before it: "h" or "a" each
    closest: list[list[int]]  # index, line and byte offset of the person's last turns before it
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
        assembly.recognised, assembly.automatic, assembly.tainted = (
            self.recognised,
            self.automatic,
            self.tainted,
        )
        assembly.skills.seen.update(dict.fromkeys(self.seen))

    def confirm(self, path: Path, said: list[HumanDraft]) -> None:
        """Make sure that the person's first two turns from here on are still those that they were.

        Raises:
            Changed: one of them was sent again since, or is in another record now.
        """
        if [each.line for each in said[:2]] != [self.before + 1, self.next]:
            raise Changed(path, "holds again what was read of it before")

    def earlier(self, path: Path, pastes: tuple[str, ...]) -> list[Turn]:
        """The turns before this place, without words but for the person's last ones.

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
                said = _said(file.readline(MAX_LINE), line, pastes)
                if said is None:
                    raise Changed(path, f"has other words on line {line}")
                turns[index] = said.turn(index)
        return turns


def read_place(text: str, path: Path) -> Place:
    """The place that `mark` gave as text.

    Raises:
        Changed: another version of skillloop marked it, or it was damaged.
    """
    try:
        fields = json.loads(text)
        *counts, skill, called, paths = fields["snapshot"]
        fields["snapshot"] = Snapshot._make((*counts, SkillRef(**skill) if skill else None, called, paths))
        fields["seen"] = [SkillRef(**each) for each in fields["seen"]]
        place = Place(**fields)
    except (ValueError, TypeError, KeyError) as error:
        raise Changed(path, "was read before, but where that came to is not known any more") from error
    if place.format != FORMAT:
        raise Changed(path, "was read before by another version of skillloop")
    return place


def mark(assembly: Assembly, lines: Lines, place: Place | None) -> str:
    """Where a later reading may go on, as text; "" where it has to read the whole.

    Args:
        assembly: The finished session, its rewinds settled.
        lines: What was read.
        place: Where this reading went on itself.
    """
    found = _turning(assembly)
    if found is None:
        return ""
    drafts, (at, here, snapshot, after) = assembly.drafts, found
    roles, closest = (place.roles, place.closest) if place else ("", [])
    closest = closest + [
        [len(roles) + index, draft.line, draft.offset]
        for index, draft in enumerate(drafts[:at])
        if isinstance(draft, HumanDraft)
    ]
    mine = Place(
        format=FORMAT,
        end=lines.end,
        digest=lines.digest,
        start=here.offset,
        before=here.line - 1,
        roles=roles + "".join("h" if isinstance(draft, HumanDraft) else "a" for draft in drafts[:at]),
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
    fields = {name: getattr(mine, name) for name in Place.__slots__}
    return json.dumps(fields, default=asdict, separators=(",", ":"))


def _turning(assembly: Assembly) -> tuple[int, HumanDraft, Snapshot, HumanDraft] | None:
    """The last turn of the person's that no later line can change: its index, itself, how things stood, their next turn."""
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
            and here.line < assembly.unsettled
            and isinstance(
                drafts[at + 1], AssistantDraft
            )  # so what stands before the next turn is read again
            and drafts[at + 1] is not assembly.reply  # words slipped in do not end what is being answered
        ):
            return at, here, here.snapshot, after
        after = here
    return None


def _said(source: bytes, line: int, pastes: tuple[str, ...]) -> HumanDraft | None:
    """The person's turn that stands on a line."""
    record: dict[str, Any] = parse(source) or {}
    if record.get("type") == "queue-operation":
        text, pasted = separate(authorship.own_words(string(record.get("content"))), pastes)
        return HumanDraft(line, text, pasted, kind=TurnKind.QUEUED)
    assembly = Assembly(pastes)
    assembly.turn_to([source], line, 0)
    assembly.take(record, line, source)
    return next(iter(assembly.said()), None)
