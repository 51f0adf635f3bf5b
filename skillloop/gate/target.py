"""Where the file is decides first: an existing SKILL.md of the person's own, and nothing else, is ever edited.

A plugin's cache and the downloaded `synced` skills are replaced by the next update, and skillloop's own skills are
part of what judges; a link that leads there is the same skill. The folder's name is checked because it reaches paths
and terminals. (What is true of the file at the moment of writing is the business of `files`.)
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path, PurePosixPath

from skillloop.gate.input import GateInput
from skillloop.model import Check, Proposal

OWN_SKILLS = Path(__file__).resolve().parents[2] / "skills"

_SPEC_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "synced"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)


def check(proposal: Proposal, inputs: GateInput) -> Check:
    """Hard where the file must never be edited, soft where the folder's name is not one of the open skill format."""
    wrong = forbidden(proposal.path) or _forbidden_by_link(proposal, inputs.real_path or proposal.path)
    if wrong:
        return Check("place", passed=False, detail=wrong)
    name = PurePosixPath(proposal.path).parent.name
    if not _SPEC_NAME.fullmatch(name):
        detail = f"the skill's folder {name!r} is not a name of the skill format (a-z, 0-9 and -)"
        return Check("place", passed=False, hard=False, detail=detail)
    return Check("place", passed=True, detail="an editable SKILL.md")


def forbidden(path: str) -> str:
    """Why this path must never be edited, or ""."""
    parts = path.split("/")
    lowered = [part.casefold() for part in parts]
    if not path.startswith("/") or "" in parts[1:] or "." in parts or ".." in parts:
        return f"{path!r} is not a plain absolute path"
    if parts[-1] != "SKILL.md":
        return f"{parts[-1]!r} is not a SKILL.md; no other file is ever written"
    if not path.isprintable() or not _PLAIN_NAME.fullmatch(parts[-2]) or lowered[-2] in _RESERVED:
        return f"{parts[-2]!r} is not a skill's name"
    if any(a == ".claude" and b == "plugins" for a, b in itertools.pairwise(lowered)):
        return "it is a plugin's copy, which the next update replaces; copy the skill to your own folder to let it learn"
    if any(a == "skills" and b == "synced" for a, b in itertools.pairwise(lowered)):
        return "it is a downloaded skill, which the next download replaces"
    return ""


def _forbidden_by_link(proposal: Proposal, real: str) -> str:
    """Return why the file that the path leads to must never be edited, or ""."""
    if proposal.skill.casefold().startswith("skillloop:") or PurePosixPath(real).is_relative_to(OWN_SKILLS):
        return "skillloop never edits its own skills"
    return forbidden(real)
