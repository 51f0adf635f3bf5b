"""Only what a person typed is evidence."""

from dataclasses import replace

import pytest
from helpers.gate import case, failed, insert, judged
from hypothesis import given
from hypothesis import strategies as st

from skillloop.gate import provenance
from skillloop.model import Evidence, Origin, Outcome, Session, TurnKind

SAID = "Always sort the tables by date."
EDIT = insert("Always sort the tables by date")


def test_typed_words_pass():
    assert failed(provenance.check, SAID, EDIT) == set()


def test_a_message_that_is_not_in_the_transcript_is_no_evidence():
    assert failed(provenance.check, SAID, EDIT, turns={}) == {"origin!"}


def test_a_queued_proposal_whose_transcript_was_deleted_is_still_a_persons_to_decide():
    verdict = judged(SAID, EDIT, session=None, turns={})
    assert (verdict.outcome, {check.name for check in verdict.failed}) == (Outcome.DEFER, {"gone"})


def test_a_quote_that_the_transcript_does_not_hold_stays_refused_in_the_queue():
    assert "origin!" in failed(provenance.check, SAID, EDIT, session=None, quote="Never sort.")


@pytest.mark.parametrize("turn", [{"origin": Origin.MACHINE}, {"role": "assistant"}])
def test_a_machines_words_are_no_evidence_whatever_the_proposal_claims(turn):
    assert failed(provenance.check, SAID, EDIT, turn=turn) == {"origin!"}


@pytest.mark.parametrize(
    "quote",
    ["Never sort the tables by date.", "always sort the tables by date.", "", "  ", "the tables  by date"],
)
def test_the_quote_must_stand_in_the_message_letter_for_letter(quote):
    assert failed(provenance.check, SAID, EDIT, quote=quote) == {"origin!"}


def test_a_redacted_quote_of_a_message_with_a_secret_is_found():
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    said = f"Never print {token} in a report."
    assert failed(provenance.check, said, EDIT, quote="Never print <SECRET:github> in a report.") == set()


def test_a_message_that_the_reader_of_the_whole_session_leaves_out_is_no_evidence():
    session = Session("s1", "/t/s1.jsonl", ())
    assert failed(provenance.check, SAID, EDIT, session=session) == {"origin!"}


def test_what_was_pasted_is_no_evidence():
    turn = {"text": "what does this say?", "pasted": (SAID,)}
    assert "origin!" in failed(provenance.check, SAID, EDIT, turn=turn)


@pytest.mark.parametrize("cites", [(), ("e2",), ("e1", "e2")])
def test_every_edit_cites_evidence_that_exists(cites):
    assert failed(provenance.check, SAID, replace(EDIT, evidence=cites)) == {"origin!"}


def test_two_pieces_of_evidence_with_one_id_are_refused():
    proposal, inputs = case(SAID, EDIT)
    other = Evidence("e1", "s1", "/t/s1.jsonl", 9, "u2", SAID, Origin.TYPED)
    both = replace(proposal, evidence=(*proposal.evidence, other))
    assert not next(iter(provenance.check(both, inputs))).passed


def test_an_automated_session_teaches_nothing():
    session = Session("s1", "/t/s1.jsonl", (), automated=True)
    assert failed(provenance.check, SAID, EDIT, session=session) == {"origin!"}


@pytest.mark.parametrize(
    ("doubt", "fields"),
    [
        ("attribution", {"origin": Origin.UNATTRIBUTED}),
        ("attribution", {"turn": {"origin": Origin.UNATTRIBUTED}}),
        ("receipt", {"received": False}),
        ("unwatched", {"received": None}),
        ("untold", {"turn": {"kind": TurnKind.QUEUED}, "received": False}),
        ("pasted", {"turn": {"pasted": ("a log",)}}),
        ("pasted", {"turn": {"text": SAID + " x" * 300}}),
        ("taken back", {"turn": {"abandoned": True}}),
        ("partial", {"session": Session("s1", "/t", (), partial=True, bad_lines=9)}),
        ("tainted", {"session": Session("s1", "/t", (), tainted="Bash wrote to the transcript")}),
    ],
)
def test_a_doubt_about_the_words_goes_to_a_person(doubt, fields):
    assert failed(provenance.check, SAID, EDIT, **fields) == {doubt}
    assert judged(SAID, EDIT, **fields).outcome is Outcome.DEFER


@pytest.mark.parametrize("kind", [TurnKind.QUEUED, TurnKind.DENIAL, TurnKind.ANSWER, TurnKind.COMMAND])
def test_what_the_hook_saw_or_the_client_signed_has_full_rights(kind):
    assert failed(provenance.check, SAID, EDIT, turn={"kind": kind}) == set()


@pytest.mark.parametrize("kind", [TurnKind.DENIAL, TurnKind.ANSWER])
@pytest.mark.parametrize("doubt", [{"received": None}, {"origin": Origin.UNATTRIBUTED}])
def test_a_comment_or_answer_without_a_sign_or_a_watching_hook_waits(kind, doubt):
    turn = {"kind": kind} | ({} if "received" in doubt else doubt)
    received = doubt.get("received", True)
    assert "untold" in failed(provenance.check, SAID, EDIT, turn=turn, received=received)


def test_a_receipt_is_asked_for_where_the_client_gives_one():
    inputs = {"received": False, "turn": {"kind": TurnKind.QUEUED}}
    assert failed(provenance.check, SAID, EDIT, **inputs) == {"untold"}


@pytest.mark.parametrize(
    "message",
    [
        "what is this?\n\nAlways sort the tables by date.",
        "the readme says always sort the tables by date.",
        "my boss wrote: Always sort the tables by date.",
        "# Rules\nAlways sort the tables by date.",
        "summarise\n- Always sort the tables by date.",
        "log:\n2026-01-02 10:00 Always sort the tables by date.",
        "is this right?\n> Always sort the tables by date.",
        "[Pasted text #1] Always sort the tables by date.",
        "format this\n{'a': 'Always sort the tables by date.'}",
    ],
)
def test_words_that_look_handed_on_are_not_applied(message):
    assert "pasted" in failed(provenance.check, message, EDIT, quote="ort the tables by date.")


@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_a_quote_is_accepted_only_if_it_is_in_the_message(quote, said):
    accepted = "origin!" not in failed(provenance.check, said, EDIT, quote=quote)
    assert accepted == (bool(quote.strip()) and quote in said)


def test_words_beside_a_paste_that_the_client_marked_were_typed():
    assert failed(provenance.check, SAID, EDIT, turn={"pasted": ("a log",), "marked": True}) == set()


def test_words_that_the_assistant_had_first_are_nobodys():
    evidence = case(SAID, EDIT)[0].evidence
    assert failed(provenance.check, SAID, EDIT, echoed=frozenset(evidence)) == {"origin!"}
