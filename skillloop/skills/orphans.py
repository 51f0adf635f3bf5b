"""What an interrupted publish left beside a skill, once the store that knew of it was lost.

Invariant: bytes that a person may have written are recorded before the file that holds them goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from skillloop import fs
from skillloop.errors import SkillloopError
from skillloop.fs import OpenSkill
from skillloop.skills.publish import changing, keep, record
from skillloop.store import LostText, Store

_TEMPORARY = re.compile(r"\.SKILL\.md\.[0-9a-f]{16}\.skillloop")  # as `Publish.temporary` makes them


def record_leftovers(store: Store) -> list[Path]:
    """Record what lies beside the skills of a rebuilt store, and what the skills are now; the skills with leftovers."""
    found = []
    with changing(store):
        for path in store.versions.skills():
            with suppress(SkillloopError, OSError), fs.open_skill(path) as skill:
                if _keep_beside(store, skill):
                    found.append(Path(path))
                record(store, skill)
    return found


def _keep_beside(store: Store, skill: OpenSkill) -> int:
    """How many temporary files there were; each that is not the beginning of a known text becomes a version."""
    names = [name for name in skill.names() if _TEMPORARY.fullmatch(name)]
    for name in names:
        data = skill.read(name)
        if not any(text.startswith(data) for text in _texts(store, skill.path)):
            keep(store, skill, data)
        skill.discard(name)
    return len(names)


def _texts(store: Store, path: str) -> Iterator[bytes]:
    for version in store.versions.of(path):
        with suppress(LostText):
            yield store.versions.content(version.sha) or b""
