"""One walk of a person through what waits: what `skillloop review` does in a terminal.

What is applied is what was shown, byte for byte: an edit is prepared on the file as it is, shown, and published only if the
file is still the same. The first yes of a sitting asks for a code that stands on the screen, and so does each yes to
what is risky; keys that were typed before an edit was shown count for nothing.
"""

import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from skillloop import outcomes
from skillloop.commands import show
from skillloop.commands.digest import said_again
from skillloop.commands.options import OPEN, App, retyped
from skillloop.errors import SkillloopError, Stale, UsageError
from skillloop.gate.provenance import DOUBTS
from skillloop.hosts.claude_code import transcript
from skillloop.model import Lesson, Outcome, Proposal, SkillRef, sha256
from skillloop.pipeline import apply, gather, session
from skillloop.pipeline.apply import Prepared
from skillloop.propose import offline_drafter, targets
from skillloop.render import standing, tilde
from skillloop.skillpath import COPY_HINT, SKILL, SkillPath, client_folder, rules_file, target_name
from skillloop.skills import document, history, team
from skillloop.store import Queued, Store
from skillloop.text import words
from skillloop.text.lexicon import table
from skillloop.text.redact import shown
from skillloop.text.wishes import same_wish
from skillloop.worker.notice import Unlearnt, line_of

KEYS: dict[str, str] = table("words")["keys"]
PAIR = "<!-- The second line replaces the first; change the first, too, and both stay. To keep it as it is: close this, press k. -->"
RISKY = DOUBTS | {"contradiction", "risk", "self-weakening", "rules"}  # those that ask for a code each
ALIKE = 0.6  # similarity from which two waiting lines are shown together


def drafted(app: App, store: Store, lesson: Lesson, why: str) -> dict[str, Any]:
    """Make an edit of a lesson that a person gave, which waits for them because of `why`; return `outcome`."""
    lesson = replace(lesson, look=(*lesson.look, why), target=lesson.target or rules_file(None))
    try:
        return outcome(session.offer(lesson, transcript.read(lesson.evidence.path), app.home, store))
    except SkillloopError as error:
        store.set_trouble(lesson.id, error.message)
        return outcome(session.LessonResult(trouble=error.message))


def outcome(done: session.LessonResult) -> dict[str, Any]:
    """Return as JSON what became of a lesson that a person gave: the edit that waits or was applied, or why there is none."""
    told = {"id": done.taken or None, "state": "known", "why": done.known}
    if trial := done.trial:
        state, why = standing(trial.verdict)
        state = "applied" if trial.decision.outcome is Outcome.KEEP else state
        return told | {"id": trial.proposal.id, "state": state, "why": why}
    if done.recurrence is not None:
        told |= {"id": done.recurrence.proposal, "why": said_again(done.recurrence)}
    return told | ({"state": "not learned", "why": done.trouble} if done.trouble else {})


def alike(one: Proposal, other: Proposal) -> bool:
    """Return whether two edits bring much the same line."""
    lines = one.edits[0].new or "", other.edits[0].new or ""
    return words.alike(*lines, ALIKE) or same_wish(*lines)


def not_learned(item: Unlearnt) -> str:
    """Say what no file has learned, and why."""
    drop = f"\n  to stop being told: skillloop reject {item.id}" if item.blocked else ""
    return tilde(f"not learned: {item.text}  ({item.where})\n  {item.reason}{drop}")


def press(question: str, keys: str = "") -> str:
    """Ask for one key (of `keys`), in small letters; Enter is `s`. What was typed before counts for nothing."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        click.echo(shown(f"{question} "), nl=False)
        typed = os.read(terminal, 64).decode("utf-8", "replace")
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    key = "q" if typed in {"", "\x04"} else "s" if typed[0] in "\r\n" else typed[0].lower()
    click.echo(key if key.isprintable() else "?")
    return key if not keys or key in keys else press(question, keys)


@dataclass
class Sitting:
    """One walk of a person through what waits: edits by their ids, and lessons that no file has learned."""

    app: App
    store: Store
    items: list[str | history.WaitingChange | Unlearnt | Lesson]
    at: int = 0
    confirmed: bool = False  # a code was retyped
    done: list[tuple[int, Callable[[], object]]] = field(default_factory=list)  # where, and how to undo it
    offered: int = 0  # how many were done when a question last took `u`

    def run(self) -> None:
        """Ask about each until the last, or until the person quits; what was decided last may be undone before the end."""
        ask: dict[type, Callable[[Any], str]] = {
            str: self._edit_at,
            history.WaitingChange: self._change,
            Unlearnt: self._lesson,
            Lesson: self._candidate,
        }
        while self.at < len(self.items) or len(self.done) > self.offered:  # decided since
            if self.at < len(self.items):
                item = self.items[self.at]
                key = ask[type(item)](item)
            else:
                last = self._press("that was all: u undo your last decision · Enter ends")
                key = last if last == "u" else "q"
            if key == "q":
                return
            if key == "u" and self.done:
                self.at, undo = self.done.pop()
                try:
                    undo()
                    click.echo("undone")
                except SkillloopError as error:
                    self.app.say(f"not undone: {error.told}")
            elif key == "u":
                click.echo("there is nothing to undo")
            elif key == "b":
                before, edits = self.items[: self.at], {queued.proposal.id for queued in self._open()}
                waits = [at for at, x in enumerate(before) if not isinstance(x, str) or x in edits]
                self.at = waits[-1] if waits else self.at
                if not waits:
                    click.echo("nothing before this one waits; u undoes your last decision")
            else:
                self.at += 1

    def _press(self, question: str, keys: str = "") -> str:
        self.offered = len(self.done)
        return press(question, keys)

    def _edit_at(self, name: str) -> str:
        """Ask about one edit until it is decided; return the key that leads on."""
        while (queued := self.store.find_proposal(name)).state in OPEN:
            try:
                prepared = show.as_it_is(self.store, queued, self.app.home)
            except SkillloopError as error:  # it no longer fits the file
                if isinstance(error, Stale) and queued.state != "stale":
                    self.store.set_state(name, "stale", error.message, by="auto")
                self.app.say(f"\n{queued.proposal.skill}: {line_of(queued)}\nneeds a look: {error.told}")
                if (key := self._press("n reject · s skip · b back · q quit")) in {"n", "r"}:
                    self._reject(queued, None)
                return key
            key = self._ask(queued, prepared)
            if key in {"s", "q", "b", "u"} or self._act(key, queued, prepared):
                return key
            name = str(self.items[self.at])
        return "s"

    def _act(self, key: str, queued: Queued, prepared: Prepared) -> bool:
        """Do what a key says; return whether the edit is decided."""
        if key in {"n", "r", "o"}:
            self._reject(queued, "meant once only" if key == "o" else None)
            return True
        if key == "y":
            return self._apply(prepared)
        if key in {"e", "m", "k"}:
            change = {"e": self._edit, "m": self._move, "k": self._both}[key]
            how = {"e": "reworded", "m": "moved"}.get(key, "kept beside the other line")
            self._replace(queued, change, how)
        else:
            self._apply_all(queued.proposal.path)
        return False

    def _open(self) -> list[Queued]:
        edits = [self.store.find_proposal(item) for item in self.items if isinstance(item, str)]
        return [queued for queued in edits if queued.state in OPEN]

    def _ask(self, queued: Queued, prepared: Prepared) -> str:
        out, item, waiting = self.app.console(), queued.proposal, self._open()
        here = sum(other.proposal.path == item.path for other in waiting)
        more = f" ({here} for this file)" * (here > 1)
        out.say(f"\n── {self.at + 1} of {len(self.items)} · {item.skill}{more} ──", "bold cyan")
        show.page(out, queued, prepared)
        for other in waiting:
            if other.proposal.id != item.id and alike(item, other.proposal):
                out.say(f"waits, too, and is similar: {other.proposal.skill}: {line_of(other)}", "dim")
        useless = {} if item.edits[0].op == "replace" else {"k": "the edit replaces no line"}
        if prepared.verdict.outcome is Outcome.DISCARD:
            useless["y"] = ": ".join(filter(None, standing(prepared.verdict)))
        apply, both = ("y apply · " * ("y" not in useless), "k keep both · " * ("k" not in useless))
        while True:
            key = self._press(f"{apply}n reject · e edit · {both}m move · o once · s skip · ? more")
            if key in useless:
                self.app.say(f"{key} does nothing here: {useless[key]}")
            elif key == "c":
                show.page(out, queued, prepared, whole=True)
            elif key in KEYS.keys() - {"?"} | {"r"}:
                return key
            else:
                for letter, what in KEYS.items():
                    self.app.say(f"  {letter}  {what}") if letter not in useless else None

    def _apply(self, prepared: Prepared) -> bool:
        """Publish what was shown; return False where it stays, to be shown again."""
        risky = [check.detail for check in prepared.verdict.failed if check.name in RISKY]
        try:
            apply.refuse_if_forbidden(prepared)
            if risky:
                self.app.say(f"Look closely: {risky[0]}")
            if (risky or not self.confirmed) and not retyped(prepared.digest, "apply it"):
                return False
            self.confirmed = True
            version = apply.publish(prepared, self.store, by="person", note="approved in review")
        except SkillloopError as error:
            self.app.say(f"not applied: {error.message}; here it is again")
            return False
        item = prepared.proposal
        place = f"is now version {version.number}" if version else f"{team.ON_BRANCH}{team.branch_of(item)}"
        later = f" (later: skillloop rollback {item.skill})" * bool(version)
        self.app.say(f"applied: {item.skill} {place}; u undoes it{later}")

        def undo() -> None:
            if version is not None:
                history.rollback(self.store, item.path, only=version.number)
            elif repository := team.repository(item.path):
                repository.git("branch", "-D", team.branch_of(item))
            self.store.set_state(item.id, "queued", "taken back in review", by="person")

        self.done.append((self.at, undo))
        return True

    def _apply_all(self, path: str) -> None:
        """Apply what is ready for one file, after showing all of it."""
        shown = list(self._ready(path))
        if not shown:
            click.echo("no edit for this file is ready; look at each one")
            return
        for queued, _ in shown:
            self.app.say(f"  “{queued.proposal.evidence[0].quote.strip()}”\n    → {line_of(queued)}")
        what = f"apply {'it' if len(shown) == 1 else f'these {len(shown)}'}"
        if self.confirmed:
            yes = press(f"y {what} · anything else leaves them") == "y"
        else:
            yes = retyped(sha256("\0".join(prepared.digest for _, prepared in shown)), what)
        self.confirmed = self.confirmed or yes
        names = {queued.proposal.id for queued, _ in shown} if yes else set()
        before = len(self.done)
        for queued, prepared in self._ready(path):  # each on the file as the one before left it
            if queued.proposal.id in names:
                self._apply(prepared)
        undos = [undo for _, undo in reversed(self.done[before:])]
        if len(undos) > 1:
            self.done[before:] = [(self.at, lambda: [undo() for undo in undos])]
            self.app.say(f"{len(undos)} edits are applied; u undoes them all")

    def _ready(self, path: str) -> Iterator[tuple[Queued, Prepared]]:
        for queued in self._open():
            if queued.proposal.path != path:
                continue
            try:
                prepared = show.as_it_is(self.store, queued, self.app.home)
            except SkillloopError:
                continue
            if prepared.verdict.outcome is Outcome.KEEP:
                yield queued, prepared

    def _reject(self, queued: Queued, reason: str | None) -> None:
        if reason is None:
            reason = click.prompt("why (Enter: no reason)", default="no reason given", show_default=False)
        name, state = queued.proposal.id, queued.state
        self.store.set_state(name, "rejected", reason, by="person")
        click.echo("rejected; u undoes it")
        self.done.append((self.at, lambda: self.store.set_state(name, state, "taken back", by="person")))

    def _replace(self, queued: Queued, change: Callable[[Proposal], Proposal | None], how: str) -> None:
        """Put a changed edit in the place of a waiting one, which is shown again."""
        old = queued.proposal
        try:
            new = change(old)
            if new is None or new.id == old.id:
                return
            prepared = apply.prepare(new, self.app.home, self.store)
        except (click.ClickException, SkillloopError) as error:
            self.app.say(f"not changed: {error.message}")
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

    def _edit(self, old: Proposal) -> Proposal | None:
        """Let the person reword the new line in $EDITOR; with the line that it replaces, which goes unless they reword it, too."""
        edit = old.edits[0]
        before = [line for line in (edit.old if edit.op == "replace" else None, edit.new) if line]
        shown = [PAIR, *before] if len(before) > 1 else before
        text = click.edit("\n".join(shown), extension=".md", require_save=True)
        lines = [line.rstrip() for line in (text or "").splitlines() if line.strip() and line.strip() != PAIR]
        if not lines or lines == before:
            click.echo("nothing is changed")
            return None
        if len(before) == 1:
            lines = [" ".join(lines)]
        if marked := document.ITEM.match(before[-1]):
            lines = [each if document.ITEM.match(each) else marked["marker"] + each for each in lines]
        if len(before) == 1:
            return offline_drafter.reworded(old, lines)
        return offline_drafter.reworded(old, lines[1:] if len(lines) > 1 and lines[0] == before[0] else lines)

    def _both(self, old: Proposal) -> Proposal | None:
        pair = [line for line in (old.edits[0].old, old.edits[0].new) if line is not None]
        return offline_drafter.reworded(old, pair, drafter=old.drafter) if len(pair) == 2 else None

    def _move(self, old: Proposal) -> Proposal | None:
        chosen = self._choose("number of the file that should learn it · s leave it", {"s"}, old=old)
        if isinstance(chosen, str) or chosen.path is None:
            return None
        return offline_drafter.moved(old, gather.live_text(chosen.path), chosen.path)

    def _choose(
        self, question: str, others: set[str], plugin: str | None = None, old: Proposal | None = None
    ) -> SkillRef | str:
        """Let the person choose a file that learns, or a copy of a plugin's skill; return one of the other answers as it is.

        Where an edit moves, its own file is left out, and one that it names as a place to move to comes first.
        """
        folder = Path(old.path).parent.resolve() if old else None
        known = [skill for skill in skills() if Path(str(skill.path)).parent.resolve() != folder]
        places = " ".join(why for why in (old.look if old else ()) if targets.THERE in why)
        known.sort(key=lambda skill: skill.name not in places)
        for number, skill in enumerate(known, start=1):
            self.app.console().say(f"  {number}  {skill.name}  ({tilde(skill.path)})")
        answer: str = click.prompt(question, default="s", show_default=False).strip().lower()
        if answer.isdigit() and 1 <= int(answer) <= len(known):
            return known[int(answer) - 1]
        if answer in others:
            return answer
        if answer == "c" and plugin is not None:
            try:
                copy = history.copy_skill(plugin, client_folder() / "skills")
                return SkillRef(copy.parent.name, str(copy))
            except (SkillloopError, OSError) as error:
                self.app.say(f"not copied: {error}")
        else:
            self.app.say(f"Unknown choice: {answer!r}")
        return self._choose(question, others, plugin, old)

    def _change(self, change: history.WaitingChange) -> str:
        """Ask whether a change stays that Claude made, or that did not help."""
        show.change_page(self.app.console(), change)
        key = self._press(
            "k keep" + " · t take it back" * bool(change.before) + " · s skip · b back · q quit", "ktsbqu"
        )
        if key == "k":
            outcomes.keep(self.store, change)
        elif key == "t" and change.before:
            if not self.confirmed and not retyped(change.seal, "take it back"):
                return self._change(change)
            self.confirmed = True
            try:
                version = history.rollback(self.store, change.skill, only=change.version.number)
                self.app.say(
                    f"taken back: {tilde(change.skill)} is now version {version.number}; u undoes it"
                )
                again = partial(history.rollback, self.store, change.skill, only=version.number)
                self.done.append((self.at, again))
            except SkillloopError as error:
                self.app.say(f"not taken back: {error.message}")
        return key

    def _candidate(self, lesson: Lesson) -> str:
        """Ask whether what was said once is meant for good."""
        out, where = self.app.console(), tilde(lesson.target or rules_file(None))
        out.say("\n── Said once, maybe for good ──", "bold cyan")
        out.say(f"“{lesson.evidence.quote.strip()}”", "italic")
        out.say(f"→ {where} would say: {lesson.text}")
        key = self._press(
            "k keep · o it was for once · n never ask again · s skip · b back · q quit", "konsbqu"
        )
        if key == "k":
            return self._give(self.store.keep(lesson.id), "you said it once")
        if key in {"o", "n"}:
            self._dismiss(lesson.id, never=key == "n")
        return key

    def _dismiss(self, name: str, *, never: bool = False) -> None:
        self.store.dismiss(name, never=never)
        self.done.append((self.at, partial(self.store.dismiss, name, again=True)))

    def _give(self, lesson: Lesson, why: str) -> str:
        """Draft for a lesson, and ask about the draft."""
        told = drafted(self.app, self.store, lesson, why)
        if told["id"] is not None and self.store.find_proposal(told["id"]).state in OPEN:
            self.items[self.at] = told["id"]
            return self._edit_at(told["id"])
        self.app.say(f"{told['state']}: {told['why']}")
        return "s"

    def _lesson(self, item: Unlearnt) -> str:
        """Offer to give a lesson without a file to one, unless a rule of the person's forbids it."""
        out = self.app.console()
        if item.blocked:
            out.say(not_learned(item), "yellow")
            return "s"
        found = self.store.lesson(item.id)
        out.say(f"\n“{found.evidence.quote.strip()}”", "italic")
        out.say(f"Lesson: {found.text}. It was not learned: {tilde(item.reason)}.")
        copies = found.target is not None and SkillPath.of(found.target).hint == COPY_HINT
        copy = "c put a copy among your own skills and teach the copy · " if copies else ""
        question = (
            f"number of the skill that should learn it · {copy}s skip · d drop · b back · u undo · q quit"
        )
        chosen = self._choose(question, {"s", "d", "b", "u", "q"}, found.target if copies else None)
        if chosen == "d":
            self._dismiss(found.id)
            return "s"
        if isinstance(chosen, str):
            return chosen
        return self._give(self.store.attach(found.id, chosen), "you chose its file")


def skills() -> list[SkillRef]:
    """Return the person's own skills, those of the project here, and the rules files of both."""
    listed = dict.fromkeys(targets.skills_in(Path.cwd()))  # from the home folder both are one
    known = [skill for skill in listed if skill.path and SkillPath.of(skill.path).owner.editable]
    rules = dict.fromkeys((rules_file(Path.cwd()), rules_file(None)))
    return known + [SkillRef(target_name(path), path) for path in rules]


def skill_named(name: str) -> SkillRef:
    """Return which of these a name or a path means. Raises UsageError: none, or more than one."""
    path = Path(name).expanduser().absolute()
    known, wanted = skills(), {name, str(path), str(path / SKILL)}
    found = [each for each in known if wanted & {each.name, each.path}]
    if len(found) != 1:
        names = ", ".join(sorted({each.name for each in known}))
        raise UsageError(
            f"{len(found) or 'no'} skills here are called {name!r}", f"skills: {names}; or give a path"
        )
    return found[0]
