"""`skillloop log`, `diff` and `rollback`: what happened, what changed, and back to an earlier version."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

import click

from skillloop import render
from skillloop.commands.options import (
    App,
    after_decision,
    emit,
    known_skill,
    picked,
    require_person,
    skill_argument,
    some_skill,
    tell,
    token_option,
    verb,
)
from skillloop.errors import UsageError
from skillloop.model import sha256
from skillloop.skillpath import target_name
from skillloop.skills import document, history
from skillloop.store import Entry, Queued, Store
from skillloop.text.words import counted
from skillloop.worker.notice import line_of

CHANGED = 8  # lines of a change that `log SKILL` shows
_DECIDED = {"rejected": "rejected", "queued": "took back to the queue", "stale": "set aside"}
_KINDS = {
    "external": "an edit from outside is recorded",
    "import": "as it was found",
    "rollback": "taken back",
}


@verb(
    some_skill,
    click.option("-n", "--limit", type=click.IntRange(min=1), help="Only the newest N."),
    click.option("--audit", is_flag=True, help="Show every detail that the log holds, with its hashes."),
)
def command(app: App, skill: str | None, limit: int | None, audit: bool, as_json: bool) -> int:
    """Show what happened, newest last; with SKILL, its versions and the lines that each changed. Writes nothing.

    \b
    Examples:
      skillloop log -n 20
      skillloop log research
    """  # noqa: D301
    out = app.console()
    with app.history() as store:
        if skill is None:
            for entry in reversed(store.log(limit=limit)):
                if as_json:
                    emit(asdict(entry))
                elif audit:
                    given = ((key, value) for key, value in entry.detail.items() if value not in (None, ""))
                    details = [f"{key} {value}" for key, value in given]
                    out.say("  ".join(filter(None, (entry.at, entry.event, entry.skill, ", ".join(details)))))
                elif entry.event != "applied":  # the version says it
                    text, style = line(store, entry)
                    out.say(f"{_when(entry.at)}  {text}", style)
            return 0
        path = known_skill(store, skill)
        versions = history.versions(store, path)
        for before, version in [*zip([None, *versions], versions, strict=False)][-(limit or 0) :]:
            if as_json:
                about = picked(version, "number", "kind", "created", "proposal", "author")
                proof = {key: version.claim.get(key) for key in ("session", "turn")}
                emit({"path": str(path), "sha256": version.sha, "note": version.told, **about, **proof})
            else:
                out.say(f"{version.number:>4}  {_when(version.created)}  {version.author:<9}  {version.told}")
                if before:
                    old, new = (history.text(store, each.sha) for each in (before, version))
                    lines = document.diff(old, new, path, "").splitlines()[2:]
                    changed = [each for each in lines if each.startswith(("+", "-"))]
                    out.print(render.diff("\n".join(changed[:CHANGED])), end="")
    return 0


def _when(at: str) -> str:
    then = datetime.fromisoformat(at).astimezone()
    past = (datetime.now(then.tzinfo).date() - then.date()).days
    day = {0: "today", 1: "yesterday"}.get(past, f"{then:%Y-%m-%d}")
    return f"{day:<10} {then:%H:%M}"


def line(store: Store, entry: Entry) -> tuple[str, str]:
    """Return what happened, for a person, and its colour."""
    detail = entry.detail
    name = target_name(entry.skill) if entry.skill else ""
    if entry.event == "digested":
        count = len(store.disagreements(session_id=detail["session"]))
        return f"session {detail['session'][:8]}: {counted(count, 'correction')}", "cyan" if count else ""
    queued: Queued | None = None
    with suppress(UsageError):  # an entry tells of it, and a rebuilt store has lost it
        queued = store.find_proposal(detail["proposal"]) if detail.get("proposal") else None
    said = f"“{line_of(queued).removeprefix('- ')}”" if queued else ""
    whose = "you" if detail.get("by") == "person" else "skillloop"
    if entry.event == "version":
        what = f"{whose} applied {said}" if queued else _KINDS.get(detail["kind"], detail["kind"])
        return f"{name} v{detail['number']}: {what}", "green"
    if entry.event == "proposal" and queued is not None:
        state, why = render.standing(queued.verdict)
        return f"{name}: drafted {said}, {state}" + f": {why}" * bool(why), "yellow"
    reason = str(detail.get("reason") or ", ".join(detail.get("keys", ())))
    name = name or render.tilde(detail.get("path", ""))
    what = (
        f"{whose} {_DECIDED[entry.event]} {said}"
        if entry.event in _DECIDED
        else f"{entry.event} {detail.get('state', '')}".strip()
    )
    return " ".join(filter(None, (f"{name}:" * bool(name), what, f"({reason})" * bool(reason)))), ""


@verb(
    skill_argument,
    click.argument("old", type=click.IntRange(min=1), required=False),
    click.argument("new", type=click.IntRange(min=1), required=False),
)
def diff(app: App, skill: str, old: int | None, new: int | None, as_json: bool) -> int:
    """Show the diff from version OLD to version NEW of a skill. Writes nothing.

    Without numbers: from the first version to the newest. With one: from there to the newest.

    \b
    Example:
      skillloop diff research 2 3
    """  # noqa: D301
    with app.history() as store:
        path = known_skill(store, skill)
        versions = {version.number: version for version in history.versions(store, path)}
        first, last = old or min(versions), new or max(versions)
        for number in (first, last):
            if number not in versions:
                raise UsageError(
                    f"{path} has no version {number}", f"it has {min(versions)} to {max(versions)}"
                )
        texts = [history.text(store, versions[n].sha) for n in (first, last)]
    by = [versions[n].author for n in range(first + 1, last + 1)] or [versions[last].author]
    text = document.diff(texts[0], texts[1], path, f"version {last}, by {', '.join(dict.fromkeys(by))}")
    if as_json:
        emit({"path": str(path), "old": first, "new": last, "authors": by, "diff": text})
    else:
        app.console().print(render.diff(text) if text else render.plain("no difference\n"), end="")
    return 0


@verb(
    skill_argument,
    click.option(
        "--to",
        type=int,
        metavar="N",
        help="The version to go back to. [default: the one before the newest change]",
    ),
    click.option(
        "--exact",
        is_flag=True,
        help="Restore that version byte for byte, even over your own later edits (they stay in the history).",
    ),
    click.option(
        "--only", type=int, metavar="N", help="Undo only the change that version N made; later changes stay."
    ),
    token_option,
)
def rollback(
    app: App, skill: str, to: int | None, exact: bool, only: int | None, token: str | None, as_json: bool
) -> int:
    """Take a skill back to an earlier version, or undo one change in the middle.

    SKILL is a skill's name or the path of its SKILL.md. Writes the SKILL.md and appends a version; nothing is lost.
    Your own later edits stay; where they touch the same lines, it says so and changes nothing.

    \b
    Examples:
      skillloop rollback research
      skillloop rollback research --to 3
      skillloop rollback research --only 4
    """  # noqa: D301
    if only is not None and (to is not None or exact):
        raise UsageError("--only undoes one change; it cannot be combined with --to or --exact")
    with app.store() as store:
        path = known_skill(store, skill)
        before, after = history.preview_rollback(store, path, to=to, only=only, exact=exact)
        changes = before != after
        if changes:
            if not as_json:
                old, new = before.decode("utf-8", "replace"), after.decode("utf-8", "replace")
                text, out = document.diff(old, new, path, "after the rollback"), app.console()
                if token:  # for the client's dialog, which folds all but some ten lines
                    text = "\n".join([*render.changed(text), f"{render.tilde(path)}, after the rollback"])
                out.print(render.diff(text), end="")
            options = (f" --to {to}" if to is not None else "", f" --only {only}" if only is not None else "")
            action = f"rollback {skill}" + "".join(options) + " --exact" * exact
            digest = sha256("\0".join((str(path), sha256(before), sha256(after))))
            require_person(app, action, digest, token)
            version = history.rollback(store, path, to=to, only=only, exact=exact)
        else:
            version = history.versions(store, path)[-1]
    if changes:
        after_decision(app)
    same = f"is identical already: nothing was changed, it stays version {version.number}"
    line = f"is now version {version.number}: {version.note}" if changes else same
    told = {"path": str(path), "number": version.number, "sha256": version.sha, "note": version.note}
    tell(told, f"{render.tilde(path)} {line}", as_json=as_json)
    return 1 if token and not changes else 0  # there is nothing to confirm
