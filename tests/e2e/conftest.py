"""Fixtures of the end-to-end tests: the stub of the API, and a machine with the plugin installed."""

from __future__ import annotations

import subprocess

import client
import pytest
from machine import Machine, talk
from stub import Stub


@pytest.fixture(scope="session")
def stub():
    server = Stub()
    yield server
    server.close()


@pytest.fixture
def proposal(machine):
    """What waits for the person after a session that they ended with /exit."""
    with machine.terminal(client.binary()) as terminal:
        talk(terminal, machine.stub)
        terminal.type("/exit")
        terminal.gone()
    return machine.wait_for_proposal(15)


@pytest.fixture(scope="session")
def installed(tmp_path_factory, stub):
    """A machine on which skillloop's environment was built by its own hook."""
    machine = Machine(tmp_path_factory.mktemp("machine"), stub)
    hook = next(machine.home.glob(".claude/plugins/cache/skillloop/skillloop/*/hooks/run"))
    subprocess.run(["sh", hook, "session", "start"], env=machine.environment, check=True, capture_output=True)
    built = machine.skillloop / "bin" / "skillloop"
    client.until(built.exists, "the environment was not built", 90, lambda: machine.log)
    return machine


@pytest.fixture
def machine(installed):
    installed.restore()
    return installed
