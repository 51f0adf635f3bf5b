"""The plugin is removed in the real client: the skills, their versions and the queue stay."""

import client
import pytest
from machine import SKILL, Machine

from skillloop.model import sha256
from skillloop.skills import history
from skillloop.store import Store

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.xdist_group("client"),
    pytest.mark.skipif(client.missing() is not None, reason=str(client.missing())),
]


def test_uninstalling_the_plugin_leaves_skills_and_history(tmp_path, stub):
    machine = Machine(tmp_path, stub)
    machine.skill.parent.mkdir(parents=True)
    machine.skill.write_text(SKILL)
    with Store.open(machine.skillloop) as store:
        live = machine.skill.read_bytes()
        history.publish(store, machine.skill, sha256(live), live + b"- A learned line.\n", by="person")
    done = machine.claude("plugin", "uninstall", "skillloop@skillloop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.skill.read_text() == SKILL + "- A learned line.\n"
    with Store.open(machine.skillloop) as store:
        assert store.verify() == []
        history.rollback(store, machine.skill, to=1)
    assert machine.skill.read_text() == SKILL
