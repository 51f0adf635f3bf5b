"""Which skill is in force.

A skill comes into force when its instructions are put before the model, or when the client attributes the assistant's
words to it. It stays so until another one does, or the conversation is cleared: a correction several turns later still
belongs to it, and a compaction puts the skill's text back, so it ends nothing.
"""

from __future__ import annotations

import re
from typing import Any

from skillloop.hosts.claude_code.turn_builder import string
from skillloop.model import SkillRef

_LAUNCH = re.compile(r"\A\s*Base directory for this skill: ([^\n]+)")


class ActiveSkill:
    """The skill in force, and all that ever were."""

    def __init__(self) -> None:
        self.current: SkillRef | None = None
        self.seen: dict[SkillRef, None] = {}
        self._paths: dict[str, str] = {}  # of SKILL.md, by the last part of the name
        self._called: str | None = None

    def called(self, name: Any) -> None:
        """Note that the model called the Skill tool, or the person typed its slash command: a launch may follow."""
        self._called = string(name).strip().removeprefix("/") or None

    def launched(self, text: str) -> bool:
        """Take a record that puts a skill's instructions before the model; whether it was one."""
        match = _LAUNCH.match(text)
        if match is None:
            return False
        folder = string(match[1]).strip().rstrip("/\\")
        name = _last(folder)
        if self._called is not None and _last(self._called) == name:
            name = self._called
        self._called = None
        self._paths[_last(name)] = folder + "/SKILL.md"
        self._enter(name)
        return True

    def attributed(self, name: Any) -> None:
        """Note that the client says that the assistant spoke under this skill."""
        name = string(name).strip()
        if name and (self.current is None or _last(self.current.name) != _last(name)):
            self._enter(name)

    def cleared(self) -> None:
        """Let the conversation start anew."""
        self.current = self._called = None

    def _enter(self, name: str) -> None:
        self.current = SkillRef(name, self._paths.get(_last(name)))
        self.seen[self.current] = None


def _last(name: str) -> str:
    """Return the last part of a path or of a `plugin:skill` name."""
    return re.split(r"[/\\:]", name)[-1]
