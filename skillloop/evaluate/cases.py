"""Cases: recorded situations with a check, replayed to see whether an edit helps.

Every lesson becomes one: what was said before it, what went wrong, and how to tell next time. Where the person
named a thing (in backticks or quotes), code can tell: it must be there, must not, or must be run. Else a rubric, for a
judge. A skill's own `evals/evals.json` (the format of Anthropic's skill-creator) is read too.

Invariant: a check is never shown to whoever drafts or replays.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skillloop.model import Lesson, Session, sha256
from skillloop.propose.model_drafter import CORRECTION
from skillloop.text import lexicon, redact, words

TURNS = 3  # turns before a disagreement that make its situation
LONGEST = 1500  # characters of each of them

EVALS = Path("evals") / "evals.json"
_LARGEST = 1_000_000  # bytes of an evals.json that are read

_SPAN = re.compile(r"`([^`\n]{2,80})`|\"([^\"\n]{2,80})\"|“([^”\n]{2,80})”")
_CLAUSE = r"[;:!?。！？；，,]|\.(?:\s|$)|\s[-–—]+\s|\b<spaced>\b"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a situation."""

    role: Literal["human", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What a replay has to meet: what code can tell, or a rubric where it cannot."""

    contains: tuple[str, ...] = ()  # each is in the answer or its commands, in any letter case
    absent: tuple[str, ...] = ()  # none is, as a whole word
    commands: tuple[str, ...] = ()  # each begins one of the commands
    rubric: str = ""

    @property
    def by_code(self) -> bool:
        """Whether no judge is needed."""
        return bool(self.contains or self.absent or self.commands)

    def met(self, answer: str, commands: tuple[str, ...]) -> bool:
        """Return whether an answer meets what code can tell."""
        text = "\n".join((answer, *commands)).casefold()
        return (
            all(part.casefold() in text for part in self.contains)
            and not any(_whole(part).search(text) for part in self.absent)
            and all(any(line.strip().startswith(part) for line in commands) for part in self.commands)
        )


@dataclass(frozen=True, slots=True)
class Case:
    """A situation, what went wrong in it, and how to tell whether it goes right."""

    id: str
    skill: str  # path of the SKILL.md
    session_id: str  # cases of one session are never split
    situation: tuple[Message, ...]  # ends with what the person asked
    wrong: str  # the person's words on what went wrong; "" for an eval
    expected: Expected


def from_lesson(session: Session, lesson: Lesson) -> Case | None:
    """Return the case that a lesson makes, or None where nothing was asked before it or no file is to learn it."""
    if lesson.target is None:
        return None
    before = list(session.turns[: lesson.turn])
    while before and before[-1].role == "assistant":
        before.pop()  # the answer that was wrong is what a replay gives anew
    if not before:
        return None
    situation = tuple(Message(turn.role, redact.clean(turn.text, LONGEST)) for turn in before[-TURNS:])
    wrong = redact.clean(session.turns[lesson.turn].text, CORRECTION)
    rule = redact.clean(lesson.text, CORRECTION)
    return Case(lesson.id, lesson.target, session.session_id, situation, wrong, expected(rule))


def expected(lesson: str) -> Expected:
    """Return what a lesson lets code check: the things that it names. Where they do not add up, a rubric."""
    contains, absent, commands = [], [], []
    for clause, negated in _clauses(lesson):
        for match in _SPAN.finditer(clause):
            named = next(filter(None, match.groups())).strip()
            if negated:
                absent.append(named)
            elif match[1] and lexicon.pattern("clause.run", r"\b<spaced>\w*|<dense>").search(clause):
                commands.append(named)
            else:
                contains.append(named)
    clash = any(_whole(no).search(yes.casefold()) for no in absent for yes in contains + commands)
    if clash or not (contains or absent or commands):
        return Expected(rubric=lesson)
    return Expected(tuple(contains), tuple(absent), tuple(commands))


def _clauses(lesson: str) -> Iterator[tuple[str, bool]]:
    """Yield the clauses of a lesson, each with whether it says what not to do. Marks inside of a named thing do not split."""
    spans, start = [match.span() for match in _SPAN.finditer(lesson)], 0
    ends = (match.span() for match in lexicon.pattern("clause.conjunction", _CLAUSE).finditer(lesson))
    ends = (end for end in ends if not any(a <= end[0] < b for a, b in spans))
    for stop, after in (*ends, (len(lesson), len(lesson))):
        wanted, *unwanted = lexicon.pattern("clause.instead", lexicon.WHOLE).split(lesson[start:stop])
        yield wanted, "not" in words.polarity(_SPAN.sub(" ", wanted))
        yield from ((part, True) for part in unwanted)
        start = after


def _whole(part: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(part.casefold())}(?!\w)")


def evals(skill: str) -> tuple[list[Case], list[str]]:
    """Read the cases of a skill's own evals/evals.json; the cases, and what could not be read, a sentence an item.

    Public files differ from the schema of skill-creator (https://github.com/anthropics/skills): a list without an object
    around it; `assertions` for `expectations`; objects for texts. Small text files become a part of the situation.
    """
    path = Path(skill).parent / EVALS
    if not path.exists():
        return [], []
    try:
        document = json.loads(text_of(path, path.parents[1], _LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        return [], [f"{path}: not JSON: {error}"]
    items = document.get("evals") if isinstance(document, dict) else document
    if not isinstance(items, list):
        return [], [f'{path}: holds no list of evals ({{"evals": [{{"prompt", "expectations"}}]}})']
    cases, troubles = [], []
    for number, item in enumerate(items, start=1):
        try:
            cases.append(_eval(item, number, skill))
        except (ValueError, OSError) as error:
            troubles.append(f"{path}: eval {number}: {error}")
    return cases, troubles


def _eval(item: Any, number: int, skill: str) -> Case:
    """Return the case of one item. Raises ValueError, OSError: it is none, or a file of it cannot be read."""
    prompt = item.get("prompt") if isinstance(item, dict) else None
    if not isinstance(prompt, str):
        raise ValueError("no prompt")  # noqa: TRY004  (one of the ways in which an item is none)
    listed = item.get("expectations") or item.get("assertions") or ()
    wanted = [item.get("expected_output"), *([listed] if isinstance(listed, str | dict) else listed)]
    # of an object its description, text or name
    objects = (one if isinstance(one, dict) else {"text": one} for one in wanted)
    texts = (
        next((one[key] for key in ("description", "text", "name") if one.get(key)), "") for one in objects
    )
    rubric = "\n".join(text for text in texts if text and isinstance(text, str))
    if not rubric:
        raise ValueError("it does not say what is expected")
    files = [_file(Path(skill).parent, str(name)) for name in item.get("files") or ()]
    name = f"evals:{item.get('id', number)}"
    asked = tuple(Message("human", redact.clean(text, LONGEST)) for text in (*files, prompt))
    id_ = sha256("\0".join((name, skill, prompt, *files, rubric)))[:12]
    return Case(id_, skill, name, asked, "", Expected(rubric=redact.clean(rubric, 3 * LONGEST)))


def _file(folder: Path, name: str) -> str:
    """Return a small text file of an eval, as a person would paste it; its path is the skill's or that of the evals."""
    for path in (folder / name, folder / EVALS.parent / name):
        if text := text_of(path, folder, LONGEST):
            return f"{name}:\n{text}"
    raise ValueError(f"its file {name} is not there")


def text_of(path: Path, folder: Path, most: int) -> str:
    """Return a file's text; "" where there is none. Raises ValueError: too large, no text, or not in the folder; OSError."""
    if not path.exists():
        return ""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{path.name} lies outside of the skill")
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most or b"\0" in data:
        raise ValueError(f"{path.name} is not text, or is larger than {most:,} bytes")
    return data.decode("utf-8")


def held_out(case: Case) -> bool:
    """Return whether a case is kept for the last look: a third of the sessions are, by lot of their id, for ever."""
    return int(sha256(case.session_id)[:8], 16) % 3 == 0


def split(everything: list[Case], own: Case) -> tuple[list[Case], list[Case]]:
    """Split the other cases into those to select by and those held out, which are never of the session of `own`."""
    others = [case for case in everything if case.id != own.id]
    hidden = [case for case in others if held_out(case) and case.session_id != own.session_id]
    chosen = [case for case in others if case not in hidden]
    assert not {case.session_id for case in chosen} & {case.session_id for case in hidden}
    return chosen, hidden
