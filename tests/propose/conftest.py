"""A server that names a good lesson."""

import pytest
from helpers.models import reading_server


@pytest.fixture
def server(monkeypatch, home):
    with reading_server(monkeypatch, home) as running:
        yield running
