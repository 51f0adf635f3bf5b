"""What a model is asked about a session, once, and what is made of an answer, whoever gives it.

Claude may answer in the session, its notes may, or a model that is asked: an answer has one form, is checked once, and taken as
hostile, since words in a transcript may have talked the model into anything. So it may only point: at turns, by the ids that
were given; at a file, among those that may learn; at a line of that file. Each lesson then goes the way of those found offline,
and always waits for a person. Sent are turns of the person, redacted and short, never a tool's result.
"""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from skillloop import detect, llm
from skillloop.detect.disagreements import LONGEST_QUOTE
from skillloop.detect.lesson import sentences
from skillloop.errors import SkillloopError, UsageError
from skillloop.hosts.claude_code import authorship
from skillloop.model import Lesson, Origin, Scope, Session, Source, Turn, sha256
from skillloop.propose import targets
from skillloop.propose.offline_drafter import DRAFTERS
from skillloop.propose.targets import NOT_IN_FORCE, KnownSkill
from skillloop.skillpath import rules_file
from skillloop.skills import document
from skillloop.store import Queued
from skillloop.text.redact import clean, redact
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
LONGEST = 300  # characters of a lesson
EXAMPLE = 'send [{"cites": ["ID"], "lesson": "One sentence."}], or the same as TOML under [[lesson]]'
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]


class Brief(NamedTuple):
    """What may be sent of a session."""

    session: Session
    turns: tuple[Turn, ...]  # of the person
    found: tuple[Lesson, ...]  # offline
    skills: tuple[KnownSkill, ...]
    rules: Mapping[str, str]  # texts of the rules files, by scope
    failed: Sequence[Queued] = ()


def request(brief: Brief, model: str) -> llm.Request:
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
    failed = []  # the newest, and by whom; never a check's own words: a drafter would write for them
    for item in brief.failed[-NEWEST:]:
        by = "the person" if item.by == "person" else "a rule"
        for edit in item.proposal.edits:
            pair = f"{edit.old} → {edit.new}" if edit.op == "replace" else f"{edit.op} {edit.new or edit.old}"
            failed.append({"edit": pair, "turned down by": by})
    data = {
        "turns": [told[index] for index in sorted(told)],
        "skills": list(_outlines(brief)),
        "rules": {scope: clean(text, OUTLINES // 2) for scope, text in brief.rules.items() if text},
        "failed": failed,
    }
    # what is in a skill by now does not make a session another one
    about = f"{brief.session.session_id} {brief.session.end} {brief.session.digest}"
    return llm.Request("lessons", model, llm.prompt(PROMPT, most=MOST), data, SCHEMA, about=about)


def scene(session: Session, turn: Turn, quote: str = "", *, brief: bool = False) -> dict[str, Any]:
    """Return what the assistant answered and did (calls, not results) before a turn, and what the person said, as JSON values."""
    person, most, calls = (500, 100, 0) if brief else (CORRECTION, 350, 3)  # two in characters, tool calls
    before = session.turns[turn.index - 1] if turn.index else None
    answer = before if before is not None and before.role == "assistant" else None
    tools = answer.tools[-calls:] if answer and calls else ()
    told = {
        "before": clean(answer.text, most) if answer else "",
        "did": [clean(f"{tool.name}: {tool.brief}", _TOOL) for tool in tools],
        "person": around(turn.text, quote, person),
        "stopped the assistant": turn.interrupted or turn.denied,
    }
    return {name: value for name, value in told.items() if value}


def around(text: str, quote: str, longest: int = CORRECTION) -> str:
    """Return the person's words, redacted; of long ones the part around the quote."""
    text, quote = redact(text).strip(), redact(quote).strip()
    at = text.find(quote)
    if len(text) <= longest or at < 0 or not quote:
        return clean(text, longest)
    spare = max(0, longest - len(quote)) // 2
    start, end = max(0, at - spare), min(len(text), at + len(quote) + spare)
    return "… " * (start > 0) + text[start:end] + " …" * (end < len(text))


def _size(value: Any) -> int:
    return 0 if value is None else len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _outlines(brief: Brief) -> Iterator[dict[str, str]]:
    """Yield the skills that there is room for: those in force, with their lists, then by the words shared with the person's."""
    used, room = set(brief.session.skills), OUTLINES
    said = content_words("\n".join(turn.text for turn in brief.turns))
    likely = lambda skill: (skill.ref not in used, -sum(skill.words.get(word, 0) for word in said))  # noqa: E731
    for skill in sorted(brief.skills, key=likely):
        with suppress(SkillloopError):
            parsed = document.parse(skill.text)
            head = redact("".join(parsed.lines[: parsed.body]))
            about = re.search(r"^description:\s*(.*(?:\n[ \t]+.*)*)", head, re.MULTILINE)
            lines = []
            for section in parsed.sections:
                lines += [f"# {section.heading}"] if section.heading else []
                lines += [parsed.lines[item].strip() for item in parsed.items(section) if skill.ref in used]
            entry = {
                "name": skill.ref.name,
                "about": clean(" ".join(about[1].split()), 250) if about else "",
                "outline": clean("\n".join(lines), 3_000 if skill.ref in used else 250),
            }
            if (size := _size(entry)) <= room:
                room -= size
                yield entry


# --- an answer, whoever gives it -------------------------------------------------------------------------------------------


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

    TOML is for shells: Claude Code asks about a command with a brace before a quotation mark. Raises UsageError: neither.
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

    `known` skills may be its target; receipts are in `home`. Raises Unusable: no person said what it cites, or no file may learn.
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


def read(value: Mapping[str, Any], brief: Brief, home: Path) -> tuple[dict[Lesson, set[int]], set[int]]:
    """Return what an answer says: lessons, each with the turns it rests on, and turns that teach nothing; see `lesson`."""
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
            with suppress(Unusable):
                lessons.append(_lesson(item, turns, brief, home))
                rests.append(about)
    return dict(zip(apart(lessons), rests, strict=True)), silenced


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
    said = Answer(
        cites,
        line(item["lesson"]),
        None if target is not None and target not in names else scope,  # one that is not there is none
        target if target in names else None,
        old=old if there else None,
        why=item["why"],
    )
    return lesson(said, brief.session, brief.skills, "model", home)


def line(text: str) -> str:
    """Return a sentence of an answer as one line without a list marker."""
    return _MARKER.sub("", " ".join(text.split()), count=1)[:LONGEST]


def rewording(refused: Sequence[tuple[Lesson, str]], session: Session, model: str) -> llm.Request:
    """Return the question for other words of lessons that the gate discarded, each with the reason."""
    texts, told = {(turn.line, turn.uuid): turn.text for turn in session.human_turns}, []
    for number, (lesson, why) in enumerate(refused):
        cited = [said for said in (lesson.evidence, *lesson.also) if (said.line, said.uuid) in texts]
        person = [around(texts[said.line, said.uuid], said.quote) for said in cited]
        failed = clean(why, 300)
        told.append({"id": f"l{number}", "person": person, "lesson": lesson.text, "did not pass": failed})
    return llm.Request("reword", model, llm.prompt(REWORD), {"lessons": told}, _REWORDED)


def reworded(value: Mapping[str, Any], refused: Sequence[tuple[Lesson, str]]) -> dict[str, Lesson]:
    """Return the lessons in the words of an answer, by id."""
    given = {f"l{number}": lesson for number, (lesson, _) in enumerate(refused)}
    texts = {item["id"]: line(item["lesson"]) for item in value["lessons"] if item["id"] in given}
    return {given[name].id: replace(given[name], text=text) for name, text in texts.items() if text}
