"""`skillloop review`: decide on waiting edits, one key each.

What is applied is what was shown, byte for byte: an edit is prepared on the file as it is, shown, and published only if the
file is still the same. The first yes of a sitting asks for a code that stands on the screen, and so does each yes to
what is risky; keys that were typed before an edit was shown count for nothing.
"""

from __future__ import annotations

import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import click

from skillloop.commands import changes, show
from skillloop.commands.approve import OPEN
from skillloop.commands.digest import said_again
from skillloop.commands.options import (
    App,
    after_decision,
    candidate_as_object,
    emit,
    interactive,
    json_option,
    known_skill,
    lesson_as_object,
    projects_folder,
    retyped,
    say,
)
from skillloop.errors import SkillloopError, Stale, UsageError
from skillloop.gate.provenance import DOUBTS
from skillloop.hosts.claude_code import transcript
from skillloop.model import Lesson, Outcome, Proposal, SkillRef, sha256
from skillloop.pipeline import client_edits, gather, session
from skillloop.pipeline.client_edits import Change
from skillloop.pipeline.gather import Prepared
from skillloop.pipeline.session import LessonResult
from skillloop.render import standing, tilde
from skillloop.skillpath import COPY_HINT, SkillPath, rules_file, target_name
from skillloop.skills import history
from skillloop.store import Queued, Store
from skillloop.text import words
from skillloop.worker.notice import Unlearnt, line_of, unlearnt

KEYS = {
    "y": "apply it (where it takes the place of a line: replace that line)",
    "n": "reject it, with a reason if you like",
    "e": "edit the new line (both lines, where it replaces one)",
    "b": "keep both lines, where it replaces one",
    "m": "move it to another file",
    "o": "it was meant once only: reject it, and never ask again",
    "a": "apply all that are ready for this file",
    "c": "show the checks that passed, and all else there is",
    "u": "undo the last decision",
    "p": "back to the one before",
    "s": "skip it (so does Enter)",
    "q": "quit; what you decided stays",
    "?": "show this list",
}
RISKY = DOUBTS | {"risk", "self-weakening", "rules"}
"""Findings that ask for a code of their own."""

ALIKE = 0.6
"""Similarity from which two waiting lines are shown together."""

Entry = Queued | Change | Unlearnt | Lesson

MOST = 5
"""Of what was said once, the likeliest, that one review asks about."""

PAGE = 14_000
"""Bytes of one page of JSON: what an assistant's client passes on whole."""


@click.command()
@click.argument("skill", required=False)
@click.option("--keep", metavar="ID", help="Queue what was said once (a `candidate` of --json) as an edit.")
@click.option("--limit", type=click.IntRange(min=1), help="List at most N edits.", metavar="N")
@click.option("--after", metavar="ID", help="List what comes after this edit: the next page.")
@json_option
@click.pass_obj
def command(
    app: App, skill: str | None, keep: str | None, limit: int | None, after: str | None, as_json: bool
) -> int:
    """Decide on waiting edits, one key each: your words, the line that changes, and what needs a look.

    \b
    y apply    n reject   e edit     b keep both lines   m move to another file   o once only
    a apply all that are ready for this file             c all checks             u undo
    p back     s skip     q quit     ? explain the keys

    The first y asks for a code that is on the screen; risky edits ask again. Then come lessons that no file could learn, and
    what you said once, maybe for good: k keep (it becomes an edit), o it was once, n never ask again. Without a terminal it only lists what waits. Writes what you decide: the SKILL.md and the history.

    \b
    Examples:
      skillloop review
      skillloop review research --json --limit 5
    """  # noqa: D301
    if keep is not None:
        with app.store() as store:
            told = _kept(app, store, keep)
        emit(told) if as_json else say(f"{told['state']}: {told['why'] or told['id']}")
        return 0
    with app.history() as store:
        ask = interactive() and not as_json
        if ask:
            session.try_again(app.home, store)
        path = known_skill(store, skill) if skill is not None else None
        entries: list[Entry] = [*in_order(store, path, after or "")]
        entries += [change for change in client_edits.waiting(store) if path in (None, change.skill)]
        entries += [*unlearnt(store), *candidates(store)] if path is None else []
        if after is not None:
            ids = [_id(entry) for entry in entries]
            if after not in ids:
                raise UsageError(f"there is no edit {after!r} in this list", "start without --after")
            entries = entries[ids.index(after) + 1 :]
        entries = [entry for entry in entries if not isinstance(entry, Queued) or entry.state in OPEN]
        if not ask:
            _list_as_json(app, store, entries, limit) if as_json else _list(app, store, entries[:limit])
            return 0
        if not entries:
            click.echo("nothing waits")
            return 0
        try:
            Sitting(app, store, [_id(e) if isinstance(e, Queued) else e for e in entries]).run()
        finally:
            after_decision(app)
    return 0


def in_order(store: Store, path: Path | None = None, keep: str = "") -> list[Queued]:
    """Return what waits, file by file, the oldest first, and lines that are much alike together.

    Args:
        store: The history.
        path: Only what is for this file.
        keep: Id of an edit that is in the list even if it is decided: the end of the page before.
    """
    everything = store.proposals(skill=path)
    first: dict[str, int] = {}
    for number, item in enumerate(everything):
        first.setdefault(item.proposal.path, number)
    found: list[Queued] = []
    for item in sorted(everything, key=lambda item: first[item.proposal.path]):
        if item.state in OPEN or item.proposal.id == keep:
            near = [place for place, other in enumerate(found) if alike(item.proposal, other.proposal)]
            found.insert(near[-1] + 1 if near else len(found), item)
    return found


def candidates(store: Store) -> list[Lesson]:
    """Return what was said once and may be meant for good: the likeliest few that no edit was made of."""
    return list(islice((each for each in store.candidates() if not store.citing(each.evidence)), MOST))


def _kept(app: App, store: Store, wanted: str) -> dict[str, Any]:
    """Make an edit of a candidate, which always waits for the person; return its id, or why there is none."""
    lesson = store.keep(wanted)
    lesson = replace(
        lesson, look=(*lesson.look, "you said it once"), target=lesson.target or rules_file(None)
    )
    try:
        done = session.offer(lesson, transcript.read(lesson.evidence.path), app.home, store)
    except SkillloopError as error:
        store.set_trouble(lesson.id, error.message)
        return {"version": 1, "id": None, "state": "not learned", "why": error.message}
    return outcome(done)


def outcome(done: LessonResult) -> dict[str, Any]:
    """Return as JSON what became of a lesson that a person gave: the edit that waits or was applied, or why there is none."""
    told = {
        "version": 1,
        "id": done.taken or None,
        "state": "known",
        "why": done.trouble or "it waits already",
    }
    if done.trials:
        trial = done.trials[-1]
        state, why = standing(trial.verdict)
        state = "applied" if trial.decision.outcome is Outcome.KEEP else state
        return told | {"id": trial.proposal.id, "state": state, "why": why}
    if done.recurrence is not None:
        told["why"] = said_again(done.recurrence)
    return told | ({"state": "not learned"} if done.trouble else {})


def alike(one: Proposal, other: Proposal) -> bool:
    """Return whether two edits bring much the same line."""
    new, old = one.edits[0].new or "", other.edits[0].new or ""
    return words.similarity(new, old) >= ALIKE and words.polarity(new) == words.polarity(old)


def _id(entry: Entry) -> str:
    return entry.proposal.id if isinstance(entry, Queued) else entry.id


def _list(app: App, store: Store, entries: Sequence[Entry]) -> None:
    out = app.console()
    for entry in entries:
        if isinstance(entry, Change):
            changes.page(out, entry)
            continue
        if isinstance(entry, Unlearnt):
            out.say(_not_learned(entry))
            continue
        if isinstance(entry, Lesson):
            out.say(f"said once, maybe for good: {entry.text}  (“{entry.evidence.quote.strip()}”)")
            continue
        try:
            show.page(out, entry, gather.prepare(entry.proposal, app.home, store))
            out.print()
        except SkillloopError as error:
            say(f"skillloop: {entry.proposal.id}: {error.message}", err=True)
    waiting = sum(isinstance(entry, Queued) for entry in entries)
    click.echo(f"{waiting} waiting; decide with `skillloop review` in a terminal", err=True)


def _list_as_json(app: App, store: Store, entries: Sequence[Entry], limit: int | None) -> None:
    """Print a page of JSON, and how to get the next one."""
    room, last = PAGE, ""
    for number, entry in enumerate(entries):
        try:
            if isinstance(entry, Queued):
                brief = show.in_brief(entry, gather.prepare(entry.proposal, app.home, store))
            elif isinstance(entry, Change):
                brief = changes.as_object(entry)
                brief["diff"] = show.cut(brief["diff"], 3 * show.BYTES)
            elif isinstance(entry, Lesson):
                brief = candidate_as_object(entry)
                brief |= {key: show.cut(brief[key]) for key in ("text", "quote")}
            else:
                brief = lesson_as_object(entry)
        except SkillloopError as error:
            say(f"skillloop: {_id(entry)}: {error.message}", err=True)
            continue
        size = room + 1 if number == limit else emit(brief, room=room if last else None)
        if size > room and last:
            command = f"skillloop review --json --after {last}"
            emit({"version": 1, "more": len(entries) - number, "next": command})
            return
        room, last = room - size, _id(entry)


def _not_learned(item: Unlearnt) -> str:
    drop = f"\n  to hear of it no more: skillloop reject {item.id}" if item.blocked else ""
    return f"not learned: {item.text}  ({tilde(item.where)})\n  {item.reason}{drop}"


def press(question: str) -> str:
    """Ask for one key, and return it in small letters; Enter is `s`. What was typed before the question counts for nothing."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        click.echo(f"{question} ", nl=False)
        typed = os.read(terminal, 64).decode("utf-8", "replace")
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    key = "q" if typed in {"", "\x04"} else "s" if typed[0] in "\r\n" else typed[0].lower()
    click.echo(key if key.isprintable() else "?")
    return key


@dataclass
class Sitting:
    """One walk of a person through what waits: edits by their ids, and lessons that no file has learned."""

    app: App
    store: Store
    items: list[str | Change | Unlearnt | Lesson]
    at: int = 0
    confirmed: bool = False  # a code was retyped
    done: list[tuple[int, Callable[[], None]]] = field(default_factory=list)  # where, and how to undo it

    def run(self) -> None:
        """Ask about each until the last, or until the person quits."""
        while self.at < len(self.items):
            item = self.items[self.at]
            if isinstance(item, str):
                key = self._edit_at(item)
            elif isinstance(item, Lesson):
                key = self._candidate(item)
            else:
                key = self._change(item) if isinstance(item, Change) else self._lesson(item)
            if key == "q":
                return
            if key == "u":
                self._undo()
            elif key == "p":
                open_before = [n for n in range(self.at) if self._waits(self.items[n])]
                self.at = open_before[-1] if open_before else self.at
            else:
                self.at += 1

    def _waits(self, item: str | Change | Unlearnt | Lesson) -> bool:
        return not isinstance(item, str) or self.store.find_proposal(item).state in OPEN

    def _edit_at(self, name: str) -> str:
        """Ask about one edit until it is decided; return the key that leads on."""
        while (queued := self.store.find_proposal(name)).state in OPEN:
            try:
                prepared = gather.prepare(queued.proposal, self.app.home, self.store)
            except SkillloopError as error:
                return self._pass_over(queued, error)
            self._show(queued, prepared)
            key = self._key(queued, prepared)
            if key in {"s", "q", "p", "u"} or self._act(key, queued, prepared):
                return key
            name = str(self.items[self.at])
        return "s"

    def _act(self, key: str, queued: Queued, prepared: Prepared) -> bool:
        """Do what a key says; return whether the edit is decided."""
        if key in {"n", "r", "o"}:
            self._reject(queued, "meant once only" if key == "o" else None)
            return True
        if key == "y":
            return self._apply(queued, prepared)
        if key in {"e", "m", "b"}:
            self._replace(queued, {"e": self._edit, "m": self._move, "b": self._both}[key])
        elif key == "a":
            self._apply_all(queued.proposal.path)
        else:
            if key == "c":
                show.page(self.app.console(), queued, prepared, whole=True)
            else:
                click.echo("\n".join(f"  {letter}  {what}" for letter, what in KEYS.items()))
            press("any key goes on")
        return False

    def _show(self, queued: Queued, prepared: Prepared) -> None:
        item = queued.proposal
        others = [self.store.find_proposal(other) for other in self.items if isinstance(other, str)]
        here = sum(other.proposal.path == item.path and other.state in OPEN for other in others)
        head = f"── {self.at + 1} of {len(self.items)} · {item.skill}" + f" ({here} for this file)" * (
            here > 1
        )
        self.app.console().say(f"\n{head} ──", "bold cyan")
        show.page(self.app.console(), queued, prepared)
        for other in others:
            if other.state in OPEN and other.proposal.id != item.id and alike(item, other.proposal):
                self.app.console().say(f"much like it: {other.proposal.skill}: {line_of(other)}", "dim")

    def _key(self, queued: Queued, prepared: Prepared) -> str:
        choices = "y apply · n reject · e edit · b keep both · m move · o once only · s skip · ? more"
        if queued.proposal.edits[0].op != "replace":
            choices = choices.replace(" · b keep both", "")
        if prepared.verdict.outcome is Outcome.DISCARD:
            choices = choices.replace("y apply · ", "")
        return press(choices)

    def _apply(self, queued: Queued, prepared: Prepared) -> bool:
        """Publish what was shown; return False where it stays, to be shown again."""
        risky = [
            check.detail for check in show.standing_verdict(queued, prepared).failed if check.name in RISKY
        ]
        try:
            gather.refuse_if_forbidden(prepared)
            if risky:
                say(f"Look twice: {risky[0]}")
            if (risky or not self.confirmed) and not retyped(prepared.digest, "apply it"):
                return False
            self.confirmed = True
            version = gather.publish(prepared, self.store, by="person", note="approved in review")
        except SkillloopError as error:
            say(f"not applied: {error.message}; here it is again")
            return False
        item = prepared.proposal
        say(f"applied: {item.skill} is now version {version.number}")

        def undo() -> None:
            history.rollback(self.store, item.path, only=version.number)
            self.store.set_state(item.id, "queued", "taken back in review", by="person")

        self.done.append((self.at, undo))
        return True

    def _apply_all(self, path: str) -> None:
        """Apply what is ready for one file, after showing all of it."""
        shown = [(queued, prepared) for queued, prepared in self._ready(path)]
        if not shown:
            click.echo("none is ready; look at each")
            return
        for queued, _ in shown:
            say(f"  “{queued.proposal.evidence[0].quote.strip()}”\n    → {line_of(queued)}")
        what = f"apply {'it' if len(shown) == 1 else f'these {len(shown)}'}"
        if self.confirmed:
            yes = press(f"y {what} · anything else leaves them") == "y"
        else:
            yes = retyped(sha256("\0".join(prepared.digest for _, prepared in shown)), what)
        self.confirmed = self.confirmed or yes
        names = {queued.proposal.id for queued, _ in shown} if yes else set()
        for queued, prepared in self._ready(path):  # each on the file as the one before left it
            if queued.proposal.id in names:
                self._apply(queued, prepared)

    def _ready(self, path: str) -> Iterator[tuple[Queued, Prepared]]:
        for name in [item for item in self.items if isinstance(item, str)]:
            queued = self.store.find_proposal(name)
            if queued.proposal.path != path or queued.state not in OPEN:
                continue
            try:
                prepared = gather.prepare(queued.proposal, self.app.home, self.store)
            except SkillloopError:
                continue
            if show.standing_verdict(queued, prepared).outcome is Outcome.KEEP:
                yield queued, prepared

    def _reject(self, queued: Queued, reason: str | None) -> None:
        if reason is None:
            reason = click.prompt("why (Enter: no reason)", default="no reason given", show_default=False)
        name, state = queued.proposal.id, queued.state
        self.store.set_state(name, "rejected", reason, by="person")
        self.done.append((self.at, lambda: self.store.set_state(name, state, "taken back", by="person")))

    def _undo(self) -> None:
        """Take the last decision of this sitting back, and go there."""
        if not self.done:
            click.echo("nothing was decided in this sitting")
            return
        self.at, undo = self.done.pop()
        try:
            undo()
        except SkillloopError as error:
            say(f"not undone: {error.message}" + (f"\n  → {error.hint}" if error.hint else ""))

    def _pass_over(self, queued: Queued, error: SkillloopError) -> str:
        """Offer to drop an edit that no longer fits the file."""
        if isinstance(error, Stale) and queued.state != "stale":
            self.store.set_state(queued.proposal.id, "stale", error.message, by="auto")
        say(f"\n{queued.proposal.skill}: {line_of(queued)}")
        say(f"needs a look: {error.message}" + (f"\n  → {error.hint}" if error.hint else ""))
        key = press("n reject · s skip · p back · q quit")
        if key in {"n", "r"}:
            self._reject(queued, None)
        return key

    def _replace(self, queued: Queued, change: Callable[[Proposal], tuple[Proposal | None, str]]) -> None:
        """Put a changed edit in the place of a waiting one, which is shown again."""
        old = queued.proposal
        try:
            new, how = change(old)
            if new is None or new.id == old.id:
                return
            prepared = gather.prepare(new, self.app.home, self.store)
        except (click.ClickException, SkillloopError) as error:
            say(f"not changed: {error.message}")
            return
        saved = self.store.save_proposal(
            new, prepared.verdict, state="queued", reason=f"{how} by you", context=queued.context, by="person"
        )
        if not saved:  # it was one before
            self.store.set_state(new.id, "queued", f"{how} by you", by="person")
        self.store.set_state(old.id, "rejected", f"{how} as {new.id}", by="person")
        at, self.items[self.at] = self.at, new.id

        def undo() -> None:
            self.store.set_state(new.id, "rejected", "taken back", by="person")
            self.store.set_state(old.id, "queued", "taken back", by="person")
            self.items[at] = old.id

        self.done.append((at, undo))

    def _edit(self, old: Proposal) -> tuple[Proposal | None, str]:
        """Let the person reword the new line in $EDITOR; with the line that it replaces, which may stay if they keep it."""
        edit = old.edits[0]
        before = [line for line in (edit.old if edit.op == "replace" else None, edit.new) if line]
        text = click.edit("\n".join(before), extension=".md", require_save=True)
        lines = [line.rstrip() for line in (text or "").splitlines() if line.strip()]
        if not lines or lines == before:
            return None, ""
        return gather.reworded(old, lines if len(before) > 1 else [" ".join(lines)]), "reworded"

    def _both(self, old: Proposal) -> tuple[Proposal | None, str]:
        edit = old.edits[0]
        if edit.op != "replace" or edit.old is None or edit.new is None:
            return None, ""
        return gather.reworded(old, [edit.old, edit.new], drafter=old.drafter), "kept beside the other line"

    def _move(self, old: Proposal) -> tuple[Proposal | None, str]:
        files = skills()
        for number, file in enumerate(files, start=1):
            self.app.console().say(f"  {number}  {file.name}  ({tilde(file.path)})")
        chosen = _chosen(_ask("number of the file that should learn it · s leave it"), None, files)
        if chosen is None or chosen.path is None or chosen.path == old.path:
            return None, ""
        return gather.moved(old, chosen.path), "moved"

    def _change(self, change: Change) -> str:
        """Ask whether a change of Claude's own stays."""
        changes.page(self.app.console(), change)
        key = press("k keep" + " · t take it back" * bool(change.before) + " · s skip · p back · q quit")
        if key == "k":
            self.store.record(client_edits.KEPT, skill=change.skill, number=change.version.number)
        elif key == "t" and change.before:
            if not self.confirmed and not retyped(change.seal, "take it back"):
                return self._change(change)
            self.confirmed = True
            try:
                version = history.rollback(self.store, change.skill, only=change.version.number)
                say(f"taken back: {tilde(change.skill)} is now version {version.number}")
            except SkillloopError as error:
                say(f"not taken back: {error.message}")
        return key

    def _candidate(self, lesson: Lesson) -> str:
        """Ask whether what was said once is meant for good."""
        out, where = self.app.console(), tilde(lesson.target or rules_file(None))
        out.say("\n── Said once, maybe for good ──", "bold cyan")
        out.say(f"“{lesson.evidence.quote.strip()}”", "italic")
        out.say(f"→ {where} would say: {lesson.text}")
        key = press("k keep · o it was once · n never ask again · s skip · p back · q quit")
        if key == "k":
            told = _kept(self.app, self.store, lesson.id)
            if told["id"] is not None and self.store.find_proposal(told["id"]).state in OPEN:
                self.items[self.at] = told["id"]
                return self._edit_at(told["id"])
            say(f"{told['state']}: {told['why']}")
        elif key in {"o", "n"}:
            self.store.dismiss(lesson.id, never=key == "n")
        return key

    def _lesson(self, item: Unlearnt) -> str:
        """Offer to give a lesson without a file to one, unless a rule of the person's forbids it."""
        out = self.app.console()
        if item.blocked:
            out.say(_not_learned(item), "yellow")
            return "s"
        found = self.store.lesson(item.id)
        out.say(f"\n“{found.evidence.quote.strip()}”", "italic")
        out.say(f"Lesson: {found.text}. It was not learned: {item.reason}.")
        known = skills()
        for number, skill in enumerate(known, start=1):
            out.say(f"  {number}  {skill.name}  ({tilde(skill.path)})")
        copies = found.target is not None and SkillPath.of(found.target).hint == COPY_HINT
        copy = "c put a copy among your own skills and teach the copy · " if copies else ""
        question = f"number of the skill that should learn it · {copy}s skip · d drop · p back · q quit"
        while True:
            answer = _ask(question)
            if answer in {"s", "p", "q"}:
                return answer
            if answer == "d":
                self.store.dismiss(found.id)
                return "s"
            try:
                learner = _chosen(answer, found.target if copies else None, known)
            except (SkillloopError, OSError) as error:
                say(f"not copied: {error}")
                continue
            if learner is not None:
                return self._teach(self.store.attach(found.id, learner))
            say(f"Unknown choice: {answer!r}")

    def _teach(self, found: Lesson) -> str:
        """Draft for a lesson that was just given to a file, and ask about the draft."""
        try:
            done = session.propose_for(found, self.app.home, self.store)
        except SkillloopError as error:
            self.store.set_trouble(found.id, error.message)
            say(f"not drafted: {error.message}")
            return "s"
        for repeat in done.recurrences:
            say(said_again(repeat))
        for trouble in done.troubles:
            say(trouble)
        for trial in done.trials:
            if trial.decision.outcome is Outcome.DEFER:
                self.items[self.at] = trial.proposal.id
                return self._edit_at(trial.proposal.id)
            say(f"{trial.decision.outcome.value}: {trial.decision.reason}")
        return "s"


def _ask(choices: str) -> str:
    """Ask for one answer in a line; the empty one skips."""
    answer: str = click.prompt(choices, default="s", show_default=False)
    return answer.strip().lower()


def _chosen(answer: str, plugin: str | None, known: list[SkillRef]) -> SkillRef | None:
    """Return the skill that an answer names, if any; a plugin's skill is copied first."""
    if answer == "c" and plugin is not None:
        copy = history.copy_skill(plugin, _ownskills())
        return SkillRef(copy.parent.name, str(copy))
    return known[int(answer) - 1] if answer.isdigit() and 1 <= int(answer) <= len(known) else None


def _ownskills() -> Path:
    return projects_folder().parent / "skills"


def skills() -> list[SkillRef]:
    """Return the person's own skills, those of the project here, and the rules files of both."""
    roots = (_ownskills(), Path.cwd() / ".claude" / "skills")
    files = dict.fromkeys(path.absolute() for root in roots for path in sorted(root.glob("*/SKILL.md")))
    known = [SkillRef(path.parent.name, str(path)) for path in files if SkillPath.of(path).owner.editable]
    return [
        *known,
        *(SkillRef(target_name(path), path) for path in (rules_file(Path.cwd()), rules_file(None))),
    ]
