"""A server that answers with a good draft."""

import pytest
from helpers.models import drafting_server


@pytest.fixture
def server(monkeypatch, home):
    with drafting_server(monkeypatch, home) as running:
        yield running
