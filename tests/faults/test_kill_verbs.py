"""SIGKILL at every system call of `approve`, `rollback` and the worker that can change a file.

Between two such calls the disk stays as it is, so that a kill at any other call leaves what a kill at the next of
these leaves; with all calls (test_kill.py does that for the protocol itself) these three take ten minutes.
"""

import pytest
import verbs
from test_kill import calls
from world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CHANGING = set(
    "openat write pwrite64 fsync fdatasync ftruncate rename renameat renameat2 link linkat unlink unlinkat mkdir "
    "mkdirat rmdir fchmod chmod chown fchown utimensat symlink".split()
)


@pytest.fixture
def begin(memory, scene):
    """A function that puts up the world of an act anew; and the texts before and after it."""

    def make(act):
        kept = memory / f"kept-{act}"
        if not kept.exists():
            world = verbs.make(scene)
            for before in {"work": (), "approve": ("work",), "undo": ("work", "approve")}[act]:
                verbs.VERBS[before](world)
            world.folder.rename(kept)
        return World(kept).copy_to(scene)

    return make


def texts(begin, act):
    """SKILL.md before and after an undisturbed act."""
    world = begin(act)
    old = world.live()
    verbs.VERBS[act](world)
    assert list(verbs.violations(world, act, old, world.live())) == []
    return old, world.live()


@pytest.mark.parametrize("act", verbs.VERBS)
def test_a_kill_at_every_system_call_of_a_verb_breaks_no_promise(tracing, begin, record_property, act):
    old, new = texts(begin, act)
    assert (old != new) == (act != "work")
    found, points = [], 0
    made = calls(tracing, begin(act), act, None)
    for call, count in ((call, made[call]) for call in sorted(CHANGING & made.keys())):
        for number in range(1, count + 1):
            world = begin(act)
            inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
            code, _ = tracing.run(act, world, strace=inject)
            points += code == -9
            found += [f"{call} {number}: {each}" for each in verbs.violations(world, act, old, new)]
    record_property(
        "faults", f"SIGKILL at a system call that can change a file, {act}: {points} points, 0 violations"
    )
    assert found == []
    assert points > 50
