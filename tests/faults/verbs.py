"""The verbs as acts: approve, rollback and the worker over a home that a real session taught something.

The promises are those of world.py; here the texts are whatever the real drafter makes of the session.
"""

import contextlib
import io
import os
import sys
from pathlib import Path

from world import World

from skillloop import cli
from skillloop.commands import log as _log
from skillloop.commands import show as _show
from skillloop.errors import SkillloopError
from skillloop.hosts.claude_code.hooks import approval
from skillloop.model import sha256
from skillloop.pipeline import apply, session
from skillloop.skills import history
from skillloop.store import Store
from skillloop.worker import queue, worker

sys.path.append(str(Path(__file__).parents[1]))
from transcripts import Transcript

LOADED = (_log, _show, session)  # so that no child imports while its calls are counted
NAME = "5e55104e-0000-4000-8000-000000000001"
SKILL = (
    b"---\nname: web\ndescription: Answer.\n---\n\n# Answers\n\n- Start with the answer in one sentence.\n"
)


def client(world):
    return world.folder / "client"


def transcript(world):
    return client(world) / "projects" / "-p" / f"{NAME}.jsonl"


def make(folder):
    """A skill, a session that disagreed, and its job in the inbox."""
    world = World(folder)
    world.skill.parent.mkdir(parents=True)
    world.skill.write_bytes(SKILL)
    path = transcript(world)
    (
        Transcript()
        .typed("How much sleep do adults need?")
        .skill("web", str(world.skill))
        .says("Eight hours, says a health magazine. I have finished the answer.")
        .typed("No, that's wrong. Never cite a magazine when there is a study.")
        .says("You're right, sorry. I will do that from now on.")
        .write(path)
    )
    os.utime(path, (1e9, 1e9))
    queue.Inbox(world.home).put(queue.Job(NAME, str(path)))
    return world


def work(world):
    """Digest what waits."""
    worker.drain(world.home, client(world), worker.digested)


def approve(world):
    """Apply the one proposal, by a yes in the dialog."""
    with Store.open(world.home) as store:
        (queued,) = store.proposals()
        digest = apply.prepare(queued.proposal, world.home, store).digest
    _run(world, "approve", queued.proposal.id, digest=digest)


def undo(world):
    """Take the applied proposal back, by a yes in the dialog."""
    with Store.open(world.home) as store:
        before, after = history.preview_rollback(store, world.skill)
    digest = sha256("\0".join((str(world.skill), sha256(before), sha256(after))))
    _run(world, "rollback", "web", digest=digest)


def _run(world, verb, name, *, digest):
    word = approval.issue_token(world.home, f"{verb} {name}", digest)
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        code = cli.run(["--home", str(world.home), verb, name, "--token", word])
    if code:
        raise SkillloopError(told.getvalue())


VERBS = {"approve": approve, "undo": undo, "work": work}


def violations(world, act, old, new):
    """What does not hold after a fault in the middle of `act`; settles and repeats it."""
    live = world.live()
    if live not in (old, new):
        yield f"P1: SKILL.md is {len(live)} bytes that nobody wrote"
        return
    try:
        with Store.open(world.home) as store:
            history.recover(store)
            head = store.versions.head(str(world.skill))
            if head is not None and head.sha != sha256(live):
                yield "P3: the newest version is not the file"
            if world.live() != live or world.leftovers() or store.versions.open_publishes():
                yield f"P6: after recovery {world.leftovers()}, or another file"
            yield from (f"P6: {problem}" for problem in store.verify())
            yield from _wrongly_told(world, store, act, live == new)
        if act == "work":
            yield from _undone_work(world)
        else:
            yield from _cannot_go_on(world, act, live, new)
    except SkillloopError as error:
        yield f"P6: {error.message}"


def _wrongly_told(world, store, act, changed):
    for queued in store.proposals():
        if act == "approve" and (queued.state == "applied") != changed:
            yield f"P3: the proposal is {queued.state}"


def _cannot_go_on(world, act, live, new):
    with Store.open(world.home) as store:
        count = len(history.versions(store, world.skill))
    if live != new:
        VERBS[act](world)
    with Store.open(world.home) as store:
        versions = history.versions(store, world.skill)
    if world.live() != new or len(versions) != (count if live == new else max(count, 1) + 1):
        yield f"P5: after a second try {[version.kind for version in versions]}"


def _undone_work(world):
    """Nothing of the job is lost: it is done, or it is done at the next start."""
    queue.BACK_OFF = 0.0
    work(world)
    inbox = queue.Inbox(world.home)
    with Store.open(world.home) as store:
        found = (
            [queued.state for queued in store.proposals()],
            len(store.sessions()),
            len(store.disagreements()),
        )
    if found != (["queued"], 1, 1) or inbox.due() or list(inbox.working.iterdir()):
        yield f"P5: after a second start {found}, waiting {inbox.due()}"
