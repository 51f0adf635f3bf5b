"""The real client as a back end, against the local server: charged exactly what was billed, however an attempt ends."""

import client
import pytest
from messages_server import MessagesServer, cut, nonsense, says, status
from test_llm import question

from skillloop import llm
from skillloop.config import Budget
from skillloop.llm.client import Client
from skillloop.store import Store

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.xdist_group("client"),
    pytest.mark.skipif(client.missing() is not None, reason=str(client.missing())),
]


@pytest.fixture
def server():
    with MessagesServer(lambda _request: {"words": ["yes"]}) as running:
        yield running


@pytest.fixture
def sandbox(tmp_path, server, monkeypatch):
    machine = client.Sandbox(tmp_path, server.url)
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    return machine


@pytest.mark.parametrize(
    ("trouble", "works"),
    [
        ((), True), ((status(429, retry_after=1),), True), ((status(500),), True), ((cut(),), True),
        ((nonsense(b"xx"),), True), ((says("I would rather chat."),), True), ((says("", "refusal"),), False),
    ],
    ids=["well", "429", "500", "cut", "nonsense", "chat", "refusal"],
)  # fmt: skip
def test_it_is_charged_exactly_what_was_billed(home, server, sandbox, trouble, works):
    server.next(*trouble)
    with Store.open(home) as store:
        door = llm.Door(Client(str(client.binary()), timeout=60), store, llm.limits(Budget()), "s", "c")
        reply = door.complete(question())
        assert (reply.value == {"words": ["yes"]}) is works
        assert store.calls.today().nano == server.billed


def test_it_leaves_no_transcript_and_offers_no_tool_but_the_answer(home, server, sandbox):
    with Store.open(home) as store:
        llm.Door(Client(str(client.binary())), store, llm.limits(Budget()), "s", "c").complete(question())
    assert not list(sandbox.home.rglob("*.jsonl"))
    assert [[tool["name"] for tool in request["tools"]] for request in server.requests] == [
        ["StructuredOutput"]
    ]
    assert server.requests[0]["max_tokens"] == question().max_tokens
