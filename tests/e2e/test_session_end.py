"""From the end of a session in the real client to a proposal in the queue, however the session ends."""

import os
import shutil
import signal

import client
import pytest
from conftest import CORRECTION, READY, ROOT, Machine, talk

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.xdist_group("client"),
    pytest.mark.skipif(client.missing() is not None, reason=str(client.missing())),
]


def test_it(machine):
    with machine.terminal(client.binary()) as terminal:
        talk(terminal, machine.stub)
        terminal.type("/exit")
        terminal.gone()
    proposal = machine.wait_for_proposal(15)
    print(proposal)
    assert 0
