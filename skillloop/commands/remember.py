"""`skillloop remember`: a rule in the person's own words, as an edit that goes through the same gate as all others.

What is given is written down as a session of one message, so that the gate reads it as it reads any. Invariant: it counts as
typed by the person only where a terminal shows that one was there; from inside a session it always waits for them.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from skillloop import config, detect
from skillloop.commands.options import App, after_decision, interactive, require_person, tell, verb
from skillloop.commands.sitting import Sitting, outcome, skills
from skillloop.errors import UsageError
from skillloop.fs import write_atomic
from skillloop.hosts.claude_code import transcript
from skillloop.hosts.claude_code.hooks import receipts
from skillloop.model import Lesson, Scope, Session, sha256
from skillloop.pipeline import session
from skillloop.propose import targets
from skillloop.propose.answers import LONGEST
from skillloop.skillpath import SKILL, rules_file, target_name
from skillloop.text.redact import redact


@verb(
    click.argument("rule"),
    click.option("--skill", metavar="SKILL", help="The skill that should learn it: its name or its path."),
    click.option("--project", is_flag=True, help="For this project: `.claude/rules/learned.md`."),
    click.option(
        "--everywhere", is_flag=True, help="For everything you do: the rules file in your own folder."
    ),
)
def command(app: App, rule: str, skill: str | None, project: bool, everywhere: bool, as_json: bool) -> int:
    """Remember a rule in your own words. Without an option it goes to the skill it concerns, else to a rules file.

    Like every edit it is placed, checked against your rules, and queued. In a terminal you decide at once; with
    `apply.mode = "auto"` a ready one is applied as soon as you retype a code. Inside a session it always waits for you.
    Writes to the queue, and to the file once you agree.

    \b
    Examples:
      skillloop remember "Always run the tests with uv run pytest" --project
      skillloop remember "Never cite a magazine when there is a study" --skill research
    """  # noqa: D301
    text = redact(" ".join(rule.split()).removeprefix("- "))
    if not text or len(text) > LONGEST:
        raise UsageError(f"a rule must have 1 to {LONGEST} characters, not {len(text)}")
    if sum((skill is not None, project, everywhere)) > 1:
        raise UsageError("give only one of --skill, --project and --everywhere")
    typed = interactive()
    if typed and config.load(app.home, Path.cwd()).apply.mode == "auto":
        require_person(app, "remember it", sha256(text), dialog=False)
    with app.store() as store:
        read = _written(app.home, text, typed=typed)
        lesson = _lesson(read, text, skill, project=project, everywhere=everywhere)
        if not typed:
            lesson = replace(lesson, look=(*lesson.look, "it was not typed in a terminal of yours"))
        told = outcome(session.offer(lesson, read, app.home, store))
        told |= {"skill": target_name(str(lesson.target)), "path": lesson.target}
        if typed and not as_json and told["state"] in {"ready", "needs a look"}:
            Sitting(app, store, [str(told["id"])]).run()
        else:
            why = f": {told['why']}" * bool(told["why"])
            tell(told, f"{told['skill']}: {told['state']}{why}", as_json=as_json)
    after_decision(app)
    return 4 if told["state"].startswith("blocked") else 0


def _written(home: Path, text: str, *, typed: bool) -> Session:
    """Write the rule down as a session of one message, with a receipt where a person surely typed it, and read it."""
    name = str(uuid.uuid4())
    folder = home / "remembered"
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


def _lesson(read: Session, text: str, skill: str | None, *, project: bool, everywhere: bool) -> Lesson:
    """Return the lesson for the file that the person named, else for the one that it is about."""
    (turn,) = read.human_turns
    said = replace(detect.saying(read, turn), quote=turn.text)
    lesson = Lesson(said, text, 1.0, offered=True, confidence=1.0, turn=turn.index)
    if project or everywhere:
        place = rules_file(None if everywhere else targets.project_of(read) or Path.cwd())
        return replace(lesson, target=place, scope=Scope.PERSON if everywhere else Scope.PROJECT)
    if skill is None:
        return targets.aimed(lesson, read, targets.known_skills(read))
    path = Path(skill).expanduser().absolute()
    wanted = {skill, str(path), str(path / SKILL)}
    found = [ref for ref in skills() if wanted & {ref.name, ref.path}]
    if len(found) != 1:
        names = ", ".join(sorted({ref.name for ref in skills()}))
        raise UsageError(
            f"{len(found) or 'no'} skills here are called {skill!r}", f"skills: {names}; or give a path"
        )
    return replace(lesson, target=found[0].path, scope=Scope.SKILL)
