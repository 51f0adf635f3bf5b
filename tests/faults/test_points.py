"""Die at every numbered fault point: each call of the system and of the database that Python sees. No strace needed."""

import pytest
import world as worlds


@pytest.mark.parametrize("template", ["", pytest.param("linked", marks=pytest.mark.slow)], indirect=True)
@pytest.mark.parametrize("act", ["publish", "rollback"])
def test_dying_at_every_fault_point_breaks_no_promise(zygote, template, scene, act):
    found, number, code = [], 0, 9
    while code == 9:
        world = template.copy_to(scene)
        code, message = zygote.run(act, world, patch=f"point {number}")
        found += [f"point {number}: {each}" for each in worlds.violations(world, act)]
        number += 1
    assert (code, message) == (0, "")
    assert found == []
    assert number > 60


@pytest.mark.parametrize("template", ["", pytest.param("linked", marks=pytest.mark.slow)], indirect=True)
@pytest.mark.parametrize("step", ["intent", "staged", "placed"])
def test_dying_at_every_fault_point_of_the_recovery_breaks_no_promise(zygote, memory, scene, template, step):
    world = template.copy_to(scene)
    worlds.leave_open(world, step)
    world.folder.rename(memory / "open")
    found, number, code = [], 0, 9
    while code == 9:
        world = worlds.World(memory / "open").copy_to(scene)
        code, message = zygote.run("recover", world, patch=f"point {number}")
        found += [f"point {number}: {each}" for each in worlds.violations(world, "recover")]
        number += 1
    assert (code, message, found) == (0, "", [])


def test_a_disk_that_takes_half_of_each_write_makes_no_difference(zygote, template, scene):
    world = template.copy_to(scene)
    assert zygote.run("publish", world, patch="short writes") == (0, "")
    assert world.live() == worlds.NEW
    assert list(worlds.violations(world, "publish")) == []
