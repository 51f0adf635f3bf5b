"""Where the file is decides first: an existing SKILL.md that is the person's to edit, and nothing else, is ever edited.

Whose a skill is, `skillpath` says; skillloop's own skills are part of what judges. The folder's name is checked because
it reaches paths and terminals. (What is true of the file at the moment of writing is for `fs` to check.)
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from skillloop.gate.input import GateInput
from skillloop.model import Check, Proposal
from skillloop.skillpath import COPY_HINT, OWN_SKILLS, SkillPath

OWN = "skillloop never edits its own skills"

_SPEC_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "synced"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)


def check(proposal: Proposal, inputs: GateInput) -> Check:
    """Hard where the file must never be edited, soft where the folder's name is not one of the open skill format."""
    own = proposal.skill.casefold().startswith("skillloop:")
    wrong = OWN if own else forbidden(inputs.target)
    if wrong:
        return Check("place", passed=False, detail=wrong)
    name = PurePosixPath(proposal.path).parent.name
    if not _SPEC_NAME.fullmatch(name):
        detail = f"the skill's folder {name!r} is not a name of the skill format (a-z, 0-9 and -)"
        return Check("place", passed=False, hard=False, detail=detail)
    return Check("place", passed=True, detail="an editable SKILL.md")


def forbidden(skill: SkillPath) -> str:
    """Return why this path, or the file that it leads to, must never be edited; or ""."""
    if wrong := _malformed(skill.path) or _malformed(skill.real):
        return wrong
    if PurePosixPath(skill.real).is_relative_to(OWN_SKILLS):
        return OWN
    return f"it {skill.reason}; {COPY_HINT}" if skill.reason else ""


def _malformed(path: str) -> str:
    """Return why this is not the path of a skill, or ""."""
    parts = path.split("/")
    if not path.startswith("/") or "" in parts[1:] or "." in parts or ".." in parts:
        return f"{path!r} is not a plain absolute path"
    if parts[-1] != "SKILL.md":
        return f"{parts[-1]!r} is not a SKILL.md; no other file is ever written"
    if not path.isprintable() or not _PLAIN_NAME.fullmatch(parts[-2]) or parts[-2].casefold() in _RESERVED:
        return f"{parts[-2]!r} is not a skill's name"
    return ""
