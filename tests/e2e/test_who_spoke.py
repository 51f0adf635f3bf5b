"""Who spoke, as the real client writes it down, and what the plugin makes of it."""

import time

import client
import pytest
from machine import CORRECTION, READY, talk
from stub import text, tool

from skillloop.hosts.claude_code import authorship, transcript
from skillloop.model import Origin, TurnKind

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.xdist_group("client"),
    pytest.mark.skipif(client.missing() is not None, reason=str(client.missing())),
]

BYPASS = ("--permission-mode", "bypassPermissions")
RULES = "\n".join(f"- Rule {number}: never cite a paper from before 19{number}0." for number in range(1, 8))


def leave(terminal):
    terminal.type("/exit")
    terminal.gone()


def transcripts(machine):
    """The client's transcripts, the newest last."""
    return sorted(machine.home.glob(".claude/projects/*/*.jsonl"), key=lambda path: path.stat().st_mtime)


def digested(machine, sessions):
    """Wait until the worker is done with so many sessions."""
    client.until(lambda: machine.log.count("; edits:") >= sessions, "not digested", 30, lambda: machine.log)
    machine.idle()


def last_said(machine):
    """The person's last turn in the newest session, and why it may not be theirs."""
    session = transcript.read(transcripts(machine)[-1])
    turn = session.human_turns[-1]
    return turn, authorship.suspicion(session, turn, machine.skillloop)


def test_around_a_paste_only_what_was_typed_teaches(machine):
    with machine.terminal(client.binary()) as terminal:
        talk(terminal, machine.stub, correction=None)
        terminal.write(CORRECTION + " Compare ")
        terminal.paste(RULES)
        terminal.see("[Pasted text")
        terminal.press("Enter")
        terminal.see("Understood.")
        leave(terminal)
    proposal = machine.wait_for_proposal(15)
    assert "paper from" not in str(proposal)
    assert CORRECTION in proposal["evidence"][0]["quote"]
    turn, why = last_said(machine)
    assert (turn.text, turn.pasted, turn.origin, why) == (
        CORRECTION + " Compare",
        (RULES,),
        Origin.TYPED,
        "",
    )


def test_words_that_were_queued_while_claude_works_are_proven(machine):
    with machine.terminal(client.binary(), *BYPASS) as terminal:
        terminal.see("bypass permissions on")
        machine.stub.replies[:] = [
            [tool("Skill", skill="research")],
            [tool("Bash", command="sleep 5", description="Waits")],
            [text("Vitamin D helps, says a thread on a forum.")],
        ]
        terminal.type("research whether vitamin D helps against colds")
        terminal.see("sleep 5")
        terminal.type(CORRECTION)
        terminal.see("thread on a forum")
        leave(terminal)
    assert machine.wait_for_proposal(15)["evidence"][0]["quote"] == CORRECTION
    turn, why = last_said(machine)
    assert (turn.text, turn.kind, turn.origin, why) == (CORRECTION, TurnKind.QUEUED, Origin.TYPED, "")


@pytest.mark.parametrize(
    ("keys", "kind", "origin"),
    [
        (("Down", "Down", "Down", "Tab"), TurnKind.DENIAL, Origin.TYPED),
        (("Tab",), TurnKind.ANSWER, Origin.UNATTRIBUTED),
    ],
    ids=["refused", "allowed"],
)
def test_a_comment_on_a_call_is_the_persons(machine, keys, kind, origin):
    with machine.terminal(client.binary(), "--permission-mode", "default") as terminal:
        terminal.see("for shortcuts")
        machine.stub.replies[:] = [
            [tool("Bash", command="touch x && rm x", description="Cleans")],
            [text("As you wish.")],
        ]
        terminal.type("clean up")
        terminal.see("Do you want to proceed?")
        time.sleep(2)  # newer clients take no key in the first moment of a dialog
        for key in keys:
            terminal.press(key)
        time.sleep(0.5)
        terminal.type("never remove a file, move it to the attic")
        terminal.see("As you wish.")
        leave(terminal)
    turn, _ = last_said(machine)
    assert (turn.text, turn.kind, turn.origin) == ("never remove a file, move it to the attic", kind, origin)
    assert machine.wait_for_proposal(20)["evidence"][0]["quote"] == turn.text


def test_an_answer_in_words_of_ones_own_is_the_persons(machine):
    with machine.terminal(client.binary(), *BYPASS) as terminal:
        terminal.see("bypass permissions on")
        options = [{"label": "Formal", "description": "Dear"}, {"label": "Casual", "description": "Hey"}]
        asked = {"question": "Which tone?", "header": "Tone", "multiSelect": False, "options": options}
        machine.stub.replies[:] = [[tool("AskUserQuestion", questions=[asked])], [text("Tone noted.")]]
        terminal.type("write a letter")
        terminal.see("Which tone?")
        time.sleep(2)
        terminal.press("Down")
        terminal.press("Down")
        terminal.type("Always formal, never casual")
        terminal.see("Tone noted.")
        leave(terminal)
    turn, why = last_said(machine)
    assert (turn.text, turn.kind, turn.origin, why) == (
        "Always formal, never casual",
        TurnKind.ANSWER,
        Origin.TYPED,
        "",
    )
    proposal = machine.wait_for_proposal(20)
    assert proposal["evidence"][0]["quote"] == turn.text
    assert "it answers “Which tone?”" in proposal["why"]


def test_the_copies_of_a_session_say_nothing_again_and_keep_its_proof(machine, proposal):
    (session,) = (path.stem for path in transcripts(machine))
    digested(machine, 1)
    for start, command in (
        (("--resume", session, "--fork-session"), None),
        (("--resume", session), "/branch side"),
    ):
        with machine.terminal(client.binary(), *start) as terminal:
            terminal.see("Understood.")
            terminal.see(READY)
            if command:
                terminal.type(command)
                terminal.see("Branched session")
            machine.stub.replies[:] = [[text("You are welcome.")]]
            terminal.type("thanks")
            terminal.see("You are welcome.")
            leave(terminal)
    digested(machine, 3)
    assert [item["id"] for item in machine.queue] == [proposal["id"]]
    copies = [transcript.read(path) for path in transcripts(machine) if path.stem != session]
    assert len(copies) == 2
    for copy in copies:
        turns = copy.human_turns
        assert (turns[1].text, turns[1].copied_from, turns[-1].text) == (CORRECTION, session, "thanks")
        assert [authorship.suspicion(copy, turn, machine.skillloop) for turn in turns] == [""] * len(turns)


def test_a_headless_run_is_nobodys_for_the_sweep_too(machine):
    def hello():
        with machine.terminal(client.binary()) as terminal:
            terminal.see(READY)
            machine.stub.replies[:] = [[text("Hello there.")]]
            terminal.type("hello")
            terminal.see("Hello there.")
            leave(terminal)

    hello()
    digested(machine, 1)
    machine.stub.replies[:] = [[text("Vitamin D helps.")]]
    machine.claude("-p", CORRECTION)
    session = transcript.read(transcripts(machine)[-1])
    assert (session.automated, session.human_turns) == (True, ())
    hello()  # its start sweeps
    digested(machine, 3)
    assert machine.queue == []
    assert CORRECTION not in str(machine.skillloop_json("status", "--json"))


NOTE = """---
name: sources
description: which sources to cite
metadata:
  type: feedback
---

Cite PubMed instead of forum threads.

**Why:** The person said so.
"""


def test_a_correction_that_the_client_notes_down_is_one_proposal(machine):
    with machine.terminal(client.binary()) as terminal:
        talk(terminal, machine.stub, correction=None)
        (session,) = transcripts(machine)
        note = session.parent / "memory" / "sources.md"
        machine.stub.replies[:] = [[tool("Write", file_path=str(note), content=NOTE)], [text("Understood.")]]
        terminal.type(CORRECTION)
        terminal.see("Understood.")
        leave(terminal)
    assert f"originSessionId: {session.stem}" in note.read_text()
    proposal = machine.wait_for_proposal(15)
    assert proposal["evidence"][0]["quote"] in CORRECTION
    (told,) = machine.skillloop_json("digest", str(session), "--dry-run", "--json")
    assert told["notes"] == {"linked": 1, "alone": []}
    assert {item["source"] for item in told["lessons"] if item["offered"]} == {"detector", "note"}
