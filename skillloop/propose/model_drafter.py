"""What a model is asked about a session, once, and what is made of its answer.

The model is taken as hostile: the words in a transcript may have talked it into anything. An answer names turns by id, and one
that was not given is dropped; the quotes are filled in from the transcript; each lesson then goes through the same pipeline
and the same gate as those found offline, and always waits for a person. Sent are turns of the person, redacted and short, never
a tool's result.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skillloop import detect, llm
from skillloop.errors import SkillloopError
from skillloop.llm import Request
from skillloop.model import Lesson, Scope, Session, Turn
from skillloop.propose import answers
from skillloop.propose.targets import KnownSkill
from skillloop.skills import document
from skillloop.store import Queued
from skillloop.text import redact
from skillloop.text.words import content_words

CORRECTION = 900  # longest words of a person that are sent or kept, in characters
_TOOL = 120  # characters of a tool call
PROMPT, REWORD = "lessons.v1", "reword.v1"
MOST = 8  # lessons of one session that are taken
SHARE, LEAST, LARGEST = 0.05, 6_000, 60_000
"""Of the transcript's bytes as many are sent about its turns, but in a short one so many, and never more."""

OUTLINES = 5_000  # bytes about the skills that are sent, and as many of the rules files
NOT_SURE = 0.05  # chance that is left where it says that something was meant for once, or for nothing
NEWEST = 10  # failed edits that are told
CITES = 5  # turns that a lesson rests on
_MARKER = re.compile(rf"\s*{document.MARKER}\s+")
_TEXT, _NAMES = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
_LESSON = llm.schema(
    cites=_NAMES,
    lasting={"type": "string", "enum": ["yes", "once", "no"]},
    lesson=_TEXT,
    scope={"type": "string", "enum": ["skill", "project", "person"]},
    skill=_TEXT,
    op={"type": "string", "enum": ["add", "replace"]},
    old=_TEXT,
    why=_TEXT,
)
SCHEMA = llm.schema(lessons={"type": "array", "items": _LESSON})
_REWORDED = llm.schema(lessons={"type": "array", "items": llm.schema(id=_TEXT, lesson=_TEXT)})


@dataclass(frozen=True, slots=True)
class Brief:
    """What may be sent of a session."""

    session: Session
    turns: tuple[Turn, ...]  # of the person
    found: tuple[Lesson, ...]  # offline
    skills: tuple[KnownSkill, ...]
    rules: Mapping[str, str]  # texts of the rules files, by scope
    failed: Sequence[Queued] = ()


def request(brief: Brief, model: str) -> Request:
    """Return the one question about a session. In a long one the likeliest turns keep what stands around them."""
    best: dict[int, Lesson] = {}
    for lesson in sorted(brief.found, key=lambda lesson: lesson.chance):
        best[lesson.turn] = lesson
    chance = {turn: lesson.chance for turn, lesson in best.items()}
    room = min(LARGEST, max(LEAST, int(SHARE * brief.session.end)))
    told: dict[int, dict[str, Any]] = {}
    for short in (True, False):  # every turn in brief comes before any in full
        for turn in sorted(brief.turns, key=lambda turn: (-chance.get(turn.index, 0), -turn.index)):
            quote = best[turn.index].evidence.quote if turn.index in best else ""
            entry: dict[str, Any] = {"id": f"t{turn.index}"}
            entry |= {"skill": turn.skill.name} if turn.skill else {}
            entry |= scene(brief.session, turn, quote, brief=short)
            entry |= {"chance": round(chance[turn.index], 2)} if turn.index in chance else {}
            more = _size(entry) - _size(told.get(turn.index))
            if more <= room:
                told[turn.index], room = entry, room - more
    data = {
        "turns": [told[index] for index in sorted(told)],
        "skills": list(_outlines(brief)),
        "rules": {scope: redact.clean(text, OUTLINES // 2) for scope, text in brief.rules.items() if text},
        "failed": list(_failed(brief)),
    }
    # what is in a skill by now does not make a session another one
    about = f"{brief.session.session_id} {brief.session.end} {brief.session.digest}"
    return Request("lessons", model, llm.prompt(PROMPT, most=MOST), data, SCHEMA, about=about)


def scene(session: Session, turn: Turn, quote: str = "", *, brief: bool = False) -> dict[str, Any]:
    """Return what the assistant answered and did before a turn, and what the person said, as JSON values.

    Of the assistant's last tool calls the name and the command or path are told, not what came of them. Of long words of the
    person the part around a quote is told.
    """
    person, most, calls = (500, 100, 0) if brief else (CORRECTION, 350, 3)  # two in characters, tool calls
    before = session.turns[turn.index - 1] if turn.index else None
    answer = before if before is not None and before.role == "assistant" else None
    tools = answer.tools[-calls:] if answer and calls else ()
    told = {
        "before": redact.clean(answer.text, most) if answer else "",
        "did": [redact.clean(f"{tool.name}: {tool.brief}", _TOOL) for tool in tools],
        "person": around(turn.text, quote, person),
        "stopped the assistant": turn.interrupted or turn.denied,
    }
    return {name: value for name, value in told.items() if value}


def around(text: str, quote: str, longest: int = CORRECTION) -> str:
    """Return the person's words, redacted; of long ones the part around the quote."""
    text, quote = redact.redact(text).strip(), redact.redact(quote).strip()
    at = text.find(quote)
    if len(text) <= longest or at < 0 or not quote:
        return redact.clean(text, longest)
    spare = max(0, longest - len(quote)) // 2
    start, end = max(0, at - spare), min(len(text), at + len(quote) + spare)
    return "… " * (start > 0) + text[start:end] + " …" * (end < len(text))


def _failed(brief: Brief) -> Iterator[dict[str, str]]:
    """Yield the newest edits that were turned down, and by whom; never a check's own words: a drafter would write for them."""
    for item in brief.failed[-NEWEST:]:
        for edit in item.proposal.edits:
            pair = " → ".join(filter(None, (edit.old, edit.new)))
            told = pair if edit.op == "replace" else f"{edit.op} {edit.new or edit.old}"
            yield {"edit": told, "turned down by": "the person" if item.by == "person" else "a rule"}


def _size(value: Any) -> int:
    return 0 if value is None else len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _outlines(brief: Brief) -> Iterator[dict[str, str]]:
    """Yield the skills that there is room for, those in force first, then by the words that they share with the person's.

    Of one that was in force also the items of its lists are told, which a lesson may contradict; of no skill its prose.
    """
    used, room = set(brief.session.skills), OUTLINES
    said = content_words("\n".join(turn.text for turn in brief.turns))
    likely = lambda skill: (skill.ref not in used, -sum(skill.words.get(word, 0) for word in said))  # noqa: E731
    for skill in sorted(brief.skills, key=likely):
        with suppress(SkillloopError):
            parsed = document.parse(skill.text)
            head = redact.redact("".join(parsed.lines[: parsed.body]))
            about = re.search(r"^description:\s*(.*(?:\n[ \t]+.*)*)", head, re.MULTILINE)
            lines = []
            for section in parsed.sections:
                lines += [f"# {section.heading}"] if section.heading else []
                lines += [parsed.lines[item].strip() for item in parsed.items(section) if skill.ref in used]
            entry = {
                "name": skill.ref.name,
                "about": redact.clean(" ".join(about[1].split()), 250) if about else "",
                "outline": redact.clean("\n".join(lines), 3_000 if skill.ref in used else 250),
            }
            if (size := _size(entry)) <= room:
                room -= size
                yield entry


def read(
    value: Mapping[str, Any], brief: Brief, home: Path
) -> tuple[list[tuple[Lesson, set[int]]], set[int]]:
    """Return what an answer says: lessons, each with the turns it rests on, and turns that teach nothing; see `answers.lesson`."""
    given = {f"t{turn.index}": turn for turn in brief.turns}
    lessons: list[Lesson] = []
    rests: list[set[int]] = []
    silenced: set[int] = set()
    for item in value["lessons"]:
        turns = [given[name] for name in dict.fromkeys(item["cites"]) if name in given]
        about = {turn.index for turn in turns}
        if item["lasting"] != "yes":
            silenced |= about
        elif turns and line(item["lesson"]) and len(lessons) < MOST:
            with suppress(answers.Unusable):
                lessons.append(_lesson(item, turns, brief, home))
                rests.append(about)
    return list(zip(answers.apart(lessons), rests, strict=True)), silenced


def _lesson(item: Mapping[str, Any], turns: list[Turn], brief: Brief, home: Path) -> Lesson:
    """Return a lesson that rests on turns, foremost on the one that shares most words with it."""
    words = content_words(item["lesson"])
    turns = sorted(turns, key=lambda turn: (-len(words & content_words(turn.text)), -turn.index))[:CITES]
    cites = tuple(detect.saying(brief.session, turn).id for turn in turns)
    scope, names = Scope(item["scope"]), {skill.ref.name for skill in brief.skills if skill.ref.path}
    target = item["skill"] if scope is Scope.SKILL else None
    old = line(item["old"]) if item["op"] == "replace" else ""
    texts = (*brief.rules.values(), *(skill.text for skill in brief.skills))
    there = bool(old) and any(old in text for text in texts)
    said = answers.Answer(
        cites,
        line(item["lesson"]),
        None if target is not None and target not in names else scope,  # one that is not there is none
        target if target in names else None,
        old=old if there else None,
        why=item["why"],
    )
    return answers.lesson(said, brief.session, brief.skills, "model", home)


def line(text: str) -> str:
    """Return a sentence of an answer as one line without a list marker."""
    return _MARKER.sub("", " ".join(text.split()), count=1)[: answers.LONGEST]


def rewording(refused: Sequence[tuple[Lesson, str]], session: Session, model: str) -> Request:
    """Return the question for other words of lessons that the gate discarded, each with the reason."""
    texts, told = {(turn.line, turn.uuid): turn.text for turn in session.human_turns}, []
    for number, (lesson, why) in enumerate(refused):
        cited = [said for said in (lesson.evidence, *lesson.also) if (said.line, said.uuid) in texts]
        person = [around(texts[said.line, said.uuid], said.quote) for said in cited]
        failed = redact.clean(why, 300)
        told.append({"id": f"l{number}", "person": person, "lesson": lesson.text, "did not pass": failed})
    return Request("reword", model, llm.prompt(REWORD), {"lessons": told}, _REWORDED)


def reworded(value: Mapping[str, Any], refused: Sequence[tuple[Lesson, str]]) -> dict[str, Lesson]:
    """Return the lessons in the words of an answer, by id."""
    given = {f"l{number}": lesson for number, (lesson, _) in enumerate(refused)}
    texts = {item["id"]: line(item["lesson"]) for item in value["lessons"] if item["id"] in given}
    return {given[name].id: replace(given[name], text=text) for name, text in texts.items() if text}
