"""Turns: what was said, where it stands, and what came just before it."""

import pytest
from helpers.hosts import said
from transcripts import VERSIONS, Transcript


@pytest.mark.parametrize("version", VERSIONS)
def test_a_conversation_becomes_turns_with_their_lines(read, version):
    built = Transcript(version).snapshot().typed("Tidy the report")
    line, uuid = built.line, built.last
    session = read(
        built.thinks("hm").says("I will.").tool("Read", file_path="a.md").says("Done.").typed("Thanks")
    )
    assert [turn.role for turn in session.turns] == ["human", "assistant", "human"]
    assert [turn.index for turn in session.turns] == [0, 1, 2]
    assert (session.turns[0].line, session.turns[0].uuid) == (line, uuid)
    assert session.turns[1].text == "I will.\n\nDone."
    assert session.turns[1].tools[0].brief == "a.md"


def test_a_refused_call_is_rejected_and_a_broken_one_failed(read):
    built = (
        Transcript()
        .typed("Go")
        .tool("Bash", command="a")
        .denied("no")
        .tool("Bash", command="b")
        .result("boom", failed=True)
    )
    calls = [call for turn in read(built).turns for call in turn.tools]
    assert [(call.rejected, call.failed) for call in calls] == [(True, False), (False, True)]


def test_a_refusal_without_comment_marks_the_next_turn(read):
    session = read(Transcript().typed("Go").tool("Bash", command="a").denied().typed("Ask me first"))
    assert [(turn.denied, turn.interrupted) for turn in session.human_turns] == [(False, False), (True, True)]


def test_a_plan_accepted_with_clear_context_is_no_rejection(read):
    last = read(Transcript().typed("Plan it").tool("ExitPlanMode", plan="# P").denied()).turns[-1]
    assert not last.tools[0].rejected
    spoke = read(Transcript().typed("Plan it").tool("ExitPlanMode", plan="# P").denied().typed("No, smaller"))
    assert spoke.turns[1].tools[0].rejected


def test_an_interrupt_marks_the_next_turn(read):
    session = read(
        Transcript().typed("Go").says("Rewriting everything").interrupted().typed("Only the title")
    )
    assert [turn.interrupted for turn in session.human_turns] == [False, True]


def test_a_message_sent_again_before_its_answer_is_one_turn(read):
    built = Transcript().typed("Use tabs").interrupted().typed("Use tabs")
    session = read(built.says("Yes"))
    assert said(session) == ["Use tabs"]
    assert session.turns[0].line == built.line - 1


def test_the_same_words_after_an_answer_are_a_turn_of_their_own(read):
    assert (
        said(read(Transcript().typed("Still broken").says("Fixed").typed("Still broken")))
        == ["Still broken"] * 2
    )
