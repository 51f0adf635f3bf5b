"""The power goes at any moment of publish, rollback, the first use and recovery; and four mutants that must be caught."""

import mutants
import powerloss
import pytest
import world as worlds
from test_kill import SCENES, calls, start  # noqa: F401  (start is a fixture)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def record(zygote, world, act, patch=None):
    """The effects of one undisturbed run."""
    recording = powerloss.Recording(str(world.folder))
    assert zygote.run(act, world, strace=powerloss.RECORD, patch=patch) == (0, "")
    return recording.read(zygote.log.read_text())


def broken(recording, world, act):
    """For each disk that could be found: the promises that it breaks."""
    for disk in recording.states():
        powerloss.put(disk, world.folder)
        yield list(worlds.violations(world, act))


@pytest.mark.parametrize("patch", [None, "no exchange"])
@pytest.mark.parametrize("name", SCENES)
def test_no_power_loss_breaks_a_promise(tracing, start, record_property, name, patch):  # noqa: F811
    world, act = start(name)
    recording = record(tracing, world, act, patch)
    found = list(broken(recording, world, act))
    assert [each for each in found if each] == []
    record_property(
        "faults", f"power loss, {name}{', ' + patch if patch else ''}: {len(found)} states, 0 violations"
    )
    assert len(found) > 100


def test_the_recording_is_what_happened(tracing, start):  # noqa: F811
    world, act = start("publish")
    recording = record(tracing, world, act)
    disk = {str(path): path.read_bytes() for path in world.folder.rglob("*") if path.is_file()}
    assert recording.disk() == disk


@pytest.mark.parametrize("mutant", mutants.MUTANTS)
def test_a_mutant_is_caught_by_power_loss(tracing, start, record_property, mutant):  # noqa: F811
    world, act = start("publish")
    recording = record(tracing, world, act, mutant)
    number, found = next((n, each) for n, each in enumerate(broken(recording, world, act), start=1) if each)
    record_property("faults", f"mutant {mutant!r} caught by power loss at state {number} ({found[0]})")


@pytest.mark.parametrize("mutant", ["log first", "in place"])
def test_a_mutant_in_the_order_of_steps_is_caught_by_a_kill(tracing, start, record_property, mutant):  # noqa: F811
    found = []
    for call, count in calls(tracing, *start("publish"), mutant).items():
        for number in range(1, count + 1):
            world, act = start("publish")
            inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
            tracing.run(act, world, strace=inject, patch=mutant)
            found += worlds.violations(world, act)
    assert found
    record_property("faults", f"mutant {mutant!r} caught by {len(found)} kills")
