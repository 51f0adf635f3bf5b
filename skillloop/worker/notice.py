"""Say what waits for the person, what became of their words, and why: here for every verb, and for the next session start.

Nothing is lost in silence. A lesson that no file has learnt is said with its reason until the person decides on it, and
an edit that was applied without them is said at the next session start. Words that nothing proves to be the person's are
never repeated.

Every verb that decides something leaves a new notice, so this stands apart from the worker, which loads the whole pipeline.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from skillloop import config, outcomes
from skillloop.config import confirmation
from skillloop.errors import UsageError
from skillloop.fs import write_atomic
from skillloop.hosts.claude_code import records
from skillloop.outcomes import NEVER
from skillloop.skillpath import SkillPath, projects_folder, target_name, tilde
from skillloop.skills import history
from skillloop.skills.history import CLAIMED
from skillloop.store import Queued, Store
from skillloop.text.redact import shown
from skillloop.text.words import counted
from skillloop.worker.queue import ATTEMPTS, failing

REVIEW = "/skillloop:review"
PAUSED = (
    "Auto mode is paused, as a setting is not confirmed; if it was you: `skillloop constraints --confirm`"
)
LOG = "`skillloop log`"  # shows what is done already
NEWEST = 2  # of what happened since the last start are told in full
LONGEST = 120  # characters of a line in a notice
PAST = 30  # days that the first notice offers to look back
SPEED = 10_000_000  # bytes of transcripts that are digested in a second (docs/figures.md)


class Unlearnt(NamedTuple):
    """A lesson that no file has learnt."""

    id: str  # of the lesson, or of the proposal that a rule forbids
    text: str
    reason: str
    where: str  # FILE:LINE of the transcript
    blocked: bool  # by a rule of the person's


def unlearnt(store: Store) -> list[Unlearnt]:
    """Return every lesson that no file has learnt and that the person did not drop, oldest first."""
    troubles = {lesson.id: reason for lesson, reason in store.troubles()}
    found = []
    for lesson in store.lessons(waiting=True):
        place = SkillPath.of(lesson.target).reason if lesson.target else "no skill was in use"
        reason = troubles.get(lesson.id) or (f"{lesson.target} {place}" if lesson.target else place)
        where = f"{lesson.evidence.path}:{lesson.evidence.line}"
        found.append(Unlearnt(lesson.id, lesson.text, reason, where, blocked=False))
    for queued in store.proposals(states=("discarded",)):
        if reason := blocked_by(queued):
            item = queued.proposal
            where = f"{item.evidence[0].path}:{item.evidence[0].line}" if item.evidence else ""
            found.append(Unlearnt(item.id, line_of(queued), reason, where, blocked=True))
    return found


def blocked_by(queued: Queued) -> str:
    """Return which rule of the person's forbids an edit, with its file and line; "" where none does."""
    check = queued.verdict.forbidding
    if check is None or check.rule is None:
        return ""
    return f"blocked by your setting, {check.rule.where} ({check.rule.text}): {check.detail}"


def line_of(queued: Queued) -> str:
    """Return the line that would be added or removed, unless something else may have put the words into the transcript."""
    if {check.name for check in queued.verdict.failed} & {"receipt", "tainted"}:
        return f"(words not shown, they are not proven to be yours; `skillloop show {queued.proposal.id}`)"
    edit = queued.proposal.edits[0]
    return edit.new or edit.old or ""


def leave_notice(home: Path) -> None:
    """Write what the next session start tells the person; an empty notice prints nothing."""
    told = 0  # the last entry of the log that a session start told of
    with suppress(OSError, ValueError):
        told = int((home / "noticed").read_text("ascii"))
    with Store.open(home) as store:
        queued = store.proposals(states=("queued", "stale"))
        lost = [item for item in unlearnt(store) if not item.blocked]
        changes, paused = outcomes.standing(store)
        broken, loose = confirmation.unreadable(store, home), confirmation.unconfirmed(store, home)
        newest, news = len(store.audit), [*_news(store, told), *_offer(home, store)]
    failed_checks = [check for each in queued for check in each.verdict.failed]
    paused += [check.detail for check in failed_checks if check.name == "judge off"][-1:]
    waiting = len(queued)
    ready = [f"{counted(waiting, 'skill edit')} {'is' if waiting == 1 else 'are'} waiting"] * (waiting > 0)
    if lost:
        why = _short(lost[-1].reason, 2 * LONGEST)
        ready.append(f"{counted(len(lost), 'lesson')} could not be learned ({why})")
    asked = [
        f"{_short(each.told, 2 * LONGEST)}. Keep or take back? {REVIEW}."
        for each in reversed(changes)
        if each.effect != NEVER
    ]
    sentences = [
        *news,
        *_latest(asked, "to look at"),
        *(f"{_short(each, 2 * LONGEST)}: {REVIEW}." for each in paused),
        *([f"{' and '.join(ready)}: {REVIEW}."] if ready else []),
    ]
    wrong, first = [error.message for error in broken], not broken and not (home / "noticed").exists()
    for each in wrong:
        there = "" if each.startswith(str(home / "config.toml")) else " in one folder"
        sentences.insert(0, f"skillloop is off{there} until you correct {_short(each, 2 * LONGEST)}.")
    if loose and not broken and config.load(home).apply.mode == "auto":
        sentences.insert(0, f"{PAUSED}.")
    if first:  # the environment may have been built after the last start
        sentences.insert(0, "skillloop is ready.")
    failed = [job for job in failing(home) if job.error not in wrong]
    if failed:
        what = f"{len(failed)} sessions" if len(failed) > 1 else f"session {failed[0].session_id}"
        given_up = failed[-1].attempts >= ATTEMPTS
        then = f"See {home / 'inbox' / 'failed'}." if given_up else "It will be tried again."
        sentences.append(f"skillloop could not digest {what}: {failed[-1].error[:200]}. {then}")
    write_notice(home, " ".join(sentences), newest if news or first else None)


def _offer(home: Path, store: Store) -> Iterator[str]:
    """Offer to look at the sessions from before the installation, until a start has told of anything: so once."""
    if (home / "noticed").exists():
        return
    known, since = set(store.sessions()), time.time() - PAST * 86_400
    past: list[int] = []
    with suppress(OSError):  # a transcript that is removed just now
        for path in records.find(projects_folder()):
            state = path.stat()
            past += [state.st_size] * (path.stem not in known and state.st_mtime > since)
    if len(past) > 1:  # one is that of now
        minutes = round(sum(past) / SPEED / 60)
        takes = f"about {counted(minutes, 'minute')}" if minutes else "seconds"
        yield (
            f"You had {len(past)} sessions in the last {PAST} days: /skillloop:reflect {PAST}d looks for corrections in "
            f"them (takes {takes})."
        )


def _news(store: Store, told: int) -> list[str]:
    """Return what was applied without the person, and what their rules blocked, since that entry of the log."""
    entries = store.log(limit=max(0, len(store.audit) - told))
    applied, blocked, edited = [], [], []
    for entry in entries:  # the newest first
        path, number = str(entry.skill), entry.detail.get("number", 0)
        undo = f"(undo: /skillloop:rollback {target_name(path)} --only {number})"
        if entry.event == CLAIMED and not entry.detail["why"]:
            edited.append(f"{_short(history.claimed(path, entry.detail), 2 * LONGEST)} {undo}.")
        name = entry.detail.get("proposal")
        if entry.event == "version" and entry.detail["kind"] == "rollback" and entry.detail["by"] == "auto":
            why = _short(store.versions.of(path)[number - 1].note, 2 * LONGEST)
            edited.append(f"Taken back in {why} {undo}.")
        if not name or entry.detail.get("by") != "auto":
            continue
        try:
            queued = store.find_proposal(name)
        except UsageError:
            continue  # an entry tells of it, and a rebuilt store has lost it
        line, skill = _short(line_of(queued).removeprefix("- ")), queued.proposal.skill
        if entry.event == "version" and queued.state == "applied":
            edit = queued.proposal.edits[0]
            verb = "now says" if edit.new else "no longer says"
            gone = f", no longer “{_short(edit.old.removeprefix('- '))}”" if edit.old and edit.new else ""
            applied.append(f"{skill} {verb}: “{line}”{gone} {undo}.")
        elif entry.event == "proposal" and queued.state == "discarded" and (rule := blocked_by(queued)):
            blocked.append(f"Not learned, “{line}”: {_short(rule, 2 * LONGEST)}.")
    return [
        *_latest(applied, "applied", LOG),
        *_latest(blocked, "blocked"),
        *_latest(edited, "changed by Claude or taken back", LOG),
    ]


def _latest(sentences: list[str], what: str, where: str = REVIEW) -> Iterator[str]:
    yield from sentences[:NEWEST]
    if len(sentences) > NEWEST:
        yield f"And {len(sentences) - NEWEST} more {what}: {where}."


def _short(text: str, limit: int = LONGEST) -> str:
    text = tilde(" ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def write_notice(home: Path, message: str, newest: int | None = None) -> None:
    """Write the notice as the hook prints it; on a second line the entry of the log that counts as told once it is."""
    output = json.dumps({"systemMessage": shown(message)}) + "\n" if message else ""
    if output and newest is not None:
        output += f"{newest}\n"
    write_atomic(home / "notice.json", output.encode())


if __name__ == "__main__":
    leave_notice(Path(os.environ["SKILLLOOP_HOME"]))
