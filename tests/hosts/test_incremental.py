"""Reading on in a resumed session: what came since, understood as if the whole had been read."""

import random
from dataclasses import replace

import pytest
from helpers.hosts import SKILL, everything
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transcripts import VERSIONS, Transcript

from skillloop import detect
from skillloop.detect.features import features
from skillloop.detect.turn_context import scenes
from skillloop.errors import SkillloopError
from skillloop.hosts.claude_code import transcript
from skillloop.hosts.claude_code.records import Lines

WORDS = [
    "No, use tabs",
    "never fetch, use the journal",
    "that is wrong, I said the journal",
    "thanks",
    "why did you delete it?",
]


def back(built, turns):
    """Rewind so many typed turns, or all there are."""
    turns = min(turns, len(built._turn_parents))
    return built.rewound(turns) if turns else built


STEPS = {
    "typed": lambda built, text: built.typed(text),
    "says": lambda built, text: built.says("Sorry, " + text),
    "edits": lambda built, text: built.tool("Edit", file_path="a.py", new_string=text),
    "fails": lambda built, text: built.tool("Bash", command=text).result("boom", failed=True),
    "denied": lambda built, text: built.tool("Bash", command="rm -r old").denied(text),
    "refused": lambda built, _: built.tool("Bash", command="rm -r old").denied(),
    "interrupted": lambda built, _: built.interrupted(),
    "rewound": lambda built, text: back(built, 1).typed(text),
    "rewound far": lambda built, text: back(built, 3).typed(text),
    "slipped in": lambda built, text: built.queued(text),
    "queued": lambda built, text: built.queued(text, "dequeue"),
    "waits": lambda built, text: built._queue("enqueue", content=text),
    "machine waits": lambda built, text: built._queue("enqueue", content="<task-notification>x"),
    "goes": lambda built, _: built._queue("remove"),
    "taken back": lambda built, text: built.queued(text, "popAll"),
    "command": lambda built, text: built.command("research", text),
    "skill": lambda built, _: built.skill("research", SKILL),
    "compacted": lambda built, _: built.compacted(),
    "notified": lambda built, _: built.notified(),
    "broken": lambda built, _: built.raw(b"{"),
    "blank": lambda built, _: built.raw(b""),
    "copied": lambda built, _: built.raw(built.lines[len(built.lines) // 2]) if built.lines else built,
    "stopped": lambda built, _: built.typed("> quoted\n" + "and mine"),
}


def check(path, data, cuts):
    """Read up to each cut in turn, going on where it can be, and compare with reading the whole; how often it went on."""
    resume, found, went_on = "", {}, 0
    for cut in (*cuts, len(data)):
        path.write_bytes(data[:cut])
        try:
            whole = transcript.read(path)
        except SkillloopError:
            continue
        read = whole
        if resume:
            try:
                read = transcript.read(path, resume=resume)
                went_on += 1
            except transcript.Changed:
                pass
        known = read.known
        assert replace(read, turns=(), known=0) == replace(whole, turns=())
        assert read.turns[max(known - 1, 0) :] == whole.turns[max(known - 1, 0) :]
        assert [turn.role for turn in read.turns] == [turn.role for turn in whole.turns]
        judged = detect.find(read)
        assert judged == [each for each in detect.find(whole) if each.turn >= known]
        same = [each for each in scenes(whole) if each.turn.index >= known]
        assert list(map(features, scenes(read))) == list(map(features, same))
        found.update((each.id, each) for each in judged)
        assert {each.id for each in detect.find(whole)} <= found.keys()
        resume = read.resume
    return went_on


@pytest.mark.parametrize("version", VERSIONS)
def test_reading_on_from_anywhere_is_reading_the_whole(tmp_path, version):
    data = everything(version).data()
    chance = random.Random(version)
    went_on = sum(
        check(tmp_path / "s.jsonl", data, sorted(chance.sample(range(len(data)), 3))) for _ in range(20)
    )
    assert went_on > 0


def test_a_wish_is_compared_with_those_of_eight_turns_ago(tmp_path):
    built = Transcript().typed("Sort the report's table by year of publication").says("Done.")
    for number in range(7):
        built.typed(f"Then do chore {number}").says("Done.")
    data = built.data() + built.typed("Sort the report's table by year of publication").says("Sorry").data()
    assert check(tmp_path / "s.jsonl", data, [len(data) // 2]) == 1
    *_, last = scenes(transcript.read(tmp_path / "s.jsonl"))
    assert "asked before" in features(last)


def test_words_slipped_in_do_not_end_what_is_being_answered(tmp_path):
    built = (
        Transcript("2.0.64")
        .typed("Find papers")
        .says("Found")
        .typed("Ask first")
        .tool("Bash", command="make")
    )
    data = built.result("boom").queued("stop amending").data()
    whole = data + built.says("You're right, sorry.").typed("Thanks").says("Yes").data()[len(data) :]
    check(tmp_path / "s.jsonl", whole, [len(data)])


def test_a_changed_file_is_not_read_on(tmp_path):
    built = Transcript().typed("Find papers").says("Found").typed("Thanks").says("Yes")
    path = built.write(tmp_path / "s.jsonl")
    first = transcript.read(path)
    assert transcript.read(path, resume=first.resume).known == 1
    for data in (path.read_bytes()[:-3], path.read_bytes().replace(b"papers", b"places")):
        path.write_bytes(data)
        with pytest.raises(transcript.Changed, match="is not what was read"):
            transcript.read(path, resume=first.resume)
    with pytest.raises(transcript.Changed, match="not known any more"):
        transcript.read(path, resume=first.resume[:-9])
    with pytest.raises(transcript.Changed, match="another version"):
        transcript.read(path, resume=first.resume.replace('"format":2', '"format":1'))


def test_only_the_end_of_a_long_session_is_read_again(tmp_path, monkeypatch):
    built = Transcript()
    for number in range(40):
        built.typed(f"Read file {number}").tool("Read", file_path="a").result("x" * 100_000).says("Done")
    path = built.write(tmp_path / "s.jsonl")
    first = transcript.read(path)
    path = built.typed("Thanks").write(path)
    blocks = []
    once = Lines._read
    monkeypatch.setattr(Lines, "_read", lambda lines: blocks.append(once(lines)) or blocks[-1])
    assert len(transcript.read(path, resume=first.resume).turns) == 81
    assert sum(map(len, blocks)) < path.stat().st_size / 15


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from(WORDS)), min_size=4, max_size=40
    ),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    version=st.sampled_from(VERSIONS),
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_reading_on_is_reading_the_whole_whatever_was_said(tmp_path, steps, shares, version):
    built = Transcript(version).typed("Find papers").says("I will.")
    for step, text in steps:
        STEPS[step](built, text)
    data = built.data()
    check(tmp_path / "s.jsonl", data, sorted(int(share * len(data)) for share in shares))
