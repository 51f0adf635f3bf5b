"""Say whose a SKILL.md is: the one answer to whether skillloop may ever edit it.

An update of a plugin replaces the plugin's files, and a sync replaces the downloaded skills, so an edit there is lost
without a word: such a skill is never edited, neither by itself nor because somebody approved it. A copy of it in the
person's own folder may learn. A link that leads there, or stands there, counts as the skill itself. What is true of the
file at the moment of writing (links, modes, its owner on the disk) is for `fs` to check.

Not covered: the plugins of a marketplace that is a folder of the person's own run in place, so they are theirs to edit;
and a folder that another CLAUDE_CONFIG_DIR keeps plugins in is known only by its names `plugins/cache` and
`plugins/marketplaces`.
"""

from __future__ import annotations

import functools
import itertools
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

OWN_SKILLS = Path(__file__).resolve().parents[1] / "skills"
"""The skills that skillloop itself comes with: part of what judges, so never edited."""

_PLUGINS = frozenset({(".claude", "plugins"), ("plugins", "cache"), ("plugins", "marketplaces")})


class Owner(StrEnum):
    """Whose a skill is."""

    PERSON = "person"  # in the person's own folder, ~/.claude/skills
    PROJECT = "project"  # in the .claude/skills of a project, or of a worktree of one
    PLUGIN = "plugin"  # in the folder where the client keeps plugins: the cache, or a marketplace
    SYNCED = "synced"  # downloaded by the client
    OTHER = "other"  # in any other folder: found by a person's setup, and theirs to edit

    @property
    def editable(self) -> bool:
        """Return whether a skill of this owner may be edited at all."""
        return self not in _REASONS


_REASONS = {
    Owner.PLUGIN: "belongs to a plugin, and its next update would undo the edit",
    Owner.SYNCED: "is downloaded, and the next sync would undo the edit",
}
COPY_HINT = "copy the skill to your own folder and let the copy learn: `skillloop review` does it for you"


@dataclass(frozen=True, slots=True)
class SkillPath:
    """A SKILL.md and whose it is. Make it with `of`."""

    path: str  # as it was given
    real: str  # the same with every link in its folder resolved
    owner: Owner

    @classmethod
    def of(cls, path: str | Path) -> SkillPath:
        """Return the skill that an absolute path leads to; it is a plugin's if the path, or where it leads, is."""
        text = os.fspath(path)
        folder, name = os.path.split(text)
        try:
            real = f"{os.path.realpath(folder)}/{name}"
        except ValueError:  # a NUL byte: no file has this path
            return cls(text, text, Owner.OTHER)
        written = owner_of(text)
        return cls(text, real, owner_of(real) if written.editable else written)

    @property
    def reason(self) -> str:
        """Return why this skill is never edited, in words that follow its path; "" where it may be."""
        return _REASONS.get(self.owner, "")


def client_folder() -> Path:
    """Return the folder in which Claude Code keeps its state: $CLAUDE_CONFIG_DIR, else ~/.claude."""
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")


def owner_of(path: str) -> Owner:
    """Return whose the skill at an absolute path is, by the names in the path alone, in any letter case."""
    parts = _folded(path)
    pairs = set(itertools.pairwise(parts))
    clients = [*_resolved(str(client_folder())), *_resolved(str(Path.home() / ".claude"))]
    if ("skills", "synced") in pairs:
        return Owner.SYNCED
    plugins = [_folded(str(OWN_SKILLS)), *((*client, "plugins") for client in clients)]
    if pairs & _PLUGINS or any(parts[: len(folder)] == folder for folder in plugins):
        return Owner.PLUGIN
    if any(parts[: len(client) + 1] == (*client, "skills") for client in clients):
        return Owner.PERSON
    return Owner.PROJECT if (".claude", "skills") in pairs else Owner.OTHER


def _folded(path: str) -> tuple[str, ...]:
    return tuple(part.casefold() for part in PurePosixPath(path).parts)


@functools.lru_cache(maxsize=8)
def _resolved(folder: str) -> tuple[tuple[str, ...], ...]:
    """Return the parts of a folder's name as it is written, and with its links resolved."""
    return _folded(os.path.abspath(folder)), _folded(os.path.realpath(folder))  # noqa: PTH100  (keeps links)
