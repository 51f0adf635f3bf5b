"""Where Claude Code keeps its transcripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from skillloop.errors import UsageError


def find(projects: Path) -> Iterator[Path]:
    """Find the main transcripts of a projects folder (`~/.claude/projects`), by name.

    They lie one level down, `SLUG/SESSION.jsonl`; sub-agents' files lie deeper or are called `agent-*.jsonl`.
    """
    for path in sorted(projects.glob("*/*.jsonl")):
        if not path.name.startswith("agent-") and path.is_file():
            yield path


def locate(session: Path | str, projects: Path) -> Path:
    """Return the transcript that a path, a session id or the beginning of one names.

    Raises:
        UsageError: no transcript is called so, or several are.
    """
    path = Path(session).expanduser()
    if path.exists() or path.suffix == ".jsonl" or len(path.parts) > 1:
        return path
    matches = [match for match in find(projects) if match.stem.startswith(path.name)]
    exact = [match for match in matches if match.stem == path.name]
    if len(exact or matches) == 1:
        return (exact or matches)[0]
    if matches:
        names = ", ".join(str(match) for match in matches[:5])
        raise UsageError(
            f"{len(matches)} sessions begin with {session}: {names}", "give more of the id, or the path"
        )
    raise UsageError(
        f"no session {session} under {projects}", "give a path, or an id that `skillloop status` shows"
    )
