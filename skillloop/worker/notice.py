"""Write what the next session start tells the person: how many edits wait, and which sessions could not be digested.

Every verb that decides something calls this, so it stands apart from the worker, which loads the whole pipeline.
"""

from __future__ import annotations

import json
from pathlib import Path

from skillloop.fs import write_atomic
from skillloop.store import Store
from skillloop.worker.queue import parked


def leave_notice(home: Path) -> None:
    """Write what the next session start tells the person; an empty notice prints nothing.

    Commands that decide on proposals call this too, so that the notice does not ask for what is done.
    """
    with Store.open(home) as store:
        waiting = len(store.proposals(states=("queued",)))
        troubles = store.troubles()
    sentences = []
    if waiting:
        sentences.append(f"{waiting} edit{'s wait' if waiting > 1 else ' waits'} for `skillloop review`.")
    if troubles:
        what = f"{len(troubles)} lessons wait" if len(troubles) > 1 else "A lesson waits"
        sentences.append(
            f"{what} for you to mend something: {troubles[-1][1][:300]}. See `skillloop review`."
        )
    failed = list(parked(home))
    if failed:
        what = f"{len(failed)} sessions" if len(failed) > 1 else f"session {failed[0].session_id}"
        reason = failed[-1].error[:200]
        sentences.append(f"skillloop could not digest {what}: {reason}. See {home / 'inbox' / 'failed'}.")
    write_notice(home, " ".join(sentences))


def write_notice(home: Path, message: str) -> None:
    """Write the notice as the hook prints it."""
    output = json.dumps({"systemMessage": message}) + "\n" if message else ""
    write_atomic(home / "notice.json", output.encode())
