"""What was turned down is told to the drafter, and not proposed again."""

import json

from helpers.messages_server import data_of
from helpers.models import GOOD, answer, asked, digest, taught
from helpers.sessions import RULE, SORRY, corrected
from transcripts import Transcript

from skillloop.hosts.claude_code import transcript
from skillloop.model import Outcome
from skillloop.pipeline import session
from skillloop.propose import offline_drafter


def test_what_a_person_rejected_is_told_to_the_drafter_and_not_proposed_again(
    tmp_path, home, store, skill, server
):
    digest(tmp_path, home, store, corrected(skill, RULE))
    (queued,) = store.proposals()
    store.set_state(queued.proposal.id, "rejected", "I do not want that", by="person")
    resumed = corrected(skill, RULE, "go on")
    server.answer = answer(taught("Never cite a magazine when there is a good study.", cites=["t2"]))
    assert digest(tmp_path, home, store, resumed).trials == ()
    data = data_of(asked(server.requests)[-1])
    assert data["failed"] == [{"edit": f"insert - {GOOD[:-1]}", "turned down by": "the person"}]
    assert "I do not want that" not in json.dumps(data)


def test_new_evidence_may_bring_a_rejected_edit_back(tmp_path, home, store, skill, server):
    first = digest(tmp_path, home, store, corrected(skill, RULE))
    (queued,) = store.proposals()
    store.set_state(queued.proposal.id, "rejected", "no", by="person")
    record = Transcript(session_id="5e55104e-0000-4000-8000-000000000009")
    record.typed("How much sleep do adults need? Look it up.").skill("research", str(skill))
    record.says("Eight hours, says a health magazine. I have finished the answer.").typed(RULE).says(SORRY)
    again = session.digest(transcript.read(record.write(tmp_path / "t" / "other.jsonl")), home, store)
    assert first.disagreements[0].id != again.disagreements[0].id
    assert offline_drafter.repeats(again.trials[0].proposal, store.proposals(states=("rejected",))) is None
    assert again.trials[0].decision.outcome is Outcome.DEFER
