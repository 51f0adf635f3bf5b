"""Say whose a SKILL.md is: the one answer to whether skillloop may ever edit it.

An update of a plugin replaces the plugin's files, and a sync replaces the downloaded skills, so an edit there is lost
without a word: such a skill is never edited, neither by itself nor because somebody approved it. A copy of it in the
person's own folder may learn. A link that leads there, or stands there, counts as the skill itself.

A SKILL.md may be a link, as stow and home-manager make them; then the file that it leads to is edited. Invariants: a link
leads to Markdown; one outside the person's own skills, which may have come with somebody's repository, leads to another
SKILL.md or stays in its project; one into a store that is not the person's to write is never followed.
What is true of the file at the moment of writing (links, modes, its owner on the disk) is for `fs` to check.

Two other files may learn: the rules files that Claude Code loads in every session, the project's and the person's.

Not covered: the plugins of a marketplace that is a folder of the person's own run in place, so they are theirs to edit;
and a folder that another CLAUDE_CONFIG_DIR keeps plugins in is known only by its names `plugins/cache` and
`plugins/marketplaces`.
"""

from __future__ import annotations

import functools
import itertools
import os
import stat
import unicodedata
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import NamedTuple

SKILL = "SKILL.md"
RULES = "learned.md"
"""In `.claude/rules` of a project, or in `rules` of the person's own folder of the client; no other rules file is edited."""
OWN_SKILLS = Path(__file__).resolve().parents[1] / "skills"
"""The skills that skillloop itself comes with: part of what judges, so never edited."""
COMMANDS = frozenset({"reflect", "remember", "review", "rollback"})
"""Those of them that only run a verb of skillloop: no work is done by them, so no words are about them."""

_KINDS = ("skills", "rules")
_PLUGINS = frozenset({(".claude", "plugins"), ("plugins", "cache"), ("plugins", "marketplaces")})
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "synced"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)


class Owner(StrEnum):
    """Whose a skill is."""

    PERSON = "person"  # in the person's own folder, ~/.claude/skills
    PROJECT = "project"  # in the .claude/skills of a project, or of a worktree of one
    PLUGIN = "plugin"  # in the folder where the client keeps plugins: the cache, or a marketplace
    SYNCED = "synced"  # downloaded by the client
    STORE = "store"  # a link leads to a file or folder that the person may not write, e.g. /nix/store
    STRAY = "stray"  # a link leads to a file that is nobody's skill
    OTHER = "other"  # in any other folder: found by a person's setup, and theirs to edit

    @property
    def editable(self) -> bool:
        """Return whether a skill of this owner may be edited at all."""
        return self not in _REASONS


_REASONS = {
    Owner.PLUGIN: "belongs to a plugin, and its next update would undo the edit",
    Owner.SYNCED: "is downloaded, and the next sync would undo the edit",
    Owner.STORE: "is a symbolic link into a place that is read-only for you",
    Owner.STRAY: "is a symbolic link that leads out of its project, or to a file that is not Markdown",
}
COPY_HINT = "copy the skill to your own folder and let the copy learn: `skillloop review` does it for you"


class SkillPath(NamedTuple):
    """A SKILL.md and whose it is. Make it with `of`."""

    path: str  # as it was given
    real: str  # the file itself: every link resolved
    owner: Owner

    @classmethod
    def of(cls, path: str | Path) -> SkillPath:
        """Return the skill that an absolute path leads to; it is a plugin's if the path, or where it leads, is."""
        text = os.fspath(path)
        try:
            return cls.leading_to(text, os.path.realpath(text))
        except ValueError:  # a NUL byte: no file has this path
            return cls(text, text, Owner.OTHER)

    @classmethod
    def leading_to(cls, path: str, real: str) -> SkillPath:
        """Return the skill of a path that is known to lead to the file `real`."""
        owner = owner_of(path)
        if owner.editable and real != path:
            owner = owner_of(real)
        if owner.editable and _strays(path, real):
            owner = Owner.STRAY
        if owner.editable and _in_store(path, real):
            owner = Owner.STORE
        return cls(path, real, owner)

    @property
    def reason(self) -> str:
        """Return why this skill is never edited, in words that follow its path; "" where it may be."""
        return _REASONS.get(self.owner, "")

    @property
    def hint(self) -> str:
        """Return what a person can do about a skill that is never edited; "" where it may be."""
        return "make it a file of its own" if self.owner is Owner.STRAY else COPY_HINT * bool(self.reason)


def malformed_path(path: str) -> str:
    """Return why no SKILL.md can have this path, or "". A skill's folder may have any name that people can read and type."""
    parts = path.split("/")
    if not path.startswith("/") or "" in parts[1:] or not {".", ".."}.isdisjoint(parts):
        return f"{path!r} is not a plain absolute path"
    if is_rules(path) and path.isprintable():
        return ""
    if parts[-1] != SKILL:
        return f"{parts[-1]!r} is not a {SKILL}; no other file is ever written"
    name = unicodedata.normalize("NFKC", parts[-2]).casefold()
    odd = name.startswith((".", "-")) or "/" in name or "\\" in name or name in _RESERVED
    if odd or not path.isprintable():
        return f"{parts[-2]!r} is not a skill's name"
    return "" if "skills" in map(str.casefold, parts[:-2]) else f"{path!r} is not in a folder of skills"


def is_command(name: str, path: str | None = None) -> bool:
    """Return whether a skill, by its whole name or by its file, is one of skillloop's own commands."""
    plugin, _, verb = name.rpartition(":")
    if verb not in COMMANDS or plugin:
        return verb in COMMANDS and plugin == "skillloop"
    root = os.path.dirname(path or "") + "/../.."  # noqa: PTH120
    installed = PurePosixPath(path or "").match(
        f"plugins/cache/*/skillloop/*/skills/*/{SKILL}"
    )  # or once was
    return installed or os.path.exists(f"{root}/skillloop/{Path(__file__).name}")  # noqa: PTH110  (any text may be a path here)


def not_command(path: str | None) -> str | None:
    """Return the path of a file that learns; None for that of one of skillloop's own commands, which an older version took for one."""
    return None if path and is_command(PurePosixPath(path).parent.name, path) else path


def is_rules(path: str) -> bool:
    """Return whether an absolute path is that of the rules file of a project or of the person."""
    return path.endswith(f"/.claude/rules/{RULES}") or _is_own(path)


def rules_file(project: str | Path | None) -> str:
    """Return the path of a project's rules file; of the person's own where there is no project."""
    return str((Path(project) / ".claude" if project else client_folder().absolute()) / "rules" / RULES)


def target_name(path: str | Path) -> str:
    """Return what people call a file that learns: its skill's name, `project-rules` or `my-rules`."""
    text = os.fspath(path)
    if not is_rules(text):
        return PurePosixPath(text).parent.name
    return "my-rules" if _is_own(text) else "project-rules"


def tilde(text: object) -> str:
    """Return a path, or a text with paths in it, with `~` for the person's home."""
    return str(text).replace(f"{Path.home()}/", "~/")


def _is_own(path: str) -> bool:
    """Return whether a path is that of the person's rules file: as it is written, or with links of the folders resolved."""
    folder, _, name = path.rpartition("/")
    own = [f"{client}/rules" for client in _clients()] if name == RULES else []
    return folder in {*own, *map(os.path.realpath, own)}


def _clients() -> tuple[str, str]:
    return str(client_folder().absolute()), str(Path.home() / ".claude")


def _root(path: str | PurePosixPath) -> PurePosixPath | None:
    """Return the folder of skills, or of rules, that a file stands in."""
    folders = PurePosixPath(path).parents
    if is_rules(str(path)):
        return folders[0]
    return next((folder for folder in folders if folder.name.casefold() == "skills"), None)


def _strays(path: str, real: str) -> bool:
    """Return whether a SKILL.md that is a link leads to a file that it may not stand for."""
    folder, name = os.path.split(path)
    link, file = PurePosixPath(os.path.realpath(folder), name), PurePosixPath(real)
    if link == file or file.name.casefold() == link.name.casefold():
        return False
    skills = _root(link)
    if skills is None or file.suffix.casefold() != ".md":
        return True
    project = skills.parents[skills.parent.name.startswith(".")]
    return owner_of(str(link)) is not Owner.PERSON and not file.is_relative_to(project)


def _in_store(path: str, real: str) -> bool:
    """Return whether a link in a folder of skills leads to what the person may not write."""
    if real.startswith(("/nix/store/", "/gnu/store/")):
        return True
    skills = _root(path)
    if skills is None or f"{os.path.realpath(skills.parent)}{path[len(str(skills.parent)) :]}" == real:
        return False
    try:
        file, folder = os.stat(real), os.stat(os.path.dirname(real))  # noqa: PTH116, PTH120
    except OSError:
        return False
    mine = file.st_uid == os.geteuid() and os.access(os.path.dirname(real), os.W_OK)  # noqa: PTH120
    return not (mine and file.st_mode & folder.st_mode & stat.S_IWUSR)


def client_folder() -> Path:
    """Return the folder in which Claude Code keeps its state: $CLAUDE_CONFIG_DIR, else ~/.claude."""
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")


def projects_folder() -> Path:
    """Return the folder where Claude Code keeps its transcripts."""
    return client_folder() / "projects"


def owner_of(path: str) -> Owner:
    """Return whose the skill at an absolute path is, by the names in the path alone, in any letter case."""
    parts = _folded(path)
    pairs = set(itertools.pairwise(parts))
    clients = [each for client in _clients() for each in _resolved(client)]
    if ("skills", "synced") in pairs:
        return Owner.SYNCED
    plugins = [*_resolved(str(OWN_SKILLS)), *((*client, "plugins") for client in clients)]
    if pairs & _PLUGINS or any(parts[: len(folder)] == folder for folder in plugins):
        return Owner.PLUGIN
    if any(parts[: len(client) + 1] == (*client, kind) for client in clients for kind in _KINDS):
        return Owner.PERSON
    if _is_own(path):  # by a link that a folder of theirs is
        return Owner.PERSON
    return Owner.PROJECT if any((".claude", kind) in pairs for kind in _KINDS) else Owner.OTHER


def _folded(path: str) -> tuple[str, ...]:
    return tuple(part.casefold() for part in PurePosixPath(path).parts)


@functools.lru_cache(maxsize=8)
def _resolved(folder: str) -> tuple[tuple[str, ...], ...]:
    """Return the parts of a folder's name as it is written, and with its links resolved."""
    return _folded(os.path.abspath(folder)), _folded(os.path.realpath(folder))  # noqa: PTH100  (keeps links)
