"""Take back by itself what sessions show to have made it worse."""

from contextlib import suppress
from pathlib import Path

from skillloop import outcomes
from skillloop.config import confirmation
from skillloop.errors import SkillloopError
from skillloop.outcomes import Effect
from skillloop.pipeline import gather
from skillloop.skills import history
from skillloop.store import Store


def take_back(home: Path, store: Store) -> None:
    """Take back, once, the automatic edits that made it worse, where the person's rules can be read and let that be."""
    for change in outcomes.waiting(store):
        path, number, edit = str(change.skill), change.version.number, change.version.proposal
        tried = any(each.extra.get("without") == number for each in history.versions(store, path))
        if change.effect != Effect.WORSE or tried or not edit or store.find_proposal(edit).by != "auto":
            continue
        with suppress(SkillloopError):  # as where the person changed the line since: they are asked
            loosened = (x.loosens for x in confirmation.changes(store, home, *gather.rules_folders(path)))
            if gather.rules_for(path, home).apply.undo == "auto" and not any(loosened):
                history.rollback(store, path, only=number, by="auto", why=change.told)
