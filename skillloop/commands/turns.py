"""`skillloop turns`: what the person said in a session, for a Claude that looks for lessons in it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from skillloop import detect
from skillloop.commands.digest import last_session
from skillloop.commands.options import App, picked, projects_folder, tell, verb
from skillloop.hosts.claude_code import authorship, records, transcript
from skillloop.pipeline import session as pipeline
from skillloop.propose.context import clean

LONGEST = 2_000  # characters of a turn that are shown
RUNNING = "CLAUDE_CODE_SESSION_ID"  # the client tells its commands so which session they run in


session_argument = click.argument("session", required=False, metavar="[PATH|SESSION_ID]")


@verb(session_argument)
def command(app: App, session: str | None, as_json: bool) -> int:
    """Print what you said in a session, turn by turn, with the ids that `skillloop propose` cites. Writes nothing.

    Without an argument: the session that it is called in, else this project's newest. Words that may be someone else's
    are not shown.

    \b
    Examples:
      skillloop turns
      skillloop turns 0b1c --json
    """  # noqa: D301
    read = transcript.read(chosen(session))
    disagreements, lessons = pipeline.study(read)
    sure = {item.turn: item.confidence for item in disagreements}
    with app.history() as store:
        for turn in read.human_turns:
            doubt, said = authorship.suspicion(read, turn, app.home), detect.saying(read, turn)
            known = [each.proposal.id for each in store.citing(said) if each.state != "discarded"]
            found = [picked(item, "text", "chance") for item in lessons if item.turn == turn.index]
            shape = {
                "id": said.id,
                "line": turn.line,
                "kind": turn.kind.value,
                "text": "" if doubt else clean(turn.text, LONGEST),
                "authorship": turn.origin.value,
                "doubt": doubt or None,
                "skill": turn.skill.name if turn.skill else None,
                "correction": sure.get(turn.index),
                "lessons": [] if doubt else found,
                "proposals": known,
            }
            words = f"(not shown: {doubt})" if doubt else " ".join(clean(turn.text, LONGEST).split())
            tell(shape, f"{said.id}  line {turn.line}  {words}", as_json=as_json)
    return 0


def chosen(session: str | None) -> Path:
    """Return the transcript of the session that is named, or runs, or else was the last one of this project."""
    named = session or os.environ.get(RUNNING)
    return records.locate(named, projects_folder()) if named else last_session()
