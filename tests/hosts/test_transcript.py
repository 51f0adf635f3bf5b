"""Reading, finding and reading again a transcript."""

import time

import pytest
from helpers.hosts import said
from transcripts import Transcript

from skillloop.errors import UsageError
from skillloop.hosts.claude_code import records, transcript


def test_a_broken_line_is_counted_and_skipped(read):
    built = Transcript().typed("One")
    for broken in (b"\xff\xfe", b"\0" * 80, b"[" * 200_000, b"1" * 5000, b"[1]", b'{"type":'):
        built.raw(broken)
    session = read(built.says("ok").typed("Two"))
    assert (said(session), session.bad_lines) == (["One", "Two"], 6)
    assert session.partial


def test_a_moment_that_is_no_date_is_none(read):
    session = read(Transcript().typed("One", timestamp="today").typed("Two"))
    assert [turn.timestamp is None for turn in session.human_turns] == [True, False]


def test_a_half_written_line_is_left_for_next_time(tmp_path):
    built = Transcript().typed("One")
    path = built.write(tmp_path / "s.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"type":"user","mess')
    session = transcript.read(path)
    assert (session.end, session.bad_lines, said(session)) == (len(whole), 0, ["One"])
    assert said(transcript.read(built.typed("Two").write(path))) == ["One", "Two"]


def test_sessions_are_found_and_sub_agents_are_not(tmp_path):
    for name in (
        "-p/aaaa-1.jsonl",
        "-p/aabb-2.jsonl",
        "-q/cc.jsonl",
        "-p/agent-7.jsonl",
        "-p/aaaa-1/subagents/agent-9.jsonl",
    ):
        Transcript().typed("One").write(tmp_path / name)
    assert [path.stem for path in records.find(tmp_path)] == ["aaaa-1", "aabb-2", "cc"]
    assert records.locate("aaa", tmp_path).stem == "aaaa-1"
    assert records.locate(tmp_path / "-q/cc.jsonl", tmp_path).stem == "cc"
    for wrong in ("aa", "nobody", "agent-7"):
        with pytest.raises(UsageError):
            records.locate(wrong, tmp_path)


def test_many_transcripts_are_read_in_order_on_every_core(tmp_path, monkeypatch):
    monkeypatch.setattr(transcript, "PARALLEL_FROM", 0)
    paths = [
        Transcript().typed(f"Request {number}").write(tmp_path / f"{number}.jsonl") for number in range(4)
    ]
    paths.insert(2, tmp_path / "missing.jsonl")
    *read, gone, fourth, fifth = (*transcript.read_all(paths[:2]), *transcript.read_all(paths[2:]))
    assert [each.turns[0].text for each in (*read, fourth, fifth)] == [f"Request {n}" for n in range(4)]
    assert "missing.jsonl" in gone.message


def test_words_that_are_sent_again_cost_no_more_in_a_long_session(read):
    built = Transcript()
    for number in range(25_000):
        built.typed(f"Do task {number * 7919}").typed(f"Do task {number * 7919}").says("ok")
    began = time.process_time()
    assert len(read(built).human_turns) == 25_000
    assert time.process_time() - began < 6  # where each looks through all turns before: 9 s
