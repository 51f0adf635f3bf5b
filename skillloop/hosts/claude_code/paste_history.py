"""What Claude Code's own prompt history knows of pastes: `history.jsonl`, beside the `projects` folder.

The transcript has a paste expanded and unmarked; the history keeps the typed line and the pasted texts apart (a long
text under its hash, in `paste-cache`). Where the history is missing, only the shape tells (see `pasted`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SHORTEST = 20  # characters; a shorter paste is a word like any other
LARGEST = 64 << 20  # bytes of a history that is still looked through


def pastes(transcript: Path) -> tuple[str, ...]:
    """The texts that were pasted into this session, longest first; none where no history tells."""
    projects = transcript.parent.parent
    history = projects.parent / "history.jsonl"
    if projects.name != "projects" or not history.is_file() or history.stat().st_size > LARGEST:
        return ()
    found: set[str] = set()
    session = json.dumps(transcript.stem).encode()
    try:
        with history.open("rb") as lines:
            for line in lines:
                if session in line and b'"content' in line:
                    found.update(_texts(line, history.parent / "paste-cache"))
    except OSError:
        return ()
    return tuple(sorted((text for text in found if len(text) >= SHORTEST), key=len, reverse=True))


def _texts(line: bytes, cache: Path) -> list[str]:
    try:
        contents = json.loads(line).get("pastedContents")
    except (ValueError, RecursionError, AttributeError):
        return []
    return [_text(paste, cache) for paste in contents.values()] if isinstance(contents, dict) else []


def _text(paste: Any, cache: Path) -> str:
    """A paste's text, from the entry itself or from the cache."""
    if not isinstance(paste, dict):
        return ""
    if isinstance(text := paste.get("content"), str):
        return text.strip()
    key = paste.get("contentHash")
    if isinstance(key, str) and key.isalnum():
        try:
            return (cache / f"{key}.txt").read_text("utf-8").strip()
        except (OSError, ValueError):
            pass
    return ""
