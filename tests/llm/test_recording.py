"""The plan: the real pipeline with a client that asks nobody."""

import json

import pytest
from helpers.models import answer, drafted, drafting_server, edit, written
from helpers.sessions import RULE, corrected

from skillloop import cli


@pytest.fixture
def server(monkeypatch, home):
    with drafting_server(monkeypatch, home) as running:
        yield running


def test_the_plan_prints_exactly_what_is_then_sent_and_sends_nothing(tmp_path, home, skill, server, capsys):
    path = written(tmp_path, corrected(skill, RULE))
    assert cli.run(["--home", str(home), "digest", str(path), "--plan", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert server.requests == []
    assert not (home / "skillloop.db").exists()
    assert cli.run(["--home", str(home), "digest", str(path)]) == 0
    (sent,) = drafted(server.requests)
    assert sent["model"] == planned["model"]
    assert sent["system"][0]["text"] == planned["system"]
    assert "\n".join(block["text"] for block in sent["messages"][0]["content"]) == planned["message"]
    assert server.billed / 1e9 <= planned["dollars"]["most"]


def test_what_waits_already_is_neither_planned_nor_sent(tmp_path, home, skill, server, capsys):
    path = written(tmp_path, corrected(skill, RULE))
    other = path.with_name("other.jsonl")
    said = path.read_text().replace("000000000001", "000000000002")
    other.write_text(
        said.replace('uuid":"', 'uuid":"9').replace('Uuid":"', 'Uuid":"9')
    )  # another saying, no copy
    cli.run(["--home", str(home), "digest", str(path)])
    sent = len(drafted(server.requests))
    capsys.readouterr()
    assert cli.run(["--home", str(home), "digest", str(other), "--plan"]) == 0
    assert "nothing would be sent" in capsys.readouterr().out
    assert cli.run(["--home", str(home), "digest", str(other)]) == 0
    assert "waits as" in capsys.readouterr().out
    assert len(drafted(server.requests)) == sent


def test_the_plan_says_so_when_nothing_would_be_sent(tmp_path, home, skill, capsys):
    path = written(tmp_path, corrected(skill, RULE))
    assert cli.run(["--home", str(home), "digest", str(path), "--plan"]) == 0
    out = capsys.readouterr().out
    assert "nothing would be sent" in out
    assert "offline" in out


def test_what_it_may_cost_is_said_before_anything_is_sent(tmp_path, home, skill, server, capsys):
    path = written(tmp_path, corrected(skill, RULE).witnessed(home))
    said = []
    server.answer = lambda request: said.append(capsys.readouterr().err) or answer(edit())(request)
    assert cli.run(["--home", str(home), "digest", str(path)]) == 0
    assert "anthropic may be asked: " in said[0]
    assert "calls, about $" in said[0]
    assert cli.run(["--home", str(home), "digest", str(path), "--plan"]) == 0
    told = capsys.readouterr()
    assert "answered before: not sent again" in told.out
    assert "to replay and judge the drafts that pass the gate" in told.out
    assert "0 calls, about $0.0000, at most $0.0000; nothing was sent" in told.out


def test_all_that_one_digest_costs_stays_below_what_was_said(tmp_path, home, skill, server, capsys):
    path = written(tmp_path, corrected(skill, RULE).witnessed(home))
    assert cli.run(["--home", str(home), "digest", str(path)]) == 0
    said = capsys.readouterr().err
    assert 0 < server.billed / 1e9 <= float(said.partition("at most $")[2].split()[0])


def test_the_plan_goes_the_way_of_the_real_run(tmp_path, home, skill, server, capsys):
    (home / "config.toml").write_text('[model]\nbackend = "anthropic"\ncandidates = 3\n')
    path = written(tmp_path, corrected(skill, RULE).witnessed(home))
    plan = ["--home", str(home), "digest", str(path), "--plan", "--json"]

    def planned():
        assert cli.run(plan) == 0
        return [json.loads(line)["answered_before"] for line in capsys.readouterr().out.splitlines()]

    assert planned() == [False] * 3, "nobody knows which of them will stand"
    assert cli.run(["--home", str(home), "digest", str(path)]) == 0
    assert len(drafted(server.requests)) == 1
    capsys.readouterr()
    before = (home / "skillloop.db").read_bytes()
    assert planned() == [True], "the first stands: the others would not be asked for"
    assert (home / "skillloop.db").read_bytes() == before
