"""Where authority enters a SKILL.md nothing is added: the frontmatter is frozen as bytes, and live markup is counted.

Frontmatter grants tools, installs hooks and decides when a skill fires; `` !`…` `` and ``` ```! ``` run before the
model sees the text; `@path` attaches files; `$1` and `${…}` are substituted; a comment can hide text. How often each
occurs in the whole file, folded (NFKC, invisible characters out), may not rise. No pattern reaches over a line's end,
so the changed lines alone tell whether it does. Invariant: whatever the edits, the bytes up to the closing `---` are
those of the base.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from skillloop.gate.input import GateInput
from skillloop.model import Check, Proposal

_ITEM = r"^[ \t]{0,12}(?:(?:[-*+>]|\d{1,9}[.)])[ \t]{1,4}){0,4}"
_SPEAKERS = (
    "system|assistant|user|human|function|tool|command|local-command|bash|antml|instructions?|important|transcript|task"
    "|channel|teammate"
)

_MARKERS: tuple[tuple[str, bool, str], ...] = (  # what it is, whether it is hard, linear pattern
    ("a shell command that runs on reading (!`…`)", True, r"!`"),
    ("something close to a shell command (! `…`)", False, r"![ \t]{1,8}`"),
    ("a code fence", True, _ITEM + r"(?:`{3}|~{3})"),
    ("a code fence that runs its content", True, r"(?:(?<!`)`{3,}+|(?<!~)~{3,}+)[^\n`]{0,200}!"),
    (
        "a reference that attaches a file (@path)",
        True,
        r"(?<![\w`.])@(?:[~/.]|[\w.-]{1,60}[/\\]\.|[\w./-]{0,60}(?:\.ssh|\.env|id_rsa|credential|secret))",
    ),
    ("something close to a file reference (@name/…)", False, r"(?<![\w`.])@[\w-]{1,100}[/.]\w"),
    ("a substitution ($ARGUMENTS, $1, ${…})", True, r"\$(?:ARGUMENTS|\d|\{)"),
    ("the start or end of a comment", True, r"<!-|-->|<!\[|<\?"),
    (
        "a tag that poses as part of the conversation",
        True,
        rf"</?(?:{_SPEAKERS})\b[^>\n]{{0,80}}>|<\|[^|\n]{{1,40}}\|>|\[/?INST\]",
    ),
    ("a line that could close or open frontmatter", True, r"^[ \t]{0,8}(?:-{3,}+|\+{3,}+|\.{3})[ \t]{0,8}$"),
)
_PATTERNS = tuple(re.compile(pattern, re.MULTILINE | re.IGNORECASE) for _, _, pattern in _MARKERS)

_TWINS = str.maketrans(
    {
        "ǃ": "!",
        "ⵑ": "!",
        "‼": "!",
        "❗": "!",
        "❕": "!",
        "ꜝ": "!",
        "ˋ": "`",
        "‵": "`",
        "՝": "`",
        "｀": "`",
        "﹫": "@",
        "﹩": "$",
    }
)

_UNSEEN = frozenset({"Cf", "Cc", "Mn", "Me"})


def check(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Hard: frontmatter and live markup. Soft: what only looks like live markup."""
    wrong = _thawed(inputs.base, inputs.text)
    yield Check("frontmatter", not wrong, detail=wrong or "the same bytes as before")
    risen = list(_risen(inputs.removed, inputs.added))
    for hard in (True, False):
        found = "; ".join(name for name, severe in risen if severe is hard)
        if hard or found:
            detail = f"the text gains {found}" if found else "no live markup is added"
            yield Check("markup" if hard else "near markup", not found, hard=hard, detail=detail)


def frontmatter(text: str) -> str | None:
    """The frontmatter with both fences, where it has the one form that every reader takes alike; else None.

    That form: `---` alone on the first line and on the closing one, LF or CRLF throughout, no other line that some
    reader might take for a fence, no separator that YAML takes for a line break.
    """
    match = re.match(r"---(\r?\n)(?:(?!---)[^\n]*\n)*---(?:\r?\n|\Z)", text)
    if match is None:
        return None
    block = match[0]
    odd = re.search(
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ufeff]|\r(?!\n)|^[ \t]+---|^\.\.\.",
        block,
        re.MULTILINE,
    )
    mixed = (match[1] == "\r\n" and block.count("\n") != block.count("\r\n")) or (
        match[1] == "\n" and "\r" in block
    )
    return None if odd or mixed else block


def _thawed(base: str, text: str) -> str:
    """What is wrong with the frontmatter, or ""."""
    before = frontmatter(base)
    if before is None:
        return "the frontmatter is not in the plain form (--- alone on its lines, no odd characters), so its end is in doubt"
    return "" if frontmatter(text) == before else "the frontmatter would change"


def _risen(removed: tuple[str, ...], added: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    for (name, hard, _), old, new in zip(_MARKERS, counts(removed), counts(added), strict=True):
        if new > old:
            yield name, hard


def counts(lines: Iterable[str]) -> list[int]:
    """How often each kind of live markup occurs in lines."""
    folded = plain("\n".join(lines))
    return [sum(1 for _ in pattern.finditer(folded)) for pattern in _PATTERNS]


def plain(text: str) -> str:
    """The text with look-alikes folded and invisible characters out: what a lenient reader might make of it."""
    if text.isascii():
        return text
    folded = unicodedata.normalize("NFKC", text.translate(_TWINS)).translate(_TWINS)
    unseen = {ord(c): None for c in set(folded) if c not in "\n\t" and unicodedata.category(c) in _UNSEEN}
    return folded.translate(unseen)
