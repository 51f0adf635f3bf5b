"""Lessons as a model words them: one form, checked once, whoever answers (Claude in the session, its notes, or one call).

An answer is taken as hostile: whatever the model read may have bent it. So it may only point: at turns, whose words are then
read from the transcript; at a file, among those that may learn; at a line of that file. Its own sentence is for the gate to
judge, and what comes of it always waits for a person.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from skillloop import detect
from skillloop.detect.disagreements import LONGEST_QUOTE
from skillloop.detect.lesson import sentences
from skillloop.errors import UsageError
from skillloop.hosts.claude_code import authorship
from skillloop.model import Lesson, Origin, Scope, Session, Source, sha256
from skillloop.propose import targets
from skillloop.propose.offline_drafter import DRAFTERS
from skillloop.propose.targets import NOT_IN_FORCE, KnownSkill
from skillloop.skillpath import rules_file
from skillloop.text.redact import clean, redact
from skillloop.text.words import content_words

LONGEST = 300  # characters of a lesson
EXAMPLE = 'send [{"cites": ["ID"], "lesson": "One sentence."}], or the same as TOML under [[lesson]]'

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One lesson as it was answered: the turns it rests on, the sentence, and where it is to stand."""

    cites: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=5)]
    lesson: _Text
    scope: Scope | None = None  # None: skillloop chooses the place
    target: str | None = None  # name or path of a skill
    op: Literal["insert", "replace"] = "insert"
    old: _Text | None = None  # the item that a replacement takes the place of
    why: str = ""


class Unusable(ValueError):  # noqa: N818  (it is an answer, not an accident)
    """An answer that makes no lesson, and why, for whoever answered."""


def values(text: str) -> list[Any]:
    """Return the lessons in a text, still unread: in JSON a list or one object, in TOML tables `[[lesson]]`.

    TOML is for shells: Claude Code asks about each command that has a brace before a quotation mark. Raises UsageError: it
    is something else; the line is named.
    """
    try:
        value = tomllib.loads(text).get("lesson") if "[[lesson]]" in text else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"stdin is neither JSON nor TOML: {error}", EXAMPLE) from None
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(each, dict) for each in found):
        raise UsageError("stdin holds no list of lessons", EXAMPLE)
    return found


def parse(value: Any) -> Answer:
    """Return an answer from its JSON value. Raises Unusable: it is of another form."""
    try:
        answer = msgspec.convert(value, Answer)
    except msgspec.ValidationError as error:
        raise Unusable(str(error)) from None
    if (answer.op == "replace") != (answer.old is not None):
        raise Unusable('`old` is for "op": "replace": the list item to replace, without its marker')
    return answer


def lesson(
    answer: Answer, session: Session, known: Sequence[KnownSkill], source: Source, home: Path
) -> Lesson:
    """Return the lesson that an answer of `source`, who may have been talked into it, makes; quotes and target filled in.

    `known` are the skills that it may be for; the receipts are in `home`, $SKILLLOOP_HOME. Raises Unusable: it cites what no
    person said, or names no file that may learn.
    """
    turns = {detect.saying(session, turn).id: turn for turn in session.human_turns}
    text, cited = redact(" ".join(answer.lesson.split())), []
    for name in dict.fromkeys(answer.cites):
        if (turn := turns.get(name)) is None:
            raise Unusable(f"{name!r} is not one of the person's turns here: see `skillloop turns`")
        why = "it is only pasted" * (not turn.text.strip()) or authorship.suspicion(session, turn, home)
        if turn.origin is Origin.MACHINE or why:
            raise Unusable(f"turn {name} may not be the person's: {why or 'a machine wrote it'}")
        own = sha256(f"{name} {source}")[:16]  # the detector may have a lesson of the turn, too
        cited.append(replace(detect.saying(session, turn), id=own, quote=quote(turn.text, text)))
    said = turns[answer.cites[0]]
    found = Lesson(cited[0], text, 1.0, offered=True, confidence=1.0, turn=said.index, skill=said.skill)
    why = clean(" ".join(answer.why.split()), LONGEST)
    look = (f"worded by {DRAFTERS.get(source, 'a model')}",)
    found = replace(found, source=source, look=look, also=tuple(cited[1:]), old=answer.old, why=why)
    return _aimed(found, answer, session, known)


def apart(lessons: Iterable[Lesson]) -> list[Lesson]:
    """Return lessons each with an id of its own: a further one of a turn is known by its place among those of the turn."""
    found: list[Lesson] = []
    places = Counter[str]()
    for each in lessons:
        name = sha256(f"{each.id} {places[each.id]}")[:16] if places[each.id] else each.id
        places[each.id] += 1
        found.append(replace(each, evidence=replace(each.evidence, id=name)))
    return found


def quote(text: str, wording: str) -> str:
    """Return the sentence of a turn that shares most words with a lesson, redacted; all of the turn where none does."""
    wanted = content_words(wording)
    best = max(sentences(text), key=lambda part: len(content_words(part) & wanted), default=text)
    return redact(best if content_words(best) & wanted else text.strip())[:LONGEST_QUOTE]


def _aimed(found: Lesson, answer: Answer, session: Session, known: Sequence[KnownSkill]) -> Lesson:
    """Return the lesson with the file that the answer means."""
    project, own = rules_file(targets.project_of(session)), rules_file(None)
    scope = {project: Scope.PROJECT, own: Scope.PERSON}.get(answer.target or "", answer.scope)
    if scope is Scope.ONCE:
        raise Unusable("what was meant for once is not a lesson")
    if scope in (Scope.PROJECT, Scope.PERSON):
        return replace(found, scope=scope, target=project if scope is Scope.PROJECT else own)
    if answer.target is None and scope is None:
        return targets.aimed(found, session, known)
    active = found.skill.path if found.skill else None
    wanted, skills = answer.target or active, [skill.ref for skill in known if skill.ref.path]
    chosen = next((skill for skill in skills if wanted in (skill.name, skill.path)), None)
    if chosen is None:
        names = ", ".join(sorted({skill.name for skill in skills})) or "none"
        what = f"there is no skill {answer.target!r}" if answer.target else "no skill was in use"
        raise Unusable(f'{what}; skills here: {names}; or "scope": "project" or "person", for a rules file')
    look = () if chosen.path == active else (f"“{chosen.name}” {NOT_IN_FORCE}",)
    return replace(found, scope=Scope.SKILL, target=chosen.path, look=(*found.look, *look))
