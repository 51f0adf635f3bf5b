"""The real client as a back end, against the local server: charged exactly what was billed, however an attempt ends."""

import client
import pytest
from helpers.messages_server import MessagesServer, cut, data_of, nonsense, says, status
from helpers.models import ENDING, SAID, Person, digest, held_out, outcome, question
from helpers.sessions import corrected
from transcripts import SKILL

from skillloop import llm
from skillloop.config.sections import Budget
from skillloop.llm.backends import ClaudeCli
from skillloop.model import Outcome
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
        ((nonsense(b"xx"),), True), ((says("I would rather chat."),), True), ((says("", "refusal"),), None),
    ],
    ids=["well", "429", "500", "cut", "nonsense", "chat", "refusal"],
)  # fmt: skip
def test_it_is_charged_exactly_what_was_billed(home, server, sandbox, trouble, works, request):
    server.next(*trouble)
    with Store.open(home) as store:
        model = llm.ModelClient(
            ClaudeCli(str(client.binary()), timeout=60), store, llm.limits(Budget()), "s", "c"
        )
        reply = model.complete(question())
        if works is not None:  # of a refusal some versions of the client make a second try
            assert (reply.value == {"words": ["yes"]}) is works
        if (
            request.node.callspec.id == "cut"
        ):  # newer clients also count what they saw of an answer that broke off
            assert server.billed <= store.calls.today().nano <= 2 * server.billed
        else:
            assert store.calls.today().nano == server.billed


def test_it_leaves_no_transcript_and_offers_no_tool_but_the_answer(home, server, sandbox):
    with Store.open(home) as store:
        llm.ModelClient(ClaudeCli(str(client.binary())), store, llm.limits(Budget()), "s", "c").complete(
            question()
        )
    assert not list(sandbox.home.rglob("*.jsonl"))
    offered = {tool["name"] for request in server.requests for tool in request["tools"]}
    assert offered - {"DeferredToolPlaceholder"} == {"StructuredOutput"}  # 2.1.332 adds one that does nothing
    assert server.requests[0]["max_tokens"] == question().max_tokens


def test_a_session_is_read_replayed_and_judged_through_the_client(home, server, sandbox, monkeypatch):
    program = sandbox.home / "bin" / "claude"
    program.parent.mkdir()
    program.symlink_to(client.binary())
    monkeypatch.setenv("PATH", f"{program.parent}:{sandbox.environment['PATH']}")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", client.KEY)
    (home / "config.toml").write_text(
        '[model]\nbackend = "claude"\nruns = 5\n[apply]\nmode = "auto"\nmin_confidence = 0.1\n'
    )
    skill = sandbox.project / ".claude" / "skills" / "research" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text(SKILL)
    server.answer = Person()
    with Store.open(home) as store:
        held_out(store, skill)
        checks, trial = outcome(digest(sandbox.project, home, store, corrected(skill, SAID)))
        assert "turns" in data_of(server.requests[0])
        assert "0 → 5 of 5" in checks["own case"].detail
        assert trial.decision.outcome is Outcome.KEEP, trial.decision.reason
        assert store.calls.today().nano == server.billed
        assert store.verify() == []
    assert ENDING in skill.read_text()
