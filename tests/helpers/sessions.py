"""Sessions in which a skill answers and the person corrects it."""

from transcripts import Transcript

from skillloop.hosts.claude_code.transcript import read
from skillloop.pipeline import session

SORRY = "You're right, sorry. I will do that from now on."
RULE = "No, that's wrong. Never cite a magazine when there is a study."


def corrected(skill, *words, version="2.1.197"):
    """A session in which the skill answers and the person then says `words`, one turn each."""
    transcript = (
        Transcript(version=version)
        .typed("How much sleep do adults need? Look it up.")
        .skill("research", str(skill))
        .says("Eight hours, says a health magazine. I have finished the answer.")
    )
    for said in words:
        transcript.typed(said).says("You're right, sorry. I will do that from now on.")
    return transcript


def digest(transcript, tmp_path, home, store=None):
    return session.digest(read(transcript.write(tmp_path / "t" / "session.jsonl")), home, store)
