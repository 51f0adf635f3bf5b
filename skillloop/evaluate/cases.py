"""Cases: recorded situations with a check, replayed to see whether an edit helps.

Every lesson becomes one: what was said before it, what went wrong, and how to tell next time: by code where the person named
a thing (in backticks or quotes), else by a rubric, for a judge. Those in a skill's own folder are read too: `evals/evals.json`,
the format of Anthropic's skill-creator, and `evals/**/prompt.md`, `case.yaml` and `graders/*.md`, that of `claude plugin
eval`, which is also written. Invariant: a check is never shown to whoever drafts or replays.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skillloop.hosts.claude_code.records import dicts, string
from skillloop.model import Lesson, Session, sha256
from skillloop.propose.model_drafter import CORRECTION
from skillloop.text import lexicon, redact, words

TURNS = 3  # turns before a disagreement that make its situation
LONGEST = 1500  # characters of each of them
EVALS = Path("evals") / "evals.json"
MOST = 200  # cases of `claude plugin eval`, of one skill
_LARGEST = 1_000_000, 100_000  # bytes of an evals.json that are read, and of any other file
_LITERAL = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^A-Za-z0-9])+")  # a pattern that matches but one text
_BACKSLASH_B = re.compile(r"(?<!\\)(?:\\\\)+b$")  # these two characters at the end, and no word boundary
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()/]")
_WORD = r"(?<!\w)", r"(?!\w)"  # around what must not be there as a whole word
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
        document = json.loads(_text_of(path, path.parents[1], _LARGEST[0]))
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
    item = item if isinstance(item, dict) else {}
    if not (prompt := string(item.get("prompt"))):
        raise ValueError("no prompt")
    listed = item.get("expectations") or item.get("assertions") or ()
    wanted = [item.get("expected_output"), *([listed] if isinstance(listed, str | dict) else listed)]
    objects = (one if isinstance(one, dict) else {"text": one} for one in wanted)
    texts = (one.get("description") or one.get("text") or one.get("name") for one in objects)
    rubric = "\n".join(filter(None, map(string, texts)))
    if not rubric:
        raise ValueError("it does not say what is expected")
    folder, files = Path(skill).parent, []
    for name in map(str, item.get("files") or ()):  # small text files, as a person would paste them
        places = (folder / name, folder / EVALS.parent / name)
        text = next(filter(None, (_text_of(path, folder, LONGEST) for path in places)), "")
        if not text:
            raise ValueError(f"its file {name} is not there")
        files.append(f"{name}:\n{text}")
    asked = tuple(Message("human", redact.clean(text, LONGEST)) for text in (*files, prompt))
    name = f"evals:{item.get('id', number)}"
    id_ = sha256("\0".join((name, skill, prompt, *files, rubric)))[:12]
    return Case(id_, skill, name, asked, "", Expected(rubric=redact.clean(rubric, 3 * LONGEST)))


def _text_of(path: Path, folder: Path, most: int) -> str:
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


def brought(skill: str) -> tuple[list[Case], list[str]]:
    """Return the cases that a skill brings along, in evals.json or as folders; and what could not be read."""
    (cases, troubles), (more, others) = evals(skill), plugin_evals(skill)
    return cases + more, troubles + others


def plugin_evals(skill: str) -> tuple[list[Case], list[str]]:
    """Return the cases in a skill's own folder; and what could not be read, a sentence a case or grader."""
    root = Path(skill).parent / "evals"
    found = {path.parent for name in ("prompt.md", "case.yaml") for path in root.glob(f"**/{name}")}
    cases, troubles = [], []
    for folder in sorted(found)[:MOST]:
        if folder.relative_to(root).parts[:1] in (("results",), ("mocks",)):
            continue
        try:
            case, skipped = _case(folder, folder.relative_to(root).as_posix(), skill)
        except (OSError, ValueError, RecursionError) as error:
            troubles.append(f"{folder}: {error}")
            continue
        cases.append(case)
        troubles += [f"{folder}: the grader {each} needs tools, which a replay has not" for each in skipped]
    return cases, troubles


def _case(folder: Path, name: str, skill: str) -> tuple[Case, list[str]]:
    """Return the case of a folder, and the graders that were passed over. Raises ValueError, OSError: it is none."""
    whole = _mapping(_text_of(folder / "case.yaml", Path(skill).parent, _LARGEST[1]))
    _, body = _front(folder / "prompt.md", skill)
    run = whole.get("execution")
    prompt = body or string(run.get("prompt") if isinstance(run, dict) else "")
    if not prompt:
        raise ValueError("no prompt")
    graders = list(dicts(whole.get("graders")))
    for file in sorted((folder / "graders").glob("*.md")):
        front, body = _front(file, skill)
        graders.append({"criteria": body, **front, "name": file.stem})
    wanted, skipped = _graded({key: string(text) for key, text in each.items()} for each in graders)
    text = redact.clean(prompt, LONGEST)
    id_ = sha256("\0".join((name, skill, prompt, repr(wanted))))[:12]
    return Case(id_, skill, f"evals:{name}", (Message("human", text),), "", wanted), skipped


def _front(file: Path, skill: str) -> tuple[dict[Any, Any], str]:
    """Return the frontmatter of a Markdown file and the text below it."""
    text = _text_of(file, Path(skill).parent, _LARGEST[1])
    parts = re.split(r"^---[ \t]*\r?$", text, maxsplit=2, flags=re.MULTILINE)
    if len(parts) < 3 or parts[0].strip():
        return {}, text.strip()
    return _mapping(parts[1]), parts[2].strip()


def _mapping(text: str) -> dict[Any, Any]:
    """Return a mapping of YAML, in which every scalar is text; {} for any other value. Raises ValueError: not YAML."""
    import yaml  # noqa: PLC0415  (what most skills do not need)

    try:
        value = yaml.load(text, yaml.BaseLoader)  # noqa: S506  (it makes texts, lists and mappings alone)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from error
    return value if isinstance(value, dict) else {}


def _graded(graders: Iterable[dict[Any, str]]) -> tuple[Expected, list[str]]:
    """Return what graders ask for, by code if that tells all, and those passed over. Raises ValueError: it can ask none."""
    contains: list[str] = []
    absent: list[str] = []
    commands, rubric, told, skipped = [], [], [], []
    for grader in graders:
        kind, pattern = grader.get("type"), grader.get("pattern", "")
        negated = grader.get("match") == "not_contains"
        tool = kind == "tool_used" and grader.get("tool") == "Bash" and grader.get("min", "1") != "0"
        called = _literal(grader.get("input_match", "")) if tool else ""
        if kind == "llm" and grader.get("focus", "last_message") == "last_message" and grader.get("criteria"):
            rubric.append(grader["criteria"])
        elif kind == "regex" and pattern and grader.get("target", "last_message") == "last_message":
            if literal := _literal(pattern):
                (absent if negated else contains).append(literal)
            verb = "does not match" if negated else "matches"
            told.append(f"The answer {verb} the regular expression {pattern}")
            rubric += [] if literal else [told[-1]]
        elif called:
            commands.append(called)
            told.append(f"The command {called} is run")
        else:
            skipped.append(grader.get("name") or kind or "without a name")
    if rubric:
        text = "\n".join(dict.fromkeys([*rubric, *told]))
        return Expected(rubric=redact.clean(text, 3 * LONGEST)), skipped
    wanted = Expected(tuple(contains), tuple(absent), tuple(commands))
    if not wanted.by_code:
        raise ValueError("it does not say what is expected in a way that a replay can ask")
    return wanted, skipped


def _literal(pattern: str) -> str:
    """Return the one text that a pattern matches, its word boundaries aside; "" where it is more than one."""
    for before, after in (_WORD, (r"\b", r"\b")):
        pattern = pattern.removeprefix(before)
        if not _BACKSLASH_B.search(pattern):
            pattern = pattern.removesuffix(after)
    return re.sub(r"\\(.)", r"\1", pattern) if _LITERAL.fullmatch(pattern) else ""


def write(cases: Iterable[Case], folder: Path) -> None:
    """Write cases as `claude plugin eval` reads them, a folder for each id. Raises OSError: one is there, or cannot be made."""
    for case in cases:
        wanted, home = case.expected, folder / case.id
        (home / "graders").mkdir(parents=True)
        tools = ["Read", "Glob", "Grep", "Skill", *(["Bash"] if wanted.commands else [])]
        *before, last = case.situation
        said = "".join(f"{turn.role} said before: {turn.text}\n\n" for turn in before)
        prompt = f"---\nallowed_tools: [{', '.join(tools)}]\n---\n\n{said}{last.text}\n"
        (home / "prompt.md").write_text(prompt, "utf-8")
        graders = {f"contains-{n}": {"pattern": _escaped(text)} for n, text in enumerate(wanted.contains, 1)}
        for n, text in enumerate(wanted.absent, 1):
            graders[f"absent-{n}"] = {"pattern": _escaped(text).join(_WORD), "match": "not_contains"}
        graders = {name: {"type": "regex", "flags": "i", **facts} for name, facts in graders.items()}
        for n, text in enumerate(wanted.commands, 1):
            graders[f"runs-{n}"] = {"type": "tool_used", "tool": "Bash", "input_match": _escaped(text)}
        for name, facts in graders.items():
            front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in facts.items())
            (home / "graders" / f"{name}.md").write_text(f"---\n{front}\n---\n", "utf-8")
        if wanted.rubric:
            (home / "graders/rubric.md").write_text(f"---\ntype: llm\n---\n\n{wanted.rubric}\n", "utf-8")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


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
