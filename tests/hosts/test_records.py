"""Broken and hostile transcripts: nothing is fatal, nothing is read wrongly, and passing over lines changes nothing."""

import hashlib
import json
import os
import random
import time

import pytest
from helpers.hosts import SAID, everything
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transcripts import VERSIONS, Transcript

from skillloop.errors import SkillloopError
from skillloop.hosts.claude_code import transcript
from skillloop.hosts.claude_code.records import BLOCK, MAX_LINE, WINDOW

MUTATIONS = int(os.environ.get("TRANSCRIPT_MUTATIONS", "100000"))


@pytest.mark.parametrize("spaced", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_passing_over_lines_changes_nothing(tmp_path, version, spaced):
    path = everything(version, spaced=spaced).write(tmp_path / "s.jsonl")
    session = transcript.read(path)
    assert session == transcript.read(path, prefilter=False)
    assert [turn.text for turn in session.human_turns] == SAID


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "user",
            "assistant",
            "tool_result",
            "tool_use",
            "text",
            "is_error",
            "queue-operation",
            "<synthetic>",
            "message",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "role",
                    "content",
                    "message",
                    "is_error",
                    "text",
                    "uuid",
                    "attributionSkill",
                    "isSidechain",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["typed", "says", "call", "failed", "record", "meta"]), JSON, st.text(max_size=40)
        ),
        max_size=12,
    ),
    version=st.sampled_from(VERSIONS),
    spaced=st.booleans(),
)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_passing_over_lines_changes_nothing_whatever_they_hold(tmp_path, steps, version, spaced):
    built = Transcript(version, spaced=spaced)
    for step, value, text in steps:
        if step == "typed":
            built.typed(text, extra=value)
        elif step == "says":
            built.says(text, extra=value)
        elif step == "record":
            built.record("progress", data=value)
        elif step == "meta":
            built.meta(text, extra=value)
        else:
            built.tool("mcp__x", data=value).result(text, failed=step == "failed", payload=value)
    path = built.snapshot().write(tmp_path / "s.jsonl")
    assert transcript.read(path) == transcript.read(path, prefilter=False)


@pytest.mark.parametrize("step", [97, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_a_file_cut_at_any_byte_reads_as_its_whole_lines(tmp_path, step):
    data = everything("2.1.197").data() + everything("2.1.30").data()
    path, end = tmp_path / "s.jsonl", 0
    for cut in range(data.index(b"\n"), len(data), step):
        path.write_bytes(data[:cut])
        session = transcript.read(path)
        end = data.rfind(b"\n", 0, cut) + 1
        assert session.bad_lines == 0
        assert session.end in {end, cut}  # a last line that is complete but for its newline is read, too


def mutated(data, chance):
    """The bytes with a flip, a cut, a swap of lines, or garbage put in."""
    kind = chance.randrange(6)
    at = chance.randrange(len(data))
    if kind == 0:
        return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at]
    if kind == 2:
        lines = data.split(b"\n")
        chance.shuffle(lines)
        return b"\n".join(lines)
    if kind == 3:
        garbage = chance.choice(
            [b"\0" * 50, b"\xff", b'"', b"\n", b"}{", b"[" * 3000, b"9" * 5000, b"\\ud800", b"\xed\xa0\x80"]
        )
        return data[:at] + garbage + data[at:]
    if kind == 4:
        return data[:at] + data[at + chance.randrange(60) :]
    other = chance.randrange(len(data))
    return data[:at] + data[other : other + chance.randrange(200)] + data[at:]


SOURCES = [everything(version).data() for version in VERSIONS]


def attack(path, seed, count):
    """Read `count` mutations of small transcripts. Errors are clear ones, and every text can be written out."""
    chance = random.Random(seed)
    for _ in range(count):
        path.write_bytes(mutated(chance.choice(SOURCES), chance))
        try:
            session = transcript.read(path)
        except SkillloopError:
            continue
        for turn in session.turns:
            calls = (text for call in turn.tools for text in (call.name, call.brief))
            "".join((session.session_id, turn.text, *turn.pasted, turn.uuid or "", *calls)).encode()


def test_no_mutation_is_fatal(tmp_path):
    attack(tmp_path / "s.jsonl", seed=1, count=1000)


def test_passing_over_lines_finds_the_same_words_in_a_damaged_file(tmp_path):
    chance, path = random.Random(2), tmp_path / "s.jsonl"
    for _ in range(300):
        path.write_bytes(mutated(chance.choice(SOURCES), chance) + b"\n" + SOURCES[0])
        sessions = transcript.read(path), transcript.read(path, prefilter=False)
        quick, full = ([(turn.line, turn.text, turn.origin) for turn in s.human_turns] for s in sessions)
        assert quick == full


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(8))
def test_a_hundred_thousand_mutations_are_not_fatal(tmp_path, part):
    attack(tmp_path / "s.jsonl", seed=100 + part, count=MUTATIONS // 8)


def test_a_line_too_long_to_hold_is_passed_over(tmp_path):
    long = b'{"type":"user","message":{"content":"' + b"x" * (MAX_LINE + 3 * BLOCK) + b'"}}'
    built = Transcript().typed("Before").raw(long).typed("After").raw(long)
    path = built.write(tmp_path / "s.jsonl")
    session = transcript.read(path)
    assert [(turn.text, turn.line) for turn in session.turns] == [("Before", 1), ("After", 3)]
    assert (session.bad_lines, session.end) == (2, path.stat().st_size)
    assert session.digest == hashlib.sha256(path.read_bytes()[-WINDOW:]).hexdigest()


def test_a_line_too_long_to_hold_and_not_whole_is_left_for_next_time(tmp_path):
    path = Transcript().typed("Before").write(tmp_path / "s.jsonl")
    whole = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"x" * (MAX_LINE + 3 * BLOCK))
    assert transcript.read(path).end == whole


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_lines_that_cross_the_blocks_are_whole(tmp_path, size):
    built = (
        Transcript()
        .typed("Before")
        .raw(b" " * (size - 700))
        .tool("Read")
        .result("y" * 700)
        .typed("After " + "z" * size)
    )
    path = built.write(tmp_path / "s.jsonl")
    session = transcript.read(path)
    assert [len(turn.text) for turn in session.human_turns] == [6, 6 + size]
    assert session.digest == hashlib.sha256(path.read_bytes()[-WINDOW:]).hexdigest()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "there is no transcript at"),
        (lambda path: path.mkdir(), "is not a file"),
        (os.mkfifo, "is not a file"),
        (lambda path: path.write_bytes(b""), "holds no record"),
        (lambda path: path.write_bytes(os.urandom(5000) + b"\n"), "holds no record"),
        (lambda path: path.write_bytes(b"just some notes\nof mine\n"), "holds no record"),
    ],
)
def test_what_is_no_transcript_is_said_to_be_none(tmp_path, make, words):
    make(tmp_path / "s.jsonl")
    with pytest.raises(SkillloopError, match=words) as failure:
        transcript.read(tmp_path / "s.jsonl")
    assert failure.value.hint


def test_a_name_that_no_file_can_have_is_an_error_too():
    with pytest.raises(SkillloopError, match="cannot read"):
        transcript.read("a\0b")


@pytest.mark.parametrize(
    "record",
    [
        {"type": "assistant", "message": {"content": [{"type": ["text"], "text": "x"}]}},
        {"type": "assistant", "message": {"content": [{"type": "tool_use", "id": [], "name": {}, "input": []}]}},
        {"type": "user", "message": {"content": "x"}, "promptSource": ["typed"]},
        {"type": "user", "message": {"content": "x"}, "origin": ["human"]},
        {"type": "user", "message": {"content": [{"type": {}, "text": "x"}, {"type": "tool_result", "tool_use_id": [], "is_error": 1}]}},
        {"type": "queue-operation", "operation": ["remove"], "content": "x"},
        {"type": "attachment", "attachment": {"type": "queued_command", "commandMode": ["prompt"], "prompt": "x"}},
        {"type": "attachment", "attachment": {"type": "invoked_skills", "skills": [{"name": [], "content": {}}]}},
        {"type": ["user"], "message": {"content": "x"}},
    ],
)  # fmt: skip
def test_a_field_of_another_type_is_not_fatal(tmp_path, record):
    built = everything(VERSIONS[-1])
    expected = transcript.read(built.write(tmp_path / "s.jsonl"))
    for _ in range(3):
        built.raw(json.dumps(record).encode())
    session = transcript.read(built.write(tmp_path / "s.jsonl"))
    assert session == transcript.read(tmp_path / "s.jsonl", prefilter=False)
    assert (session.human_turns, session.bad_lines) == (expected.human_turns, 0)


def test_a_schema_that_nobody_knows_is_partial(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text('{"kind": "turn", "who": "me", "said": "no"}\n' * 5)
    assert transcript.read(path).partial


def test_more_than_one_bad_line_in_twenty_is_partial(tmp_path):
    built = Transcript()
    for number in range(38):
        built.typed(f"Turn {number}").says("ok")
    assert not transcript.read(built.raw(b"x").raw(b"y").write(tmp_path / "s.jsonl")).partial
    assert transcript.read(built.raw(b"z").raw(b"x").raw(b"y").write(tmp_path / "s.jsonl")).partial


@pytest.mark.parametrize("shape", ["resent", "queued", "rewound", "near"])
def test_a_file_made_to_be_slow_is_not(tmp_path, shape):
    built = Transcript("2.1.30").typed("Start")
    for number in range(3000):
        if shape == "resent":
            built.typed("Use tabs" + " x" * 400)
        elif shape == "queued":
            built.queued(f"wait {number}")
        elif shape == "rewound":
            built.typed(f"Try {number}", parentUuid="00000000-0000-0000-0000-000000000000")
        else:
            built.typed("y" * 1000 + str(number) + "y" * 1000).interrupted()
    path = built.write(tmp_path / "s.jsonl")
    began = time.process_time()
    transcript.read(path)
    assert time.process_time() - began < 3


MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    "unit",
    [
        "`",
        "~~~",
        "<system-reminder ",
        "<system-reminder>",
        "<command-name>",
        " ",
        "> ",
        "a@b",
        "x\n",
        "at (\n",
        '"',
        "a.",
        "1:1 ",
    ],
)
def test_no_text_is_slow_to_look_through(tmp_path, unit):
    text = unit * (MEGABYTE // len(unit))
    built = Transcript().typed(text).typed(f"<command-name>/x</command-name>{text}").typed(f"```\n{text}")
    built.tool("Bash", command=".claude/projects/" + text + "/memory/").denied(f"No{text}x")
    path = built.write(tmp_path / "s.jsonl")
    began = time.process_time()
    transcript.read(path)
    assert time.process_time() - began < 4  # 5 MB; a pattern that is not linear takes minutes
