"""One edit: `show` it, the person's words first, `approve` or `reject` it, as only a person may; `review` shows it so too."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from shutil import which
from typing import Any

from skillloop import config, outcomes, render
from skillloop.commands.options import OPEN, App, gate_checks, one_edit, option, picked, token_option, verb
from skillloop.errors import Refused, UsageError
from skillloop.evaluate import judge
from skillloop.gate.provenance import DOUBTS
from skillloop.model import Lesson, Verdict, sha256
from skillloop.pipeline import apply
from skillloop.pipeline.apply import Prepared
from skillloop.skills import history, team
from skillloop.store import Queued, Store
from skillloop.text.redact import redact
from skillloop.worker.notice import Unlearnt, blocked_by

QUOTE = 200  # characters of a quote that a screen of 24 lines has room for
CONTEXT = 100  # and of what was said before it
BYTES = 260  # of one text in the JSON of a review: a quote, a changed line, a reason


@verb(one_edit)
def command(app: App, proposal: str) -> None:
    """Show one edit against the skill as it is now: your words, the change, every check. Writes nothing."""
    with app.history() as store:
        if "@" in proposal:
            change = find_change(store, proposal)
            app.emit(change_as_object(change)) if app.as_json else change_page(app.console(), change)
            return
        queued = store.find_proposal(proposal)
        prepared = as_applied(store, queued, app.home) or as_it_is(store, queued, app.home)
    if app.as_json:
        app.emit(as_object(queued, prepared))
    else:
        page(app.console(), queued, prepared, whole=True)


def as_applied(store: Store, queued: Queued, home: Path) -> Prepared | None:
    """Return an applied edit with the texts before and after it and the verdict of that day; None where it was not applied."""
    known = history.versions(store, queued.proposal.path) if queued.state == "applied" else []
    for before, version in reversed(list(pairwise(known))):
        if version.proposal == queued.proposal.id:
            old, new = (history.text(store, each.sha) for each in (before, version))
            return Prepared(queued.proposal, old, new, queued.verdict, config.load(home))
    return None


def as_it_is(store: Store, queued: Queued, home: Path) -> Prepared:
    """Return an edit on the file of now; its verdict has what only the drafting could see, too: replays, doubts about the session."""
    now = apply.prepare(queued.proposal, home, store)
    known = {check.name for check in now.verdict.failed}
    then = [check for check in queued.verdict.failed if check.name in DOUBTS - known]
    proof = (check for check in queued.verdict.checks if check.name in judge.PROOF)
    return replace(now, verdict=judge.demoted(now.verdict, (*then, *proof)))


def state_of(queued: Queued, verdict: Verdict) -> tuple[str, str]:
    """Return what a person calls the state of an edit by this verdict, and why: ready, needs a look, blocked; or how it was decided."""
    decided = queued.state in {"applied", "rejected"}
    return (queued.state, queued.reason) if decided else render.standing(verdict)


def page(out: render.Terminal, queued: Queued, prepared: Prepared, *, whole: bool = False) -> None:
    """Print what a person needs to decide: their words, the lines that change, and what needs a look; `whole`: all there is."""
    proposal, verdict = prepared.proposal, prepared.verdict
    for item in proposal.evidence:
        out.say(f"{_who(verdict)}{f', {item.timestamp[:10]}' if item.timestamp else ''}:")
        out.say(f"  “{item.quote.strip() if whole else _begun(item.quote.strip(), QUOTE)}”", "italic")
        if whole:
            out.say(f"  {render.tilde(item.path)}:{item.line}", "dim")
    for before in queued.context:
        out.say(f"  before it, {before if whole else _begun(before, CONTEXT)}", "dim")
    out.say(f"→ {proposal.skill} changes: {render.tilde(proposal.path)}", "bold")
    blocks = "\n".join(line for line in prepared.diff.splitlines()[2:] if line != " ")
    blocks = re.sub(r"^([-+ ])(?=.)", r"\1 ", blocks, flags=re.MULTILINE)  # "+ - a list item"
    blocks = re.sub(r"^@@ -\d+(?:,\d+)? \+(\d+).*@@.*$", r"@@ line \1", blocks, flags=re.MULTILINE)
    out.print(render.diff(blocks), end="")
    out.print(render.verdict(verdict))
    by = "" if proposal.drafter == "offline" else "by "
    out.say(f"{proposal.rationale.rstrip('.')}. Drafted {by}{proposal.drafter}. {proposal.id}", "dim")
    if queued.state in {"applied", "rejected"}:
        out.say(f"{queued.state}: {queued.reason}")
    if whole:
        out.print(render.checks(check for check in verdict.checks if check.passed))


def card(out: render.Terminal, prepared: Prepared) -> None:
    """Print an edit for the client's dialog, which folds all but some ten lines: first what changes, in no more lines than it needs."""
    for line in render.changed(prepared.diff):
        out.say(line)
    for item in prepared.proposal.evidence:
        out.say(f"{_who(prepared.verdict)}: “{item.quote.strip()}”")
    state, why = render.standing(prepared.verdict)
    out.say(f"{render.tilde(prepared.proposal.path)}: {state}" + f": {why}" * bool(why))


def _begun(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _who(verdict: Verdict) -> str:
    doubted = any(check.name in DOUBTS for check in verdict.failed)
    return "Not proven to be yours" if doubted else "You said"


def _head(queued: Queued, prepared: Prepared) -> dict[str, Any]:
    item = prepared.proposal
    state, why = state_of(queued, prepared.verdict)
    return picked(item, "id", "skill", "path") | {"state": state, "why": why}


def as_object(queued: Queued, prepared: Prepared) -> dict[str, Any]:
    """Return the documented JSON shape of a proposal with its verdict on the live file."""
    proposal = prepared.proposal
    return _head(queued, prepared) | {
        **picked(proposal, "rationale", "drafter"),
        "diff": prepared.diff,
        "evidence": [
            picked(item, "id", "quote", "path", "line", "uuid", "origin") for item in proposal.evidence
        ],
        "checks": gate_checks(prepared.verdict),
    }


def lesson_as_object(item: Unlearnt | Lesson) -> dict[str, Any]:
    """Return the documented JSON shape of a lesson that no file has learned, or that was said once and may be for good."""
    if isinstance(item, Unlearnt):
        return {"lesson": item.id, **picked(item, "text", "reason", "where", "blocked")}
    about = {"quote": redact(item.evidence.quote)[:300], "keep": f"skillloop review --keep {item.id}"}
    return {"candidate": item.id, **picked(item, "text", "target", "chance"), **about}


def in_brief(queued: Queued, prepared: Prepared) -> dict[str, Any]:
    """Return the documented JSON shape of a waiting edit in a list: at most 1.5 KB, long texts cut."""
    head, said = _head(queued, prepared), prepared.proposal.evidence[:1]
    return head | {
        "why": cut(head["why"]),
        "edit": [cut(line) for line in render.changed(prepared.diff)[:4]],
        "evidence": [{"quote": cut(item.quote), "at": item.timestamp, "line": item.line} for item in said],
    }


def cut(text: str, most: int = BYTES) -> str:
    """Return a text of at most so many bytes; redacted before, since half a credential is not known as one."""
    data = redact(text).encode("utf-8", "replace")
    return data.decode() if len(data) <= most else data[:most].decode("utf-8", "ignore") + "…"


def change_page(out: render.Terminal, change: history.WaitingChange) -> None:
    """Print a change that waits."""
    out.say(f"{change.id}  {change.told}", "bold")
    out.say(change.version.told)
    out.print(render.diff(change.diff), end="")


def change_as_object(change: history.WaitingChange) -> dict[str, Any]:
    """Return the documented JSON shape of a change that waits."""
    proof = {key: change.version.claim.get(key) for key in ("session", "turn", "tool", "lines")}
    about = {"path": str(change.skill), "number": change.version.number, "author": change.version.author}
    return {"change": change.id, **about, **proof, **picked(change, "told", "why", "diff")}


def find_change(store: Store, wanted: str) -> history.WaitingChange:
    """Return the change that is called so, e.g. `release-notes@3`; UsageError: none that waits is."""
    change = next((each for each in outcomes.waiting(store) if each.id == wanted), None)
    if change is None:
        raise UsageError(f"no change {wanted} waits", "`skillloop review` lists what is waiting")
    return change


@verb(one_edit, token_option)
def approve(app: App, proposal: str, token: str | None) -> None:
    """Apply one waiting edit to its SKILL.md, or keep a change of Claude's own (`SKILL@VERSION`)."""
    if "@" in proposal:
        with app.store() as store:
            change = find_change(store, proposal)
            if not app.as_json and token:  # for the client's dialog, which folds all but some ten lines
                app.console().say("\n".join([*render.changed(change.diff), change.told]))
            elif not app.as_json:
                change_page(app.console(), change)
            app.require_person(f"approve {proposal}", change.seal, token)
            outcomes.keep(store, change)
        app.after_decision()
        app.tell({"change": proposal, "kept": True}, "kept")
        return
    with app.store() as store:
        queued = open_proposal(store, proposal, rejected=True)
        item = queued.proposal
        prepared = as_it_is(store, queued, app.home)
        if token and not app.as_json:
            card(app.console(), prepared)
        elif not app.as_json:
            page(app.console(), queued, prepared)
        apply.refuse_if_forbidden(prepared)
        by = app.require_person(f"approve {item.id}", prepared.digest, token)
        version = apply.publish(prepared, store, by="person", note=f"approved in {by}")
    app.after_decision()
    branch = None if version else team.branch_of(item)
    if version:
        made = f"applied: {render.tilde(item.path)} is now version {version.number}"
        then = f"to undo it: skillloop rollback {item.skill}"
    else:
        made = f"{team.ON_BRANCH}{branch}; the file is as it was"
        create = f" && gh pr create --fill --head {branch}" * bool(which("gh"))
        then = f"to propose it: git push -u origin {branch}{create}"
    told = {"number": version and version.number, "sha256": version and version.sha, "branch": branch}
    app.tell({"id": item.id, "path": item.path, **told}, made, then)


def open_proposal(store: Store, wanted: str, *, blocked: bool = False, rejected: bool = False) -> Queued:
    """Return the proposal with that id, if it waits; `blocked`: or a rule of the person's forbids it; `rejected`: or was."""
    queued = store.find_proposal(wanted)
    rule = blocked_by(queued) if queued.state == "discarded" else ""
    if queued.state == "discarded" and not (blocked and rule):
        raise Refused(f"edit {queued.proposal.id} is {rule or f'refused: {queued.reason}'}")
    if queued.state not in OPEN and not rule and not (rejected and queued.state == "rejected"):
        raise UsageError(
            f"edit {queued.proposal.id} is not waiting: it is {queued.state} ({queued.reason})",
            "`skillloop status` lists what is waiting",
        )
    return queued


@verb(one_edit, option("--reason"), token_option)
def reject(app: App, proposal: str, reason: str | None, token: str | None) -> None:
    """Drop one waiting edit, or a lesson that you no longer want to be asked about: one that your settings block, or that you said once."""
    with app.store() as store:
        lesson = store.find_lesson(proposal)
        if lesson:
            name, text = proposal, lesson.text
        else:
            item = open_proposal(store, proposal, blocked=True).proposal
            name, text = item.id, item.edits[0].new or "a deletion"
        if not app.as_json:
            app.say(f"{name}: {text}")
        by = app.require_person(f"reject {name}", sha256(name), token)
        if lesson:
            store.dismiss(name, never=True)
        else:
            store.set_state(name, "rejected", reason or f"no reason given, in {by}", by="person")
    app.after_decision()
    again = [] if lesson else [f"to take it up again: skillloop approve {name}"]
    told = {"id": name, "state": "rejected", "reason": reason or ""}
    app.tell(told, f"rejected: {name}", *again)
