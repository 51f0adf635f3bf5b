"""The plan: the real pipeline with a client that asks nobody."""

import json

import pytest
from helpers.models import answer, asked, reading_server, taught, written
from helpers.sessions import RULE, corrected

from skillloop import cli


@pytest.fixture
def server(monkeypatch, home):
    with reading_server(monkeypatch, home) as running:
        yield running


def test_the_plan_prints_exactly_what_is_then_sent_and_sends_nothing(tmp_path, home, skill, server, capsys):
    path = written(tmp_path, corrected(skill, RULE))
    assert cli.run(["--home", str(home), "digest", str(path), "--plan", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert server.requests == []
    assert not (home / "skillloop.db").exists()
    assert cli.run(["--home", str(home), "digest", str(path)]) == 0
    (sent,) = asked(server.requests)
    assert sent["model"] == planned["model"]
    assert sent["system"][0]["text"] == planned["system"]
    assert "\n".join(block["text"] for block in sent["messages"][0]["content"]) == planned["message"]
    assert server.billed / 1e9 <= planned["dollars"]["most"]


def test_the_plan_says_so_when_nothing_would_be_sent(tmp_path, home, skill, capsys):
    path = written(tmp_path, corrected(skill, RULE))
    assert cli.run(["--home", str(home), "digest", str(path), "--plan"]) == 0
    out = capsys.readouterr().out
    assert "nothing would be sent" in out
    assert "offline" in out


def test_what_it_may_cost_is_said_before_anything_is_sent(tmp_path, home, skill, server, capsys):
    path = written(tmp_path, corrected(skill, RULE).witnessed(home))
    said = []
    server.answer = lambda request: said.append(capsys.readouterr().err) or answer(taught())(request)
    assert cli.run(["--home", str(home), "digest", str(path)]) == 0
    assert "anthropic may be asked: 1 call, about $" in said[0]
    assert "all within $0.25 a session" in said[0]
    before = (home / "skillloop.db").read_bytes()
    assert cli.run(["--home", str(home), "digest", str(path), "--plan"]) == 0
    told = capsys.readouterr()
    assert "answered before: not sent again" in told.out
    assert "0 calls, about $0.0000, at most $0.0000; nothing was sent" in told.out
    assert (home / "skillloop.db").read_bytes() == before
