"""Reading, finding and reading again a transcript."""

import pytest
from helpers.hosts import said
from transcripts import VERSIONS, Transcript

from skillloop.errors import UsageError
from skillloop.hosts.claude_code import transcript


def test_a_broken_line_is_counted_and_skipped(read):
    built = Transcript().typed("One")
    for broken in (b"\xff\xfe", b"\0" * 80, b"[" * 200_000, b"1" * 5000, b"[1]", b'{"type":'):
        built.raw(broken)
    session = read(built.says("ok").typed("Two"))
    assert (said(session), session.bad_lines, session.records) == (["One", "Two"], 6, 3)
    assert session.partial


def test_a_half_written_line_is_left_for_next_time(tmp_path):
    path = Transcript().typed("One").write(tmp_path / "s.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"type":"user","mess')
    session = transcript.read(path)
    assert (session.end, session.bad_lines, said(session)) == (len(whole), 0, ["One"])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_human_turn_is_read_again_from_its_line(tmp_path, version):
    built = (
        Transcript(version)
        .typed("Use tabs")
        .says("ok")
        .tool("Bash", command="x")
        .denied("never")
        .queued("stop")
    )
    path = built.command("research", "only journals").typed("```\nlog\n```\nWhy?").write(tmp_path / "s.jsonl")
    turns = transcript.read(path).human_turns
    assert len(turns) == 5
    for turn in turns:
        again = transcript.quote_at(path, turn.line, turn.uuid)
        assert (again.text, again.pasted, again.origin) == (turn.text, turn.pasted, turn.origin)
        assert transcript.quote_at(path, turn.line, "another") is None
    assert transcript.quote_at(path, 2, None) is None
    assert transcript.quote_at(path, 99, turns[0].uuid) is None


def test_sessions_are_found_and_sub_agents_are_not(tmp_path):
    for name in (
        "-p/aaaa-1.jsonl",
        "-p/aabb-2.jsonl",
        "-q/cc.jsonl",
        "-p/agent-7.jsonl",
        "-p/aaaa-1/subagents/agent-9.jsonl",
    ):
        Transcript().typed("One").write(tmp_path / name)
    assert [path.stem for path in transcript.find(tmp_path)] == ["aaaa-1", "aabb-2", "cc"]
    assert transcript.locate("aaa", tmp_path).stem == "aaaa-1"
    assert transcript.locate(tmp_path / "-q/cc.jsonl", tmp_path).stem == "cc"
    for wrong in ("aa", "nobody", "agent-7"):
        with pytest.raises(UsageError):
            transcript.locate(wrong, tmp_path)


def test_many_transcripts_are_read_in_order_on_every_core(tmp_path, monkeypatch):
    monkeypatch.setattr(transcript, "PARALLEL_FROM", 0)
    paths = [
        Transcript().typed(f"Request {number}").write(tmp_path / f"{number}.jsonl") for number in range(4)
    ]
    paths.insert(2, tmp_path / "missing.jsonl")
    *read, gone, fourth, fifth = (*transcript.read_all(paths[:2]), *transcript.read_all(paths[2:]))
    assert [each.turns[0].text for each in (*read, fourth, fifth)] == [f"Request {n}" for n in range(4)]
    assert "missing.jsonl" in gone.message
