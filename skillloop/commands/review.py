"""`skillloop review`: decide on waiting edits, one at a time."""

from __future__ import annotations

from pathlib import Path

import click

from skillloop.commands import changes, show
from skillloop.commands.approve import OPEN
from skillloop.commands.digest import said_again
from skillloop.commands.options import (
    App,
    after_decision,
    emit,
    interactive,
    json_option,
    known_skill,
    lesson_as_object,
    projects_folder,
    say,
)
from skillloop.errors import SkillloopError, Stale
from skillloop.hosts.claude_code.hooks import approval
from skillloop.model import Lesson, Outcome, SkillRef
from skillloop.pipeline import gather, session
from skillloop.pipeline.gather import Prepared
from skillloop.skillpath import COPY_HINT, SkillPath, rules_file, target_name
from skillloop.skills import authors, history
from skillloop.store import Queued, Store
from skillloop.worker.notice import Unlearnt, unlearnt


@click.command()
@click.argument("skill", required=False)
@json_option
@click.pass_obj
def command(app: App, skill: str | None, as_json: bool) -> int:
    """Decide on waiting edits: see the diff, your own words and the checks of each.

    In a terminal it asks about each: the four-character code applies it, e edits it first, m moves it, r rejects it, s skips it,
    q stops. Lessons that belong to no skill come last; you can give each to a skill. Without a terminal it only lists
    what waits. Writes what you decide: the SKILL.md and the history.

    \b
    Examples:
      skillloop review
      skillloop review research --json
    """  # noqa: D301
    with app.history() as store:
        if interactive() and not as_json:
            session.try_again(app.home, store)
        path = known_skill(store, skill) if skill is not None else None
        queue = store.proposals(states=OPEN, skill=path)
        lost = unlearnt(store) if path is None else []
        edited = [change for change in authors.undecided(store) if path in (None, change.skill)]
        if as_json or not interactive():
            _list(app, store, queue, edited, lost, as_json=as_json)
            return 0
        if not queue and not edited and not lost:
            click.echo("nothing waits")
            return 0
        try:
            _ask_each(app, store, queue, edited, lost)
        finally:
            after_decision(app)
    return 0


def _ask_each(
    app: App, store: Store, queue: list[Queued], edited: list[authors.Change], lost: list[Unlearnt]
) -> None:
    """Ask about everything that waits, until the person quits."""
    for number, queued in enumerate(queue, start=1):
        click.echo(f"\n── {number} of {len(queue)} " + "─" * 40)
        if not _decide(app, store, queued):
            return
    for change in edited:
        if not changes.decide(app, store, change):
            return
    for item in lost:
        if item.blocked:
            app.console().say(_not_learned(item), "yellow")
        elif not _attach(app, store, item):
            return


def _list(
    app: App,
    store: Store,
    queue: list[Queued],
    edited: list[authors.Change],
    lost: list[Unlearnt],
    *,
    as_json: bool,
) -> None:
    out = app.console()
    for queued in queue:
        try:
            prepared = gather.prepare(queued.proposal, app.home, store)
        except SkillloopError as error:
            say(f"skillloop: {queued.proposal.id}: {error.message}", err=True)
            continue
        if as_json:
            emit(show.as_object(queued, prepared))
        else:
            show.page(out, queued, prepared)
            out.print()
    for change in edited:
        emit(changes.as_object(change)) if as_json else changes.page(out, change)
    for item in lost:
        emit(lesson_as_object(item)) if as_json else out.say(_not_learned(item))
    if not as_json:
        click.echo(f"{len(queue)} waiting; decide with `skillloop review` in a terminal", err=True)


def _not_learned(item: Unlearnt) -> str:
    drop = f"\n  to hear of it no more: skillloop reject {item.id}" if item.blocked else ""
    return f"not learned: {item.text}  ({item.where})\n  {item.reason}{drop}"


def _decide(app: App, store: Store, queued: Queued) -> bool:
    """Ask about one proposal until it is decided or skipped; return False to quit."""
    while True:
        try:
            prepared = gather.prepare(queued.proposal, app.home, store)
        except SkillloopError as error:
            return _pass_over(store, queued, error)
        show.page(app.console(), queued, prepared)
        code = approval.code(prepared.digest)
        vetoed = prepared.verdict.outcome is Outcome.DISCARD
        answer = _ask(
            ("" if vetoed else f"{code} applies · ") + "e edit · m move · r reject · s skip · q quit"
        )
        if answer in ("s", "q"):
            return answer == "s"
        if answer == "r":
            _reject(store, queued)
            return True
        if answer in ("e", "m"):
            queued = (_edit if answer == "e" else _move)(app, store, queued)
        elif answer == code.lower() and not vetoed:
            if _apply(app, store, prepared):
                return True
        else:
            say(f"Unknown choice: {answer!r}")


def _ask(choices: str) -> str:
    """Ask for one answer; the empty one skips."""
    answer: str = click.prompt(choices, default="s", show_default=False)
    return answer.strip().lower()


def _reject(store: Store, queued: Queued) -> None:
    reason = click.prompt("why", default="no reason given", show_default=False)
    store.set_state(queued.proposal.id, "rejected", reason, by="person")


def _pass_over(store: Store, queued: Queued, error: SkillloopError) -> bool:
    """Offer to drop a proposal that no longer fits the skill; return False to quit."""
    if isinstance(error, Stale) and queued.state != "stale":
        store.set_state(queued.proposal.id, "stale", error.message, by="auto")
    say(f"{queued.proposal.id} {queued.proposal.skill}: {queued.proposal.edits[0].new or 'a deletion'}")
    say(f"cannot be applied: {error.message}" + (f"\n  → {error.hint}" if error.hint else ""))
    answer = _ask("r reject · s skip · q quit")
    if answer == "r":
        _reject(store, queued)
    return answer != "q"


def _apply(app: App, store: Store, prepared: Prepared) -> bool:
    """Publish; return False if the file changed while it was shown, so that it must be shown again."""
    try:
        version = gather.publish(prepared, store, by="person", note="approved in review")
    except SkillloopError as error:
        app.console().say(f"not applied: {error.message}; here it is again", "yellow")
        return False
    say(f"applied: version {version.number} of {prepared.proposal.path}")
    return True


def _edit(app: App, store: Store, queued: Queued) -> Queued:
    """Let the person reword the new line in $EDITOR; the result replaces the old proposal."""
    old = queued.proposal
    try:
        line = click.edit(old.edits[0].new or "", extension=".md", require_save=True)
        if line is None or not line.strip() or line.strip() == (old.edits[0].new or "").strip():
            return queued
        new = gather.reworded(old, " ".join(line.split("\n")).rstrip())
        prepared = gather.prepare(new, app.home, store)
    except (click.ClickException, SkillloopError) as error:
        say(f"not edited: {error.message}")
        return queued
    store.save_proposal(
        new, prepared.verdict, state="queued", reason="reworded by you", context=queued.context, by="person"
    )
    store.set_state(old.id, "rejected", f"reworded as {new.id}", by="person")
    return store.find_proposal(new.id)


def _move(app: App, store: Store, queued: Queued) -> Queued:
    """Let the person give an edit to another file; the result replaces the old proposal."""
    old, files = queued.proposal, _skills()
    for number, file in enumerate(files, start=1):
        app.console().say(f"  {number}  {file.name}  ({file.path})")
    chosen = _chosen(_ask("number of the file that should learn it · s leave it"), None, files)
    if chosen is None or chosen.path is None or chosen.path == old.path:
        return queued
    try:
        new = gather.moved(old, chosen.path)
        prepared = gather.prepare(new, app.home, store)
    except SkillloopError as error:
        say(f"not moved: {error.message}")
        return queued
    store.save_proposal(
        new, prepared.verdict, state="queued", reason="moved by you", context=queued.context, by="person"
    )
    store.set_state(old.id, "rejected", f"moved as {new.id}", by="person")
    return store.find_proposal(new.id)


def _attach(app: App, store: Store, item: Unlearnt) -> bool:
    """Offer to give a lesson without a skill to one; False means quit."""
    out, found = app.console(), store.lesson(item.id)
    out.say(f"\n“{found.evidence.quote.strip()}”", "italic")
    out.say(f"Lesson: {found.text}. It was not learned: {item.reason}.")
    skills = _skills()
    for number, skill in enumerate(skills, start=1):
        out.say(f"  {number}  {skill.name}  ({skill.path})")
    copies = found.target is not None and SkillPath.of(found.target).hint == COPY_HINT
    copy = "c put a copy among your own skills and teach the copy · " if copies else ""
    question = f"number of the skill that should learn it · {copy}s skip · d drop · q quit"
    while True:
        answer = _ask(question)
        if answer in ("s", "q"):
            return answer == "s"
        if answer == "d":
            store.dismiss(found.id)
            return True
        try:
            learner = _chosen(answer, found.target if copies else None, skills)
        except (SkillloopError, OSError) as error:
            say(f"not copied: {error}")
            continue
        if learner is not None:
            return _teach(app, store, store.attach(found.id, learner))
        say(f"Unknown choice: {answer!r}")


def _teach(app: App, store: Store, found: Lesson) -> bool:
    """Draft for a lesson that was just given to a skill, and ask about the draft; return False to quit."""
    try:
        done = session.propose_for(found, app.home, store)
    except SkillloopError as error:
        store.set_trouble(found.id, error.message)
        say(f"not drafted: {error.message}")
        return True
    for repeat in done.recurrences:
        say(said_again(repeat))
    for trouble in done.troubles:
        say(trouble)
    for trial in done.trials:
        say(f"{trial.decision.outcome.value}: {trial.decision.reason}")
        if trial.decision.outcome is Outcome.DEFER:
            return _decide(app, store, store.find_proposal(trial.proposal.id))
    return True


def _chosen(answer: str, plugin: str | None, skills: list[SkillRef]) -> SkillRef | None:
    """Return the skill that an answer names, if any; a plugin's skill is copied first."""
    if answer == "c" and plugin is not None:
        copy = history.copy_skill(plugin, _own_skills())
        return SkillRef(copy.parent.name, str(copy))
    return skills[int(answer) - 1] if answer.isdigit() and 1 <= int(answer) <= len(skills) else None


def _own_skills() -> Path:
    return projects_folder().parent / "skills"


def _skills() -> list[SkillRef]:
    """Return the person's own skills, those of the project here, and the rules files of both."""
    roots = (_own_skills(), Path.cwd() / ".claude" / "skills")
    files = dict.fromkeys(path.absolute() for root in roots for path in sorted(root.glob("*/SKILL.md")))
    skills = [SkillRef(path.parent.name, str(path)) for path in files if SkillPath.of(path).owner.editable]
    return [
        *skills,
        *(SkillRef(target_name(path), path) for path in (rules_file(Path.cwd()), rules_file(None))),
    ]
