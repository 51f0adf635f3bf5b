"""Drafts by a model: typed edits with evidence ids, read with suspicion.

The model is taken as hostile. What comes back is turned into a proposal only if its form is right, its edits fit the
file and its evidence is the one that was given; what it says is then the gate's business, exactly as with the offline
drafter. Everything else is an `InvalidDraft`, with a reason: a trial that is discarded, never a crash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from skillloop import llm
from skillloop.llm import ModelClient, Reply, Request
from skillloop.model import Edit, Lesson, Proposal, Session, sha256
from skillloop.propose import context, offline_drafter, rejected
from skillloop.skills import document
from skillloop.skills.document import LEARNED
from skillloop.store import Queued
from skillloop.text import redact
from skillloop.text.markdown import MARKER

PROMPT = "draft.v1"
EDITS = 3
"""Edits that a draft may hold."""

LONGEST = 24_000
"""Characters of a skill that are sent; of a longer one only headings and list items are."""

_MARKER = re.compile(rf"\s*{MARKER}\s+")
_TEXT = {"type": ["string", "null"]}
_EDIT = llm.schema(
    op={"type": "string", "enum": ["insert", "replace", "delete"]},
    heading=_TEXT,
    old=_TEXT,
    new=_TEXT,
    evidence={"type": "array", "items": {"type": "string"}},
)
SCHEMA = llm.schema(edits={"type": "array", "items": _EDIT}, why={"type": "string"})


@dataclass(frozen=True, slots=True)
class InvalidDraft:
    """An answer that is no draft, and why, in words for a person. `proposal` has no edits: it only carries an id."""

    proposal: Proposal
    reason: str


@dataclass(frozen=True, slots=True)
class Brief:
    """All that a draft starts from."""

    session: Session
    lesson: Lesson
    text: str  # the SKILL.md as it is now
    path: str
    closed: tuple[str, ...] = ()  # headings that the person protects
    earlier: tuple[Queued, ...] = ()  # what failed before


class EditError(ValueError):
    """An edit of the model that cannot be one of ours."""


def requests(brief: Brief, model: str, candidates: int = 1) -> list[Request]:
    """Return what is sent for one lesson: the same question once for each candidate.

    Of the skill the frontmatter is not sent, which no edit may touch; of a long one only headings and list items are.
    """
    skill = document.parse(brief.text, brief.path)
    keep = set(range(skill.body, len(skill.lines)))
    if len(brief.text) > LONGEST:
        keep = {section.start for section in skill.sections if section.heading is not None}
        keep |= {bullet.line for section in skill.sections for bullet in section.bullets}
    text = redact.redact("".join(skill.lines[number] for number in sorted(keep)).strip())[:LONGEST]
    shared = {"skill": text, "closed": list(brief.closed)}
    data = {
        "scene": context.scene(brief.session, brief.lesson),
        "lesson": context.clean(brief.lesson.text, context.CORRECTION),
        "failed": rejected.as_prompt(brief.earlier),
    }
    prompt = llm.prompt(PROMPT, edits=EDITS, learned=LEARNED)
    return [
        Request("draft", model, prompt, data, SCHEMA, sample=n, samples=candidates, shared=shared)
        for n in range(candidates)
    ]


def drafts(
    client: ModelClient,
    brief: Brief,
    model: str,
    candidates: int = 1,
    then: Callable[[], Iterable[Request]] | None = None,
) -> Iterator[Proposal | InvalidDraft]:
    """Yield a draft for each candidate, as they are asked for. For `then` see `ModelClient.complete`.

    Raises:
        BudgetExceeded, ModelError: see `ModelClient.complete`; what was yielded before stands.
    """
    for request in requests(brief, model, candidates):
        reply = client.complete(request, then)
        drafter = f"{client.backend.name}:{model}:{request.prompt.name}"
        yield read(reply, brief, drafter, request.sample)


def read(reply: Reply, brief: Brief, drafter: str, sample: int = 0) -> Proposal | InvalidDraft:
    """Return the proposal that an answer makes, or why it makes none."""
    empty = offline_drafter.proposal(brief.lesson, brief.text, brief.path, (), reply.trouble, drafter)
    empty = replace(empty, id=sha256(f"{empty.id}{brief.lesson.id}{sample}")[:12])
    if reply.value is None:
        return InvalidDraft(empty, reply.trouble)
    answered, why = reply.value["edits"], context.clean(" ".join(reply.value["why"].split()), 300)
    if not answered:
        return InvalidDraft(empty, f"the model would change nothing: {why}")
    if len(answered) > EDITS:
        return InvalidDraft(empty, f"{len(answered)} edits where at most {EDITS} are asked for")
    try:
        edits = tuple(_edit(item, brief) for item in answered)
        document.apply(brief.text, edits, brief.path)
    except (document.EditError, EditError) as error:
        return InvalidDraft(empty, str(error))
    return offline_drafter.proposal(
        brief.lesson, brief.text, brief.path, edits, f"the model says: {why}", drafter
    )


def _edit(item: dict[str, Any], brief: Brief) -> Edit:
    """Return one edit of an answer as one of ours: one whole line, under a heading that is there, on given evidence."""
    if not item["evidence"] or set(item["evidence"]) != {brief.lesson.id}:
        raise EditError("an edit rests on evidence that was not given")
    op, new = item["op"], _MARKER.sub("", (item["new"] or "").strip(), count=1)
    if op != "delete" and (not new or len(new.splitlines()) != 1):
        raise EditError("an edit must bring exactly one line")
    skill = document.parse(brief.text, brief.path)
    if op == "insert":
        heading = item["heading"] or LEARNED
        marker = next((section.marker for section in skill.named(heading)), "- ")
        return Edit("insert", heading, new=marker + new, evidence=(brief.lesson.id,))
    for section in skill.sections:
        for bullet in section.bullets:
            line = skill.lines[bullet.line].rstrip("\r\n")
            if (item["old"] or "").strip() in (line.strip(), bullet.text):
                changed = None if op == "delete" else bullet.marker + new
                return Edit(op, section.heading, line, changed, (brief.lesson.id,))
    raise EditError("an edit changes a list item that is not in the skill")
