"""The cases of `claude plugin eval`, read and written: `evals/**/prompt.md`, `case.yaml` and `graders/*.md`.

https://code.claude.com/docs/en/plugin-evals#eval-suite-reference. Read are those that lie in a skill's own folder. A replay
is one answer without tools, so graders of tools, files and transcripts are passed over and said to be; a case that has no
other is none. Of YAML as much is read as such files hold: mappings, lists, scalars of one or more lines, quoted or not,
`|` and `>`; every scalar is text. What is more (anchors, tags, nested brackets) stays the text that it is.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from skillloop.evaluate.cases import LONGEST, Case, Expected, Message, evals, text_of
from skillloop.model import sha256
from skillloop.text import redact

LARGEST = 100_000  # bytes of a file
MOST = 200  # cases of a skill
_KEY = re.compile(r"([\w.-]+):(?:\s+(.*))?$")
_LITERAL = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^A-Za-z0-9])+")  # a pattern that matches but one text
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()/]")
_WORD = r"(?<!\w)", r"(?!\w)"  # around what must not be there as a whole word


class _Yaml:
    """A reader of the part of YAML that cases are written in. Raises ValueError: a line that is none of it."""

    def __init__(self, text: str) -> None:
        self.lines, self.at = text.expandtabs().splitlines(), 0

    def peek(self) -> tuple[int, str] | None:
        """Return indent and text of the next line that says something; None at the end."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if (text := line.strip()) and not text.startswith("#") and text != "---":
                return len(line) - len(line.lstrip()), text
            self.at += 1
        return None

    def block(self, least: int) -> Any:
        """Return the mapping or list that begins here, at this indent at least; None where there is none."""
        found = self.peek()
        if found is None or found[0] < least:
            return None
        indent, text = found
        if text.startswith("- "):
            return list(self.items(indent))
        if _KEY.match(text):
            return dict(self.pairs(indent))
        raise ValueError(f"line {self.at + 1} is neither a key nor an item of a list")

    def items(self, indent: int) -> Iterator[Any]:
        """Yield the items of a list. One that begins with a key is a mapping, whose first line this is."""
        while (found := self.peek()) is not None and found[0] == indent and found[1].startswith("- "):
            text = found[1][2:].lstrip()
            if _KEY.match(text):
                column = self.lines[self.at].index(text, indent + 2)
                self.lines[self.at] = " " * column + text
                yield dict(self.pairs(column))
            else:
                self.at += 1
                yield self.scalar(text, indent)

    def pairs(self, indent: int) -> Iterator[tuple[str, Any]]:
        """Yield the pairs of a mapping."""
        while (found := self.peek()) is not None and found[0] == indent and (key := _KEY.match(found[1])):
            self.at += 1
            text = (key[2] or "").strip()
            ahead = self.peek()
            listed = ahead is not None and ahead[0] == indent and ahead[1].startswith("- ")
            yield key[1], self.scalar(text, indent) if text else self.block(indent if listed else indent + 1)

    def scalar(self, text: str, indent: int) -> Any:
        """Return a scalar that begins with `text` and goes on in deeper lines; a list in brackets as one."""
        if text[0] in "|>":
            return self.folded(text[0] == "|", indent)
        while (found := self.peek()) is not None and found[0] > indent:
            text, self.at = f"{text} {found[1]}", self.at + 1
        if text[0] == '"':
            return json.loads(text[: text.rindex('"') + 1], strict=False)
        if text[0] == "'":
            return text[1 : text.rindex("'")].replace("''", "'")
        text = re.split(r"\s#", text)[0].strip()
        if text[0] == "[" and text[-1] == "]":
            return [part.strip().strip("\"'") for part in text[1:-1].split(",") if part.strip()]
        return text

    def folded(self, literal: bool, indent: int) -> str:
        """Return the lines of a block below a `|` or `>`."""
        lines: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            lines.append(line)
            self.at += 1
        depth = next((len(line) - len(line.lstrip()) for line in lines if line.strip()), 0)
        text = "\n".join(line[depth:] for line in lines).strip("\n")
        return text if literal else re.sub(r"(?<!\n)\n(?!\n)", " ", text).replace("\n\n", "\n")


def brought(skill: str) -> tuple[list[Case], list[str]]:
    """Return the cases that a skill brings along, in evals.json or as folders; and what could not be read."""
    (cases, troubles), (more, others) = evals(skill), read(skill)
    return cases + more, troubles + others


def read(skill: str) -> tuple[list[Case], list[str]]:
    """Return the cases in a skill's own folder; and what could not be read, a sentence a case or grader."""
    root = Path(skill).parent / "evals"
    found = {path.parent for name in ("prompt.md", "case.yaml") for path in root.glob(f"**/{name}")}
    cases, troubles = [], []
    for folder in sorted(found)[:MOST]:
        name = folder.relative_to(root).as_posix()
        if folder.relative_to(root).parts[:1] in (("results",), ("mocks",)):
            continue
        try:
            case, skipped = _case(folder, name, skill)
        except (OSError, ValueError, RecursionError) as error:
            troubles.append(f"{folder}: {error}")
            continue
        cases.append(case)
        troubles += [f"{folder}: the grader {each} needs tools, which a replay has not" for each in skipped]
    return cases, troubles


def _case(folder: Path, name: str, skill: str) -> tuple[Case, list[str]]:
    """Return the case of a folder, and the graders that were passed over. Raises ValueError, OSError: it is none."""
    home = Path(skill).parent
    whole = _Yaml(text_of(folder / "case.yaml", home, LARGEST)).block(0) or {}
    _, body = _front(text_of(folder / "prompt.md", home, LARGEST))
    run = whole.get("execution") if isinstance(whole, dict) else None
    prompt = body or (run.get("prompt") if isinstance(run, dict) else None)
    if not isinstance(prompt, str):
        raise ValueError("no prompt")  # noqa: TRY004  (one of the ways in which a folder is no case)
    graders = [grader for grader in whole.get("graders") or () if isinstance(grader, dict)]
    for file in sorted((folder / "graders").glob("*.md")):
        front, body = _front(text_of(file, home, LARGEST))
        graders.append({"criteria": body, **front, "name": file.stem})
    expected, skipped = _expected(graders)
    text = redact.clean(prompt, LONGEST)
    id_ = sha256("\0".join((name, skill, prompt, repr(expected))))[:12]
    return Case(id_, skill, f"evals:{name}", (Message("human", text),), "", expected), skipped


def _front(text: str) -> tuple[dict[str, Any], str]:
    """Return the frontmatter of a Markdown file and the text below it."""
    parts = re.split(r"^---[ \t]*\r?$", text, maxsplit=2, flags=re.MULTILINE)
    if len(parts) < 3 or parts[0].strip():
        return {}, text.strip()
    front = _Yaml(parts[1]).block(0)
    return front if isinstance(front, dict) else {}, parts[2].strip()


def _expected(graders: Iterable[dict[str, Any]]) -> tuple[Expected, list[str]]:
    """Return what graders ask for, and the names of those that a replay cannot ask. Raises ValueError: it can ask none.

    Where code can tell all of it, code does; else all of it is one rubric.
    """
    contains: list[str] = []
    absent: list[str] = []
    commands, rubric, words, skipped = [], [], [], []
    for grader in graders:
        kind, pattern = grader.get("type"), str(grader.get("pattern", ""))
        negated = grader.get("match") == "not_contains"
        tool = kind == "tool_used" and grader.get("tool") == "Bash" and grader.get("min", "1") != "0"
        called = _literal(str(grader.get("input_match", ""))) if tool else ""
        if kind == "llm" and grader.get("focus", "last_message") == "last_message" and grader.get("criteria"):
            rubric.append(str(grader["criteria"]))
        elif kind == "regex" and pattern and grader.get("target", "last_message") == "last_message":
            if literal := _literal(pattern):
                (absent if negated else contains).append(literal)
            verb = "does not match" if negated else "matches"
            words.append(f"The answer {verb} the regular expression {pattern}")
            rubric += [] if literal else [words[-1]]
        elif called:
            commands.append(called)
            words.append(f"The command {called} is run")
        else:
            skipped.append(str(grader.get("name", kind)))
    if rubric:
        text = "\n".join(dict.fromkeys([*rubric, *words]))
        return Expected(rubric=redact.clean(text, 3 * LONGEST)), skipped
    expected = Expected(tuple(contains), tuple(absent), tuple(commands))
    if not expected.by_code:
        raise ValueError("it does not say what is expected in a way that a replay can ask")
    return expected, skipped


def _literal(pattern: str) -> str:
    """Return the one text that a pattern matches, its word boundaries aside; "" where it is more than one."""
    for before, after in (_WORD, (r"\b", r"\b")):
        pattern = pattern.removeprefix(before).removesuffix(after)
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
