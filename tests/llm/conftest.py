"""A client on the Anthropic back end, and the local server that it talks to."""

import pytest
from helpers.messages_server import MessagesServer

from skillloop import llm
from skillloop.config.sections import Budget
from skillloop.llm.backends import Api


@pytest.fixture
def server(monkeypatch):
    with MessagesServer(lambda _request: {"words": ["yes"]}) as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-stub-not-a-key")
        yield running


@pytest.fixture
def waits():
    return []


@pytest.fixture
def client(store, waits):
    return llm.ModelClient(
        Api(timeout=0.5), store, llm.limits(Budget()), "session-1", "command-1", sleep=waits.append
    )
