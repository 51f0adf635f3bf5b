"""A SKILL.md as text: its frozen frontmatter, its sections, its bullets, and typed edits to them.

Invariant: `apply` changes whole lines of the body and nothing else. Every line that no edit names keeps its bytes,
line endings included; the frontmatter is never touched. There is no YAML here on purpose: frontmatter is compared
as bytes, so no parser difference can be exploited.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import NamedTuple

from skillloop.errors import SkillloopError
from skillloop.model import Edit

# CommonMark's forms, but that an item may stand at any depth of indent. Who asks what a reader of a file might take for
# markup, as the gate does, looks for more than these.
MARKER = r"(?:[-*+]|\d{1,9}[.)])"  # what a list item begins with, after its indent and before its blank
ITEM = re.compile(rf"(?P<marker>(?P<indent>[ \t]*){MARKER}[ \t]+)(?P<text>\S.*)")
HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")  # its signs, its text
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")  # the start of a line that opens or closes a block of code
LEARNED = "Learned rules"  # heading of the section that is made when no existing one fits
_CHANGED = "the file changed since the draft; digest again"


class SkillFormatError(SkillloopError):
    """The file is not a SKILL.md that skillloop can edit safely."""


class EditError(SkillloopError):
    """An edit does not fit the text that it is applied to."""


class Section(NamedTuple):
    """A heading with its own text, up to the next heading of any level. `heading` None is the text before the first."""

    heading: str | None
    level: int
    start: int  # 0-based index of the heading line (of the first body line where there is none)
    end: int  # one past the last line


class SkillFile(NamedTuple):
    """A parsed SKILL.md. `lines` keep their line endings; `body` is the index of the first line after the frontmatter."""

    lines: tuple[str, ...]
    body: int
    sections: tuple[Section, ...]

    @property
    def newline(self) -> str:
        """Return the line ending of the file's first line."""
        return "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"

    def named(self, heading: str | None) -> tuple[Section, ...]:
        """Return the sections with this heading, in order."""
        return tuple(section for section in self.sections if section.heading == heading)

    def section_at(self, line: int) -> Section:
        """Return the section that a 0-based line of the body stands in."""
        return next(section for section in reversed(self.sections) if section.start <= line)

    def items(self, section: Section) -> list[int]:
        """Return the lines of a section's items at the outermost indent; deeper ones belong to the item above them."""
        shown = visible(self.lines[: section.end], max(section.start, self.body))
        found = [(number, indent(line)) for number, line in shown if ITEM.match(line)]
        outer = min((depth for _, depth in found), default=0)
        return [number for number, depth in found if depth <= outer + 1]

    def item_end(self, line: int) -> int:
        """Return the index past the last line of an item: indented or lazy continuation, up to a blank line and flush text."""
        limit, mine = self.section_at(line).end, indent(self.lines[line])
        behind = visible(self.lines[:limit], line + 1)
        limit = next((n for n, text in behind if ITEM.match(text) and indent(text) <= mine), limit)
        end, blank = line + 1, False
        for number in range(line + 1, limit):
            text = self.lines[number]
            if not text.strip():
                blank = True
            elif blank and text[0] not in " \t":
                break
            else:
                end, blank = number + 1, False
        return end

    def items_like(self, heading: str | None, line: str) -> list[int]:
        """Return the 0-based lines under this heading that read just so."""
        under = (n for part in self.named(heading) for n in range(max(part.start, self.body), part.end))
        return [number for number in under if self.lines[number].rstrip("\r\n") == line]


def decode(data: bytes, path: str | PurePath) -> str:
    """Return the text of a SKILL.md, with the byte order mark that it may begin with. Raises SkillFormatError: it is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8, then try again"
        raise SkillFormatError(f"{path}:{line}: not UTF-8 text", hint) from None


def parse(text: str, path: str | PurePath = "SKILL.md") -> SkillFile:
    """Split a SKILL.md into frontmatter, if any, sections and bullets. Raises SkillFormatError: a fence of it is out of place."""
    lines, body = tuple(_split(text)), 0
    if fenced(text):
        if lines[0].removeprefix("\ufeff").rstrip("\r\n") != "---":
            wrong = f"{path}:1: the frontmatter does not begin on the first line"
            raise SkillFormatError(wrong, "begin the file with a line `---`")
        ends = (number for number, line in enumerate(lines) if number and line.rstrip("\r\n") == "---")
        body = next(ends, -1) + 1
        if not body:
            wrong = f"{path}:1: the frontmatter is not closed"
            raise SkillFormatError(wrong, "add a line `---` after the description")
    heads = [(number, match) for number, line in visible(lines, body) if (match := HEADING.match(line))]
    bounds = [*(number for number, _ in heads), len(lines)]
    sections = [Section(None, 0, body, bounds[0])]
    for (at, head), end in zip(heads, bounds[1:], strict=True):
        sections.append(Section(head[2], len(head[1]), at, end))
    return SkillFile(lines, body, tuple(sections))


def fenced(text: str) -> bool:
    """Return whether a text begins with what some reader may take for frontmatter."""
    return "".join(c for c in text[:64] if c.isprintable() and c != " ").startswith("---")


def apply(text: str, edits: Iterable[Edit], path: str | PurePath = "SKILL.md") -> str:
    """Return the text after the edits, in order. Raises SkillFormatError: see `parse`; EditError: one does not fit."""
    for edit in edits:
        skill = parse(text, path)
        lines = list(skill.lines)
        if edit.op == "insert":
            at, new = _inserted(skill, edit, path)
            if at == len(lines) and lines and not lines[-1].endswith("\n"):
                lines[-1] += skill.newline
            lines[at:at] = new
        else:
            hits = skill.items_like(edit.heading, edit.old or "")
            if len(hits) != 1:
                count = "not there" if not hits else f"there {len(hits)} times"
                raise EditError(f"{path}: under {edit.heading!r} the line {edit.old!r} is {count}", _CHANGED)
            at = hits[0]
            ending = lines[at][len(lines[at].rstrip("\r\n")) :]
            lines[at : at + 1] = [_new_line(edit, path) + ending] if edit.op == "replace" else []
        text = "".join(lines)
    return text


def diff(old: str, new: str, path: str | PurePath, what: str = "proposed") -> str:
    """Return the unified diff of two texts of one file, in whose header stands `what` the new one is; "" where they are equal."""
    lines = difflib.unified_diff(_split(old), _split(new), str(path), f"{path} ({what})", n=2)
    missing = "\n\\ No newline at end of file\n"
    return "".join(line if line.endswith("\n") else line + missing for line in lines)


def _split(text: str) -> list[str]:
    """Return lines with their endings, broken at newlines alone (`str.splitlines` also breaks at form feeds, U+2028 …)."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def visible(lines: tuple[str, ...], start: int = 0) -> Iterator[tuple[int, str]]:
    """Yield index and text (no line ending) of each line from `start` on that is not inside a code fence."""
    fence = ""
    for number in range(start, len(lines)):
        line = lines[number].rstrip("\r\n")
        mark = FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif mark:
            fence = mark[1]
        else:
            yield number, line


def indent(line: str) -> int:
    """Return how many blanks a line begins with, a tab being as many as reach the next of every four columns."""
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip(" "))


def _inserted(skill: SkillFile, edit: Edit, path: str | PurePath) -> tuple[int, list[str]]:
    """Return where an edit inserts, and its line with what has to stand around it."""
    new, lines = _new_line(edit, path) + skill.newline, skill.lines
    if edit.after is not None:
        places = skill.items_like(edit.heading, edit.after)
        if edit.nth >= len(places):
            wrong = f"{path}: under {edit.heading!r} the line {edit.after!r} is not there any more"
            raise EditError(wrong, _CHANGED)
        return skill.item_end(places[edit.nth]), [new]
    section = next(iter(skill.named(edit.heading)), None)
    if section is None:
        if edit.heading != LEARNED:
            raise EditError(f"{path}: no heading {edit.heading!r}", _CHANGED)
        at = _end_for_learned(skill)
        head = [f"## {LEARNED}{skill.newline}", skill.newline, new]
        gap = [skill.newline] * bool(at and lines[at - 1].strip())
        return at, [*gap, *head, *([skill.newline] if at < len(lines) else [])]
    if items := skill.items(section):
        return skill.item_end(items[-1]), [new]
    at = section.start + (section.heading is not None)
    at = max([at, *(n + 1 for n in range(at, section.end) if lines[n].strip())])
    return at, [skill.newline, new, *([skill.newline] if at < len(lines) and lines[at].strip() else [])]


def _end_for_learned(skill: SkillFile) -> int:
    """Return where the section for learned rules goes: at the end, but before a last paragraph that hands over the task."""
    lines, end = skill.lines, len(skill.lines)
    last = max((n for n in range(skill.body, end) if lines[n].strip()), default=skill.body)
    at = 1 + max((n for n in range(skill.body, last) if not lines[n].strip()), default=skill.body - 1)
    if not any("$ARGUMENTS" in line for line in lines[at:]) or at == skill.body:
        return end
    above = max((n for n in range(skill.body, at) if lines[n].strip()), default=at)
    return above if re.fullmatch(r"(?:-{3,}|\*{3,}|_{3,})\s*", lines[above]) else at  # with the rule above it


def _new_line(edit: Edit, path: str | PurePath) -> str:
    new = edit.new or ""
    if not new.strip() or "\n" in new or "\r" in new:
        raise EditError(f"{path}: an edit must add exactly one line, not {new!r}")
    return new
