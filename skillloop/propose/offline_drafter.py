"""From a lesson to the smallest edit that would have prevented it.

The offline drafter uses the person's own words and needs no model: the lesson becomes one bullet. It looks for a line that is
this very rule (a *recurrence*: nothing is added), then for one that the lesson contradicts (offered as a pair, for a person to
decide), then for the place where it belongs (`skills.placement`). An edit that was turned down is not proposed again without
new evidence, nor one that still waits. What is only like another edit that waits is an edit of its own, which says so.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from skillloop.errors import SkillloopError
from skillloop.gate.fidelity import PERSON
from skillloop.gate.input import body_of
from skillloop.model import Edit, Evidence, Lesson, Proposal, sha256
from skillloop.propose.targets import AGAINST, EARLIER, NOT_IN_FORCE, UNSURE
from skillloop.skillpath import target_name
from skillloop.skills import document, placement
from skillloop.store import Queued, Store
from skillloop.text import lexicon, words
from skillloop.text.wishes import same_rule, same_wish

NEAR = 0.75  # similarity from which two new lines may be the same attempt
DRAFTERS = {"detector": "offline", "note": "Claude, in a note", "session": "Claude, in the session"}
"""`Proposal.drafter` by the source of the lesson."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The rule is there already: in the skill, at its 1-based line, or in a proposal that waits (line 0)."""

    lesson: Lesson  # that met it again
    path: str
    line: int
    rule: str
    proposal: str | None = None  # id of the one that waits
    own: bool = False  # the very session taught it


def draft(lesson: Lesson, text: str, path: str, *, avoid: Collection[str] = ()) -> Proposal | Recurrence:
    """Draft the edit that a lesson asks for, under no heading to `avoid`. Raises SkillFormatError: no SKILL.md; NoPlaceError."""
    rule = " ".join(lesson.text.split())
    document.parse(text, path)  # its errors name the file
    for item in (item for found in placement.lists(text) for item in found.items):
        if same_rule(rule, item.text):
            return Recurrence(lesson, path, item.line + 1, item.text)
    if pair := _pair(text, rule, avoid, lesson.old):
        edit, why = pair
    else:
        place = placement.place(text, rule, avoid)
        edit = Edit("insert", place.heading, new=f"- {rule}", after=place.after, nth=place.nth)
        why = place.why
    cited = (lesson.id, *(item.id for item in lesson.also))
    drafter = DRAFTERS.get(lesson.source, lesson.source)
    why = f"{drafter}: {lesson.why} {why}" if lesson.why else why
    edits = (replace(edit, evidence=cited),)
    return Proposal(
        id=proposal_id(path, edits),
        skill=lesson.skill.name if lesson.skill and lesson.skill.path == path else target_name(path),
        path=path,
        base=sha256(text),
        edits=edits,
        evidence=(lesson.evidence, *lesson.also),
        rationale=why,
        drafter=drafter,
        session_id=lesson.evidence.session_id,
        look=lesson.look,
    )


def _pair(text: str, rule: str, avoid: Collection[str], wanted: str | None) -> tuple[Edit, str] | None:
    """Put a rule in the place of the one-line item that is wanted gone (NoPlaceError: there is none), else that it contradicts."""
    skill, closed = document.parse(text), {heading.casefold() for heading in avoid}
    named = [(found, item) for found in placement.lists(text) for item in found.items if item.text == wanted]
    for found, item in placement.contradicted(text, rule) if wanted is None else named:
        old, section = skill.lines[item.line].rstrip("\r\n"), skill.section_at(item.line)
        marker, alone = document.ITEM.match(old), skill.items_like(section.heading, old) == [item.line]
        alone = alone and skill.item_end(item.line) == item.line + 1
        if wanted is None and _names_a_part(rule, item.text):
            continue  # it stays, and the gate says that it says something else
        if marker and alone and not closed.intersection(heading.casefold() for heading in found.headings):
            why = f"Line {item.line + 1} says something else: this line would take its place."
            return Edit("replace", section.heading, old, marker["marker"] + rule), why
    if wanted is not None:
        hint = "give it without its marker, or leave it out to add a line"
        raise placement.NoPlaceError(f"{wanted!r} is not a one-line list item that may change", hint)
    return None


def _names_a_part(rule: str, line: str) -> bool:
    """Return whether a rule forbids only some of what a line lists: "naming" of "naming, tests and errors"."""
    _, *others = lexicon.expression(r"[,、،，]\s*|\s(?:<clause.conjunction>)\s").split(line)
    said = words.content_words(rule)
    bits = [words.content_words(other) for other in others]
    return (
        words.polarity(rule)[:1] == ("not",)
        and any(0 < len(bit) <= 2 and bit.isdisjoint(said) for bit in bits)
        and not words.polarity(line)
    )


def proposal_id(path: str, edits: tuple[Edit, ...]) -> str:
    """Return twelve hex digits that depend on what is changed and on what evidence, not on when or on which base."""
    return sha256(repr((path, edits)))[:12]


# --- what was proposed before ---------------------------------------------------------------------------------------------


def pending(store: Store, proposal: Proposal, lesson: Lesson) -> Proposal | Recurrence:
    """Return that the edit waits already, because of something else that was said; else the edit, which says what it is like."""
    said = {item.id for item in proposal.evidence}
    waiting = [each.proposal for each in store.proposals(states=("queued", "stale"), skill=proposal.path)]
    waiting = [other for other in waiting if said.isdisjoint(item.id for item in other.evidence)]
    near = [other for other in waiting if _match(proposal, other, _like)]
    for other in waiting:
        mine, theirs = ([x.old for x in each.edits if x.op == "replace"] for each in (proposal, other))
        once = other in near and mine == theirs != [] and _match(proposal, other, _same_words)
        if once or _match(proposal, other, same_rule):
            return Recurrence(lesson, proposal.path, 0, other.edits[0].new or "", other.id)
    why = (f"perhaps the same as {near[0].id}, which waits",) if near else ()
    return replace(proposal, look=(*proposal.look, *why))


def same_saying(proposal: Proposal, lesson: Lesson) -> bool:
    """Return whether a proposal rests on the very words that a lesson of another source was drawn from."""
    if lesson.source == "model" and ":" in proposal.drafter:  # which may word it otherwise the next time
        return lesson.id in {item.id for item in proposal.evidence}
    another = proposal.drafter != DRAFTERS.get(lesson.source, lesson.source)
    return another and any(same_words(item, lesson.evidence) for item in proposal.evidence)


def same_words(one: Evidence, other: Evidence) -> bool:
    """Return whether one of two quotes of the same turn holds the other."""
    same_turn = (one.uuid or one.line) == (other.uuid or other.line)
    return same_turn and (one.quote in other.quote or other.quote in one.quote)


def repeats(proposal: Proposal, earlier: Iterable[Queued]) -> Queued | None:
    """Find the failed proposal that this one repeats, if it rests on no evidence beyond what those had."""
    same = [item for item in earlier if _match(proposal, item.proposal, _near)]
    known = {evidence.id for item in same for evidence in item.proposal.evidence}
    return same[-1] if same and {evidence.id for evidence in proposal.evidence} <= known else None


_near = partial(words.alike, least=NEAR)


def _like(one: str, other: str) -> bool:
    return _near(one, other) or (words.same_names(one, other) and same_wish(one, other))


def _same_words(one: str, other: str) -> bool:
    return words.content_words(one) == words.content_words(other)


def _match(mine: Proposal, other: Proposal, same: Callable[[str, str], bool]) -> bool:
    """Return whether two proposals are the same attempt, edit by edit, as far as that comparison of their new lines tells."""
    return len(mine.edits) == len(other.edits) and all(
        (a.op, a.old) == (b.op, b.old) if "delete" in (a.op, b.op) else same(a.new or "", b.new or "")
        for a, b in zip(mine.edits, other.edits, strict=True)
    )


def reworded(proposal: Proposal, lines: Sequence[str], drafter: str = PERSON) -> Proposal:
    """Return the same edit with other lines, one below the other, as a person wrote them: a proposal of its own."""
    first = proposal.edits[0]
    edits = [] if lines[0] == first.old else [replace(first, new=lines[0])]
    for above, line in pairwise(lines):
        edits.append(replace(first, op="insert", old=None, new=line, after=above, nth=0))
    changed = (*edits, *proposal.edits[1:])
    name = proposal_id(proposal.path, changed)
    why = "Both lines stay" if lines[0] == first.old else proposal.rationale
    return replace(proposal, id=name, edits=changed, drafter=drafter, rationale=why)


def moved(proposal: Proposal, text: str, path: str) -> Proposal:
    """Return a proposal that brings the same new line to another file, which has this text. Raises SkillloopError: it cannot."""
    line = body_of(proposal.edits[0].new or "")[1]
    if not line:
        raise SkillloopError("a deletion cannot be moved")
    said, *also = proposal.evidence
    settled = (NOT_IN_FORCE, EARLIER, UNSURE, f"{AGAINST} {target_name(path)}, ")
    look = tuple(why for why in proposal.look if not any(each in why for each in settled))
    lesson = Lesson(said, line, 1.0, offered=True, confidence=1.0, turn=0, target=path, look=look)
    new = draft(replace(lesson, also=tuple(also)), text, path)
    if not isinstance(new, Proposal):
        raise SkillloopError(f"it is already a rule: {path}:{new.line}")
    return replace(new, drafter=proposal.drafter, session_id=proposal.session_id)
