"""A small home with one skill, what may be done to it, and the promises that must hold whatever happens meanwhile.

P1  SKILL.md is at every instant exactly one recorded version or a person's own bytes.
P2  What was on disk before a write is in the store first.
P3  "applied" in the log means that the new bytes are on disk.
P5  Nothing is applied twice.
P6  After a failure the next command finds its way: all is settled and the act can be done again.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from skillloop.errors import SkillloopError
from skillloop.model import Edit, Evidence, Origin, Outcome, Proposal, Verdict, sha256
from skillloop.skills import history
from skillloop.store import Store
from skillloop.store.versions import Publish

FIRST = b"---\nname: web\ndescription: d\n---\n\n# Rules\n\n- one\n"
OLD = FIRST + b"- two\n"
NEW = OLD + b"- three" + b" and more" * 600 + b"\n"  # longer than a page


@dataclass(frozen=True)
class World:
    """A home and a skill in one folder."""

    folder: Path

    @property
    def home(self):
        return self.folder / "home"

    @property
    def skill(self):
        return self.folder / "skills" / "web" / "SKILL.md"

    def live(self):
        return self.skill.read_bytes()

    def leftovers(self):
        folders = {self.skill.parent, self.skill.resolve().parent}
        return sorted(
            path.name
            for folder in folders
            for path in folder.iterdir()
            if path.name not in {"SKILL.md", "web.md"}
        )

    def copy_to(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder, symlinks=True)
        return World(folder)


def make(folder, *, store=True, linked=False):
    """A skill at OLD, with FIRST as version 1 and a proposal that leads to NEW; without a store: only the file.

    Where it is `linked`, SKILL.md is a symbolic link to a file in another folder.
    """
    world = World(folder)
    world.skill.parent.mkdir(parents=True)
    if linked:
        (folder / "docs").mkdir()
        world.skill.symlink_to("../../docs/web.md")
    world.skill.write_bytes(FIRST if store else OLD)
    if store:
        with Store.open(world.home) as opened:
            history.publish(opened, world.skill, sha256(FIRST), OLD, by="person", note="setup")
            save_proposal(opened, world)
    return world


def save_proposal(store, world):
    said = Evidence("e1", "s1", "/t.jsonl", 1, None, "three", Origin.TYPED)
    edit = Edit("insert", "Rules", new="- three", evidence=("e1",))
    proposal = Proposal("p1", "web", str(world.skill), sha256(OLD), (edit,), (said,), "why", "offline", "s1")
    store.save_proposal(proposal, Verdict(Outcome.KEEP, ()), "queued", "ask")


def publish(world):
    """Apply the proposal."""
    with Store.open(world.home) as store:
        if not store.has_proposal("p1"):
            save_proposal(store, world)
        history.publish(store, world.skill, sha256(OLD), NEW, by="person", proposal_id="p1", note="yes")


def rollback(world):
    """Back to FIRST."""
    with Store.open(world.home) as store:
        history.rollback(store, world.skill, to=1)


def recover(world):
    """Settle what is open."""
    with Store.open(world.home) as store:
        history.recover(store)


ACTS = {"publish": publish, "rollback": rollback, "recover": recover}
TARGET = {"publish": NEW, "rollback": FIRST, "recover": NEW}


def leave_open(world, step):
    """Stop a publish after its intent was stored ("intent"), the file staged ("staged"), or put in place ("placed")."""
    with Store.open(world.home) as store:
        with store.transaction():
            change = Publish(
                str(world.skill), "proposal", sha256(OLD), store.versions.keep(NEW), "yes", "p1", "person"
            )
            change = store.versions.intend(change)
        with history.fs.open_skill(world.skill) as skill:
            if step != "intent":
                skill.stage(change.temporary, NEW)
            if step == "placed":
                skill.swap(change.temporary)


def violations(world, act):
    """What of the promises does not hold after a fault in the middle of `act`; settles and repeats the act."""
    old, new = OLD, TARGET[act]
    live = world.live() if world.skill.exists() else None
    if world.skill.is_symlink() != (world.folder / "docs").exists():
        yield "P1: SKILL.md was a link, or is one now"
    if live not in (old, new):
        yield f"P1: SKILL.md is {None if live is None else len(live)} bytes that nobody wrote"
        return
    try:
        with Store.open(world.home) as store:
            head = store.versions.head(str(world.skill))
            if head is not None and head.sha == sha256(new) and live != new:
                yield "P3: the log says applied and the file is the old one"
            if live == new and store.versions.content(sha256(old)) != old:
                yield "P2: the old bytes are lost"
            history.recover(store)
            yield from _unsettled(world, store, act, live)
        if act != "recover":
            yield from _cannot_go_on(world, act, new)
    except SkillloopError as error:
        yield f"P6: {error.message}"


def _unsettled(world, store, act, live):
    head = store.versions.head(str(world.skill))
    if world.live() != live:
        yield "P1: recovery changed the file"
    if world.leftovers():
        yield f"P6: {world.leftovers()} left behind"
    if store.versions.open_publishes():
        yield "P6: recovery settled nothing"
    if head is not None and head.sha != sha256(live):
        yield "P3: the newest version is not the file"
    if act != "rollback" and store.has_proposal("p1"):
        state = store.find_proposal("p1").state
        if (state == "applied") != (live == NEW):
            yield f"P3: the proposal is {state}"
    yield from (f"P6: {problem}" for problem in store.verify())


def _cannot_go_on(world, act, new):
    if world.live() == OLD:
        ACTS[act](world)
    with Store.open(world.home) as store:
        made = [version.sha for version in history.versions(store, world.skill)].count(sha256(new))
    if world.live() != new or made != 1 + (act == "rollback"):
        yield f"P5: after a second try the file is {len(world.live())} bytes, {made} versions of it"
