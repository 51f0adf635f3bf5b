"""Which skill is in force.

A skill comes into force when its instructions are put before the model, when it is started as a sub-agent (`context: fork`),
or when the client attributes the assistant's words to it; until another one does, or the conversation is cleared. A
compaction keeps what it puts back, and no skill that was loaded before a `--resume` is put back. A plugin's skill is another
than the person's of the same name. skillloop's own commands never come into force. A git worktree that the client makes is
gone when the session ends, so a skill in one is the repository's.
"""

import re
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from skillloop.errors import SkillloopError
from skillloop.hosts.claude_code.records import MAX_LINE, content, opened, parse, string
from skillloop.model import SkillRef
from skillloop.skillpath import Owner, client_folder, is_command, owner_of

_LAUNCH = re.compile(r"\A\s*Base directory for this skill: ([^\n]+)")
_AGAIN = re.compile(r"\A(?:Skill /(.+?) is already loaded above|\(Re-invocation of /(.+?) — )")
_FORK = re.compile(r'<forked-skill-launch>\{"agentId":"([\w-]+)","skillName":"([^"\\]+)"')
_AGENT = re.compile(r"[\w-]+", re.ASCII)
_WORKTREE = re.compile(r"/\.claude/worktrees/[^/]+(?=/|\Z)")
_PUTS_BACK = (2, 1, 170)  # the client that first lists the skills that a compaction puts back


class ActiveSkill:
    """The skill in force, and all that ever were. In `agents` lie the transcripts of the session's sub-agents."""

    def __init__(self, agents: Path | None = None) -> None:
        self.current: SkillRef | None = None
        self.seen: dict[SkillRef, None] = {}
        self._agents = agents
        self._paths: dict[str, str] = {}  # of SKILL.md, by the whole name
        self._worktrees: dict[str, str] = {}  # what each is a copy of
        self._called: str | None = None

    def called(self, name: Any) -> None:
        """Note that the model called the Skill tool, or the person typed its slash command: a launch may follow."""
        self._called = string(name).strip().removeprefix("/") or None

    def launched(self, text: str) -> bool:
        """Take a record that puts a skill's instructions before the model; whether it was one."""
        if match := _AGAIN.match(text):
            self._enter(match[1] or match[2])
            return True
        if (match := _LAUNCH.match(text)) is None:
            return False
        folder = self.home(string(match[1]).strip().rstrip("/\\"))
        name = re.split(r"[/\\]", folder)[-1]
        if self._called is not None and _last(self._called) == name:
            name = self._called
        self._called = None
        self._paths[name] = folder + "/SKILL.md"
        self._enter(name)
        return True

    def forked(self, result: Any) -> bool:
        """Take the `toolUseResult` of a Skill call, or a slash command's output; whether a sub-agent runs a skill by it."""
        if isinstance(result, str):
            match = _FORK.search(result)
            agent, name = match.groups() if match else ("", "")
        elif isinstance(result, dict) and result.get("status") == "forked":
            agent, name = string(result.get("agentId")), string(result.get("commandName"))
        else:
            return False
        if not name:
            return False
        self.called(name)
        record = None  # of the instructions that the agent was started with
        if self._agents is not None and _AGENT.fullmatch(agent):
            path = self._agents / f"agent-{agent}.jsonl"
            with suppress(SkillloopError, OSError), BufferedReader(opened(path)) as file:
                record = parse(file.readline(MAX_LINE))
        if not self.launched(string(next(content(record or {}), {}).get("text"))):
            self._enter(name)
        return True

    def attributed(self, name: Any) -> None:
        """Note that the client says that the assistant spoke under this skill."""
        name, here = string(name).strip(), self.current
        if not name or (here is not None and here.name == name):
            return
        path = here.path if here is not None and here.name == _last(name) else None
        if path is not None and owner_of(path) not in {Owner.PERSON, Owner.PROJECT}:
            self._paths[name] = path  # a plugin's, called by its short name
        self._enter(name)

    def compacted(self, version: Any) -> None:
        """Let the conversation be summarised: what is in force is put back, by the clients that say so."""
        numbers = tuple(int(part) for part in string(version).split(".") if part.isdigit())
        if numbers >= _PUTS_BACK:
            self.current = None

    def cleared(self) -> None:
        """Let the conversation start anew."""
        self.current = self._called = None

    def entered(self, worktree: Any) -> None:
        """Note that the session went into a git worktree that the client made."""
        if isinstance(worktree, dict):
            path, home = string(worktree.get("worktreePath")), string(worktree.get("originalCwd"))
            if path and home:
                self._worktrees[path] = home

    def home(self, folder: str) -> str:
        """Return the folder of which one in a worktree is a copy; any other folder is its own."""
        for path, home in self._worktrees.items():
            if not _WORKTREE.search(path) and f"{folder}/".startswith(f"{path}/"):
                return home + folder[len(path) :]
        return _WORKTREE.sub("", folder)

    def _enter(self, name: str) -> None:
        path = self._paths.get(name)
        if path is None and (plugin := re.fullmatch(r"(\w[\w .-]*):(\w[\w .-]*)", name)):
            # an installed plugin's: a copy of it may learn, of the newest where several are kept
            installed = f"plugins/cache/*/{plugin[1]}/*/skills/{plugin[2]}/SKILL.md"
            path = max(map(str, client_folder().glob(installed)), default=None)
        if is_command(name, path):
            return
        self.current = SkillRef(name, path)
        self.seen[self.current] = None


def _last(name: str) -> str:
    """Return the last part of a `plugin:skill` name."""
    return name.rpartition(":")[2]
