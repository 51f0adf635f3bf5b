"""Lessons given in words: `turns` and `propose` for Claude, from its session, `remember` for the person.

They go through the same gate as all others. A rule to remember is written down as a session of one message, so that the
gate reads it as it reads any. Invariant: it counts as typed by the person only where a terminal shows that one was there;
from inside a session it always waits for them.
"""

import json
import sys
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from skillloop import detect
from skillloop.commands.digest import last_session
from skillloop.commands.options import OPEN, App, flag, gate_checks, interactive, option, picked, verb
from skillloop.commands.sitting import Sitting, outcome, skill_named
from skillloop.errors import Refused, UsageError
from skillloop.fs import write_atomic
from skillloop.gate.provenance import REMEMBERED
from skillloop.hosts.claude_code import authorship, records, transcript
from skillloop.hosts.claude_code.hooks import receipts
from skillloop.model import Lesson, Outcome, Scope, Session
from skillloop.pipeline import session as pipeline
from skillloop.propose import model_drafter, targets
from skillloop.propose.model_drafter import LONGEST, Unusable
from skillloop.propose.offline_drafter import DRAFTERS
from skillloop.propose.targets import KnownSkill
from skillloop.skillpath import projects_folder, rules_file, target_name
from skillloop.store import Store
from skillloop.text.redact import clean, redact
from skillloop.worker.notice import leave_notice

MOST = 5  # proposals of one session
TRIES = 2  # so often may a check turn down what cites a turn: its wording can be mended once
SHOWN = 2_000  # characters of a turn that are shown
RUNNING = "CLAUDE_CODE_SESSION_ID"  # the client tells its commands so which session they run in
session_argument = click.argument("session", required=False, envvar=RUNNING, metavar="[PATH|SESSION_ID]")


@verb(session_argument)
def turns(app: App, session: str | None) -> None:
    """Print what you said in a session, turn by turn, with the ids that `skillloop propose` cites. Writes nothing."""
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
                **picked(turn, "line", "kind"),
                "text": "" if doubt else clean(turn.text, SHOWN),
                "authorship": turn.origin,
                "doubt": doubt or None,
                "skill": turn.skill and turn.skill.name,
                "correction": sure.get(turn.index),
                "lessons": [] if doubt else found,
                "proposals": known,
            }
            words = f"(not shown: {doubt})" if doubt else " ".join(clean(turn.text, SHOWN).split())
            app.tell(shape, f"{said.id}  line {turn.line}  {words}")


def chosen(session: str | None) -> Path:
    """Return the transcript of the session that is named, or runs, or else was the last one of this project."""
    return records.locate(session, projects_folder()) if session else last_session()


@verb(session_argument)
def command(app: App, session: str | None) -> None:
    """Queue lessons drawn from a session, given as JSON or TOML on stdin. Writes to the queue, never to a SKILL.md: everything waits for you."""
    values = model_drafter.values(sys.stdin.read(100_000))
    read = transcript.read(chosen(session))
    if read.automated:
        raise Refused("no person takes part in this session", "only what a person typed can be learned from")
    known = targets.known_skills(read)
    with app.store() as store:
        for number, value in enumerate(values, 1):
            told = _proposed(value, read, known, app.home, store)
            line = f"{number}. {told['outcome']}: {told['reason']}"
            app.tell({"number": number, **told}, line)
    leave_notice(app.home)


def _proposed(value: Any, read: Session, known: list[KnownSkill], home: Path, store: Store) -> dict[str, Any]:
    """Return the documented JSON shape of what became of one lesson."""
    told: dict[str, Any] = {"outcome": "refused", "id": None, "again": False, "diff": "", "checks": []}
    try:
        lesson = model_drafter.lesson(model_drafter.parse(value), read, known, "session", home)
    except Unusable as error:
        return told | {"reason": str(error), "again": True}
    if refused := _refusal(store, lesson):
        return told | {"reason": refused}
    result = pipeline.offer(lesson, read, home, store)
    if result.trouble:
        return told | {"reason": result.trouble, "again": True}
    if (trial := result.trial) is None:
        known_as = outcome(result)
        return told | {"outcome": "known", "id": known_as["id"], "reason": known_as["why"]}
    waits = trial.decision.outcome is Outcome.DEFER
    return told | {
        "outcome": "waits" if waits else "refused",
        **picked(trial, "proposal.id", "decision.reason"),
        "again": not waits and not _refusal(store, lesson),
        "diff": trial.prepared.diff if trial.prepared else "",
        "checks": gate_checks(replace(trial.verdict, checks=trial.verdict.failed)),
    }


def _refusal(store: Store, lesson: Lesson) -> str:
    """Return why a session may not propose a lesson, because of what it proposed before; "" where it may."""
    whose = (lesson.evidence.session_id, DRAFTERS["session"])
    made = ((each.proposal, each.state) for each in store.proposals())
    earlier = [(item, state) for item, state in made if (item.session_id, item.drafter) == whose]
    failed = [item for item, state in earlier if state == "discarded"]
    if len(earlier) - len(failed) >= MOST:
        return f"{MOST} lessons of this session were proposed, which is the limit"
    cites = {item.id for item in (lesson.evidence, *lesson.also)}
    tries = sum(not cites.isdisjoint(item.id for item in each.evidence) for each in failed)
    return "it was refused twice: leave it" if tries >= TRIES else ""


@verb(click.argument("rule"), option("--skill", metavar="SKILL"), flag("--project"), flag("--everywhere"))
def remember(app: App, rule: str, skill: str | None, project: bool, everywhere: bool) -> int:
    """Remember a rule in your own words. Without an option it goes to the skill it concerns, else to a rules file."""
    text = redact(" ".join(rule.split()).removeprefix("- "))
    if not text or len(text) > LONGEST:
        raise UsageError(f"a rule must have 1 to {LONGEST} characters, not {len(text)}")
    if sum((skill is not None, project, everywhere)) > 1:
        raise UsageError("give only one of --skill, --project and --everywhere")
    typed = interactive()
    with app.store() as store:
        read = _as_session(app.home, text, typed=typed)
        lesson = _for_file(read, text, skill, project=project, everywhere=everywhere)
        told = outcome(pipeline.offer(lesson, read, app.home, store, asked=True))
        told |= {"skill": target_name(str(lesson.target)), "path": lesson.target}
        waits = told["id"] is not None and store.find_proposal(told["id"]).state in OPEN
        if typed and waits and not app.as_json:
            Sitting(app, store, [told["id"]]).run()
        else:
            why = f": {told['why']}" * bool(told["why"])
            decide = [f"apply it: skillloop approve {told['id']}"] * waits
            app.tell(told, f"{told['skill']}: {told['state']}{why}", *decide)
    app.after_decision()
    return 4 if told["state"].startswith("blocked") else 0


def _as_session(home: Path, text: str, *, typed: bool) -> Session:
    """Write the rule down as a session of one message, with a receipt where a person surely typed it, and read it."""
    name = str(uuid.uuid4())
    folder = home / REMEMBERED
    folder.mkdir(mode=0o700, exist_ok=True)
    record = {
        "type": "user",
        "uuid": name,
        "sessionId": name,
        "timestamp": datetime.now(UTC).isoformat(),
        "cwd": str(Path.cwd()),
        "message": {"role": "user", "content": text},
        **({"origin": {"kind": "human"}, "promptSource": "typed"} if typed else {}),
    }
    if typed:
        receipts.issue(home, name, text)
    write_atomic(folder / f"{name}.jsonl", (json.dumps(record) + "\n").encode())
    return transcript.read(folder / f"{name}.jsonl")


def _for_file(read: Session, text: str, skill: str | None, *, project: bool, everywhere: bool) -> Lesson:
    """Return the lesson for the file that the person named, else for the one that it is about."""
    (turn,) = read.human_turns
    said = replace(detect.saying(read, turn), quote=turn.text)
    lesson = Lesson(said, text, 1.0, offered=True, confidence=1.0, turn=turn.index)
    if project or everywhere:
        place = rules_file(None if everywhere else targets.project_of(read) or Path.cwd())
        return replace(lesson, target=place, scope=Scope.PERSON if everywhere else Scope.PROJECT)
    if skill is None:
        return targets.aimed(lesson, read, targets.known_skills(read))
    return replace(lesson, target=skill_named(skill).path, scope=Scope.SKILL)
