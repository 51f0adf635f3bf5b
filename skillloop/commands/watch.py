"""`skillloop watch`: follow transcripts and skills, and show what is found as it happens."""

import os
from dataclasses import asdict

from skillloop.commands import log
from skillloop.commands.options import App, verb
from skillloop.errors import Locked
from skillloop.skillpath import client_folder
from skillloop.text.words import counted
from skillloop.worker import watch, worker

IDLE = 600.0  # seconds without a new record after which an open session is digested


@verb()
def command(app: App) -> None:
    """Follow the transcripts and the skills until Ctrl-C, and show what is found."""
    os.environ["SKILLLOOP_INSIDE"] = "1"  # whatever it starts is not a person's session
    with watch.Watch(app.home, client_folder(), IDLE, worker.digested) as watching:
        transcripts, skills = watching.following
        app.say(
            f"following {counted(transcripts, 'transcript')} and {counted(skills, 'skill')}; Ctrl-C ends it",
            err=True,
        )
        while True:
            try:
                entries = watching.step()
            except Locked as error:  # another process writes for long: the next step shows what it did
                app.say(error.message, err=True)
                continue
            for entry in entries:
                if app.as_json:
                    app.emit(asdict(entry))
                    continue
                with app.store() as store:
                    line, style = log.line(store, entry)
                app.console().say(f"{entry.at[11:19]}  {line}", style)
