"""Digest ended sessions: started by the hook, in skillloop's own environment, detached from any session.

Invariants: one worker at a time, a second one leaves at once; a job that arrives while the first is finishing is
not stranded, because the inbox is looked at again after the lock is released; a failing job never stops the others;
whatever became of the jobs, the notice for the next session start says what waits for the person.
"""

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from skillloop.errors import Locked, SkillloopError
from skillloop.fs import locked, mark
from skillloop.pipeline import session, undo
from skillloop.skillpath import client_folder
from skillloop.store import Store
from skillloop.text.words import counted
from skillloop.worker.notice import leave_notice, write_notice
from skillloop.worker.queue import ATTEMPTS, BrokenJob, Inbox, Job, Seen, running

SETTLE = 0.3  # seconds without growth after which a transcript counts as written
SETTLE_LIMIT = 3.0
FRESH = 5.0  # seconds: an older transcript is not being written any more

log = logging.getLogger("worker")


def drain(home: Path, client: Path, digest: Callable[[Path, Path], str]) -> None:
    """Digest each session that waits, or ended without a hook; `digest` says what came of one in a few words."""
    inbox = Inbox(home)
    while True:
        try:
            with locked(home / "worker.lock", wait=0):
                seen = Seen(home)
                for job in inbox.recover():
                    log.warning("%s: %s (try %d of %d)", job.session_id, job.error, job.attempts, ATTEMPTS)
                    path = Path(job.transcript_path)
                    with suppress(OSError):
                        seen.note(path, mark(path))
                for path in seen.changed(client / "projects", running(client)):
                    if inbox.put(Job(path.stem, str(path))):
                        log.info("%s: ended without a hook", path.stem)
                while names := inbox.due():
                    for name in names:
                        _work(home, inbox, name, seen, digest)
                seen.save()
                with Store.open(home) as store:
                    session.try_again(home, store)
                    undo.take_back(home, store)
                leave_notice(home)
                try:
                    with Store.open(home) as store:
                        store.back_up()
                except SkillloopError as error:
                    log.warning("no copy of the database: %s", error.message)
        except Locked:
            return
        if not inbox.due():
            return


def _work(home: Path, inbox: Inbox, name: str, seen: Seen, digest: Callable[[Path, Path], str]) -> None:
    try:
        job = inbox.claim(name)
    except BrokenJob as error:
        log.error("%s; it was put into %s", error.message, inbox.failed)  # noqa: TRY400  (its trace says nothing)
        return
    path = Path(job.transcript_path)
    if not path.exists():
        log.info("%s: no transcript, so there is nothing to learn", name)
        inbox.done(name)
        return
    settle(path)
    seen.note(path, mark(path))
    try:
        log.info("%s: %s", name, digest(home, path))
    except SkillloopError as error:
        failed = inbox.fail(name, job, error.message)
    except Exception as error:  # one bad session must not hold up the others
        log.exception("%s: a bug", name)
        failed = inbox.fail(name, job, f"{type(error).__name__}: {error}")
    else:
        inbox.done(name)
        return
    log.warning("%s: failed, try %d of %d: %s", name, failed.attempts, ATTEMPTS, failed.error)


def settle(path: Path) -> None:
    """Wait until a transcript that is still being written has stopped growing, three seconds at most."""
    limit = time.monotonic() + SETTLE_LIMIT
    before = mark(path)
    while abs(time.time() - before[1] / 1e9) < FRESH and time.monotonic() < limit:
        time.sleep(SETTLE)
        before, last = mark(path), before
        if before == last:
            return


def digested(home: Path, path: Path) -> str:
    """Digest one transcript, and return what came of it in a few words."""
    digest = session.digest_job(home, path)
    return f"{counted(len(digest.disagreements), 'correction')}; edits: {len(digest.trials)}"


def main() -> None:
    """Run the worker process."""
    os.umask(0o077)
    os.nice(10)
    os.environ["SKILLLOOP_INSIDE"] = "1"  # whatever it starts is not a person's session
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)sZ worker: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    home = Path(os.environ["SKILLLOOP_HOME"])
    try:
        drain(home, client_folder(), digested)
    except Exception as error:  # nobody watches this process: the next session start has to say it
        log.exception("stopped")
        reason = f"{type(error).__name__}: {error}"[:200]
        write_notice(home, f"skillloop's worker stopped: {reason}. Log: {home / 'log' / 'worker.log'}")
        sys.exit(1)


if __name__ == "__main__":
    main()
