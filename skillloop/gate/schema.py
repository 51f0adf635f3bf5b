"""A draft is a few typed edits of single lines, and they alone lead from the base to the text that is judged.

The gate applies the edits itself and compares, so what a person reviews is what the checks saw. An inserted line is a
list item; a replaced one keeps its place in the list; headings, fences and rules (`---`) are nobody's to add.
"""

from __future__ import annotations

import re

from skillloop.gate.input import GateInput
from skillloop.model import Check, Edit, Proposal, sha256
from skillloop.skills import document

LONGEST = 500  # characters of a rule
LONGEST_LINE = 4_000  # characters of any new line; beyond, no other check looks at it

BULLET = re.compile(r"(?P<marker>[ \t]{0,12}(?:[-*+]|\d{1,9}[.)])[ \t]{1,4})(?P<text>\S.*)?")
_STRUCTURE = re.compile(
    r"[ \t]*(?:#{1,6}(?:\s|$)|`{3}|~{3}|>|\||<|={3,}\s*$|(?:-\s*){3,}$|(?:\*\s*){3,}$|(?:_\s*){3,}$|\[[^\]]*\]:)"
)


def check(proposal: Proposal, inputs: GateInput) -> Check:
    """Hard: the form of every edit, and that they lead to `inputs.text`."""
    wrong = "there is no edit" if not proposal.edits else ""
    wrong = wrong or next((why for edit in proposal.edits if (why := malformed(edit))), "")
    wrong = wrong or _leads_elsewhere(proposal, inputs)
    return Check("edits", not wrong, detail=wrong or "well-formed edits of single lines")


def overlong(inputs: GateInput) -> Check | None:
    """The hard finding for a new line that is too long to look at, or None. Asked before all checks, so that they stay quick."""
    longest = max(map(len, inputs.added), default=0)
    if longest <= LONGEST_LINE:
        return None
    return Check(
        "line length", passed=False, detail=f"a line of {longest:,} characters; {LONGEST_LINE:,} is the most"
    )


def malformed(edit: Edit) -> str:
    """What is wrong with an edit by itself, or ""."""
    parts = {"insert": (False, True), "replace": (True, True), "delete": (True, False)}.get(edit.op)
    if parts is None:
        return f"{edit.op!r} is not an edit operation"
    if parts != (edit.old is not None, edit.new is not None):
        return f"{edit.op} needs other fields than these"
    return _bad_line(edit) if edit.new is not None else ""


def _bad_line(edit: Edit) -> str:
    new = edit.new or ""
    if len(new) > LONGEST:
        return f"a line of {len(new)} characters; {LONGEST} is the most"
    if any((ord(c) < 32 and c != "\t") or ord(c) == 127 or c in "\x85\u2028\u2029" for c in new):
        return "a line break or control character in a line"
    marker = body_of(new)[0]
    if edit.op == "insert" and not marker:
        return "an inserted line must be a list item"
    if edit.op == "replace" and marker != body_of(edit.old or "")[0]:
        return "a replaced line must keep its list marker"
    text = new[len(marker) :]
    if not text.strip() or _STRUCTURE.match(text):
        return f"{text[:40]!r} would change the structure of the file"
    return ""


def body_of(line: str) -> tuple[str, str]:
    """A line as list marker and text; the marker is "" where it is no list item."""
    match = BULLET.match(line)
    return (match["marker"], match["text"] or "") if match else ("", line)


def _leads_elsewhere(proposal: Proposal, inputs: GateInput) -> str:
    if proposal.base != sha256(inputs.base):
        return "it was drafted on another text than the one that is judged"
    try:
        text = document.apply(inputs.base, proposal.edits, proposal.path)
    except (document.EditError, document.SkillFormatError) as error:
        return error.message
    return "" if text == inputs.text else "the edits do not lead to the text that is judged"
