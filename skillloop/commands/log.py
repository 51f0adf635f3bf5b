"""What happened to the files that learn: `log`, `diff`, `blame` and `report`; and back to an earlier version, `rollback`."""

import re
import webbrowser
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import click

from skillloop import outcomes, render
from skillloop.commands import options
from skillloop.commands.options import App, flag, known_skill, option, picked, verb
from skillloop.config import confirmation
from skillloop.errors import UsageError
from skillloop.fs import write_atomic
from skillloop.model import sha256
from skillloop.skillpath import not_command, rules_file, target_name
from skillloop.skills import document, history, team
from skillloop.store import Entry, Queued, Store
from skillloop.text.lexicon import table
from skillloop.text.words import counted
from skillloop.worker.notice import line_of

_STYLE = {outcomes.Effect.HELPED: "green", outcomes.Effect.CAME_BACK: "yellow", outcomes.Effect.WORSE: "red"}
_IMPORT = "as found"
CHANGED = 8  # lines of a change that `log SKILL` shows
_WORDS = ("decided", "events", "versions", "settings")
_DECIDED, _EVENTS, _KINDS, _SETTINGS = (table("words")[name] for name in _WORDS)


@verb(options.some_skill, option("-n --limit", type=click.IntRange(min=1)), flag("--audit"))
def command(app: App, skill: str | None, limit: int | None, audit: bool) -> None:
    """Show what happened, newest last; with SKILL, its versions and the lines that each changed. Writes nothing."""
    out = app.console()
    with app.history() as store:
        if skill is None:
            entries = store.log(limit=limit)
            if not (entries or app.as_json):
                out.say("nothing has happened yet")
            for entry in reversed(entries):
                if app.as_json:
                    app.emit(asdict(entry))
                elif audit:
                    given = ((key, value) for key, value in entry.detail.items() if value not in (None, ""))
                    details = [f"{key} {value}" for key, value in given]
                    out.say("  ".join(filter(None, (entry.at, entry.event, entry.skill, ", ".join(details)))))
                elif entry.event != "applied" and (  # the version says it
                    not entry.skill or not_command(entry.skill)
                ):
                    text, style = line(store, entry)
                    out.say(f"{render.when(entry.at, 10)}  {text}", style)
            return
        path = known_skill(store, skill)
        versions = history.versions(store, path)
        for before, version in [*zip([None, *versions], versions, strict=False)][-(limit or 0) :]:
            if app.as_json:
                about = picked(version, "number", "kind", "created", "proposal", "author")
                proof = {key: version.claim.get(key) for key in ("session", "turn")}
                app.emit({"path": str(path), "sha256": version.sha, "note": version.told, **about, **proof})
            else:
                what = f"{version.author:<9}  {version.told}"
                out.say(f"{version.number:>4}  {render.when(version.created, 10)}  {what}")
                if before:
                    old, new = (history.text(store, each.sha) for each in (before, version))
                    changed = render.changed(document.diff(old, new, path))[:CHANGED]
                    out.print(render.diff("\n".join(changed)), end="")


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
    lesson = store.find_lesson(detail["lesson"]) if detail.get("lesson") else None
    said = f"“{lesson.text}”" if lesson else said
    reason = str(detail.get("reason") or detail.get("why") or ", ".join(detail.get("keys", ())))
    name = name or (target_name(lesson.target or rules_file(None)) if lesson else "")
    name = name or render.tilde(detail.get("path", ""))
    state = str(detail.get("state", ""))
    if (state, detail.get("sha256")) == ("first seen", ""):
        state = "absent"
    name += f" v{detail['number']}" if "number" in detail else ""
    solved = entry.event == "trouble" and not reason
    event = "can learn again" if solved else _EVENTS.get(entry.event, entry.event)
    what = " ".join(filter(None, (event, said, state)))
    what = _SETTINGS[state] if entry.event == confirmation.EVENT else what
    if entry.event in _DECIDED:
        replaced = re.search(" as [0-9a-f]{12}$", reason)  # reworded, moved, or kept beside another line
        what = f"{whose} {'changed' if replaced else _DECIDED[entry.event]} {said}"
    return " ".join(filter(None, (f"{name}:" * bool(name), what, f"({reason})" * bool(reason)))), ""


@verb(
    options.one_skill,
    click.argument("old", type=click.IntRange(min=1), required=False),
    click.argument("new", type=click.IntRange(min=1), required=False),
)
def diff(app: App, skill: str, old: int | None, new: int | None) -> None:
    """Show the diff from version OLD to version NEW of a skill. Writes nothing."""
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
    if app.as_json:
        app.emit({"path": str(path), "old": first, "new": last, "authors": by, "diff": text})
    else:
        app.console().print(render.diff(text) if text else render.plain("no difference\n"), end="")


@verb(
    options.one_skill,
    option("--to", type=int, metavar="N"),
    flag("--exact"),
    option("--only", type=int, metavar="N"),
    options.token_option,
)
def rollback(app: App, skill: str, to: int | None, exact: bool, only: int | None, token: str | None) -> int:
    """Take a skill back to an earlier version, or undo one change in the middle."""
    if only is not None and (to is not None or exact):
        raise UsageError("--only undoes one change; it cannot be combined with --to or --exact")
    with app.store() as store:
        path = known_skill(store, skill)
        before, after = history.preview_rollback(store, path, to=to, only=only, exact=exact)
        changes = before != after
        if changes:
            if not app.as_json:
                old, new = before.decode("utf-8", "replace"), after.decode("utf-8", "replace")
                text, out = document.diff(old, new, path, "after the rollback"), app.console()
                if token:  # for the client's dialog, which folds all but some ten lines
                    text = "\n".join([*render.changed(text), f"{render.tilde(path)}, after the rollback"])
                out.print(render.diff(text), end="")
            options = (f" --to {to}" if to is not None else "", f" --only {only}" if only is not None else "")
            action = f"rollback {skill}" + "".join(options) + " --exact" * exact
            digest = sha256("\0".join((str(path), sha256(before), sha256(after))))
            app.require_person(action, digest, token)
            version = history.rollback(store, path, to=to, only=only, exact=exact)
        else:
            version = history.versions(store, path)[-1]
    if changes:
        app.after_decision()
    same = f"is identical already: nothing was changed, it stays version {version.number}"
    line = f"is now version {version.number}: {version.note}" if changes else same
    undo = [f"to undo this: skillloop rollback {skill} --only {version.number}"] * changes
    told = {"path": str(path), "number": version.number, "sha256": version.sha, "note": version.note}
    app.tell(told, f"{render.tilde(path)} {line}", *undo)
    return 1 if token and not changes else 0  # there is nothing to confirm


@verb(options.one_skill, flag("--all whole"))
def blame(app: App, skill: str, whole: bool) -> None:
    """Show who added each line of a skill or rules file and when, which of your words taught it, and whether it helped."""
    out, shown = app.console(), 0
    with app.history() as store:
        path = known_skill(store, skill)
        lines = history.annotate(store, path)
        found = {each.line: each for each in outcomes.of(store, path, lines)}
        others = team.told(path)
        for number, (text, version) in enumerate(lines, start=1):
            outcome, first = found.get(number), version.kind == "import"
            if app.as_json:
                by = {"author": _IMPORT if first else version.author, "created": version.created}
                app.emit({"line": number, "text": text, "number": version.number, **by, **_effect(outcome)})
            elif text.strip() and (whole or not first):
                author, shown = _IMPORT if first else version.author, shown + 1
                out.say(f"{number:>4}  {version.created[:10]}  {author:<9}  {text}")
                if outcome is not None:
                    for item in outcome.taught.proposal.evidence if outcome.taught else ():
                        out.say(f"      you said: “{item.quote.strip()}”", "dim")
                    if outcome.taught is None and text in others:
                        out.say(f"      {others[text]}", "dim")
                    effect = outcome.effect
                    out.say(f"      {effect}: {outcome.why}", _STYLE.get(effect, "dim"))
    if not (shown or app.as_json):
        out.say("every line is as it was found; --all shows them")


def _effect(outcome: outcomes.RuleOutcome | None) -> dict[str, object]:
    """Return the documented JSON shape of what became of a line; {} where it is no rule that came later."""
    if outcome is None:
        return {}
    evidence = outcome.taught.proposal.evidence if outcome.taught else ()
    quotes = [picked(item, "session_id", "uuid", "line", "quote") for item in evidence]
    rates = {}
    for key, pair in (("wish", outcome.wish), ("corrections", outcome.corrections)):
        drop = [round(end, 3) for end in pair.drop]
        rates[key] = asdict(pair) | {"lower": round(pair.lower, 3), "drop": drop}
    return {"effect": outcome.effect, **picked(outcome, "again", "opposed"), **rates, "evidence": quotes}


@verb(click.argument("where", required=False, metavar="[FILE|RUN]"), flag("--open opened"))
def report(app: App, where: str | None, opened: bool) -> None:
    """Draw one page: corrections per week, what each rule did, what is waiting, and who wrote what."""
    from skillloop.report import dashboard, run  # and jinja2, which `blame` has no use for

    if where is not None and (found := run.find(app.home, where)) is not None:
        target, page = found.page, run.drawn(found)
    else:
        target = Path(where or app.home / "report.html").absolute()
        if target.suffix != ".html":
            raise UsageError(
                f"{where} is no run, and no name of a page",
                "name a run's folder, or a file that ends in .html",
            )
        with app.history() as store:
            page = dashboard.page(store)
    data = page.encode("utf-8", "replace")
    write_atomic(target, data)
    told = {"file": str(target), "bytes": len(data)}
    app.tell(told, str(target))
    if opened and not webbrowser.open(target.as_uri()):
        click.echo("no browser could be started: open the file yourself", err=True)
