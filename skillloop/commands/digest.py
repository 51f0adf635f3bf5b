"""`skillloop digest`: find corrections in sessions, and draft edits."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import click

from skillloop import config, llm, render
from skillloop.commands.options import App, flag, gate_checks, option, picked, verb
from skillloop.errors import SkillloopError, UsageError
from skillloop.gate.provenance import DOUBTS
from skillloop.hosts.claude_code import records
from skillloop.hosts.claude_code.transcript import read_all
from skillloop.model import Disagreement, Origin, Outcome, Session
from skillloop.pipeline import session
from skillloop.pipeline.session import Digest, Trial
from skillloop.propose.offline_drafter import Recurrence
from skillloop.skillpath import projects_folder
from skillloop.text import lexicon
from skillloop.text.words import counted


@verb(
    click.argument("sessions", nargs=-1, metavar="[PATH|SESSION_ID]..."),
    flag("--last"),
    flag("--all every"),
    option("--since", metavar="WHEN"),
    flag("--dry-run"),
    flag("--plan"),
    flag("--explain"),
)
def command(app: App, *, dry_run: bool, plan: bool, explain: bool, **chosen: Any) -> None:
    """Find your corrections in sessions, and draft, check and queue edits for the skills you were using."""
    paths = _chosen(**chosen)
    out = app.console()
    if plan:
        _print_plan(app, out, paths)
        return
    failed, silent, states = 0, 0, Counter[str]()
    for result in _digests(paths, app, dry_run=dry_run):
        if isinstance(result, SkillloopError):
            if len(paths) == 1:
                raise result
            failed += 1
            problem = {"message": result.message, "hint": result.hint, "exit_code": result.exit_code}
            app.tell({"error": problem}, f"skillloop: {result.message}", err=True)
        elif app.as_json:
            app.emit(as_object(result))
        elif len(paths) > 1 and not (result.disagreements or result.trials or result.troubles):
            silent += 1
        else:
            out.say("") if states.total() else None
            print_digest(out, result, dry_run=dry_run, explain=explain)
            told = (_became(trial, quoting=False) for trial in result.trials)
            states.update(state.partition(":")[0].partition(" (")[0] for state in told)
    if not app.as_json:
        if len(paths) > 1:
            found = ", ".join(f"{state} {count}" for state, count in sorted(states.items())) or "none"
            out.say(f"\n{len(paths)} sessions, {silent} of them without a correction; edits: {found}", "bold")
        _say_next(out, states, dry_run=dry_run)
    if failed:
        raise SkillloopError(f"{failed} of {len(paths)} sessions could not be read", "each is named above")


def _say_next(out: render.Terminal, states: Counter[str], *, dry_run: bool) -> None:
    if dry_run:
        out.say("Nothing was written.")
        return
    if states["applied"]:
        out.say("Undo what was applied with: skillloop rollback SKILL")
    if states.total() > states["applied"]:
        out.say("Decide with: skillloop review")


def _digests(paths: list[Path], app: App, *, dry_run: bool) -> Iterator[Digest | SkillloopError]:
    """Yield each session's digest, or why it could not be read; show a bar on stderr for a long list."""
    with ExitStack() as stack:
        store = stack.enter_context(app.history() if dry_run else app.store())
        store = stack.enter_context(store.rehearsal()) if dry_run else store
        ahead: dict[str, str] | None = {} if dry_run else None
        read: Iterable[Session | SkillloopError] = read_all(paths)
        if len(paths) >= 5 and sys.stderr.isatty() and not app.as_json:
            bar = click.progressbar(read, length=len(paths), label="sessions", file=sys.stderr)
            read = stack.enter_context(bar)
        for item in read:
            if isinstance(item, SkillloopError):
                yield item
                continue
            if not dry_run and not app.as_json and config.load(app.home).model.backend != "offline":
                fresh = [each for each in session.plan(item, app.home, store) if not each.known]
                if fresh:  # say what a model may cost before it is asked anything
                    price = f"{fresh[0].backend} may be asked: {_priced(fresh)}; {_later(app)}"
                    app.say(f"{item.session_id}: {price}", err=True)
            yield session.digest(item, app.home, store, ahead=ahead)


def _chosen(sessions: tuple[str, ...], *, last: bool, every: bool, since: str | None) -> list[Path]:
    """Return the transcripts that the call names, oldest first for --all and --since."""
    if sum((bool(sessions), last, every or since is not None)) != 1:
        raise UsageError(
            "no sessions given: pass paths or IDs, or one of --last, --all, --since",
            "`skillloop digest --help` has examples",
        )
    if sessions:
        return [records.locate(item, projects_folder()) for item in sessions]
    if last:
        return [last_session()]
    found = _all_sessions()
    if since is not None:
        start = _moment(since)
        found = [path for path in found if path.stat().st_mtime >= start]
    if not found:
        raise UsageError(f"no session under {projects_folder()} changed since {since}", "go further back")
    return found


def last_session() -> Path:
    """Return the session that changed last; of this project, if it has one, and not one in which only skillloop was called."""
    found = _all_sessions()
    here = re.sub(r"[^A-Za-z0-9]", "-", str(Path.cwd()))
    found = [path for path in found if path.parent.name == here] or found
    return next(filter(_has_work, reversed(found)), found[-1])


def _has_work(path: Path) -> bool:
    """Return whether anything was said in a session that was not said to skillloop's own commands, or was a correction."""
    (read,) = read_all([path])
    if isinstance(read, SkillloopError) or read.automated:
        return True
    first = next((turn.line for turn in read.human_turns), None)
    with path.open("rb") as file:
        called = any(b"<command-name>/skillloop:" in line for line in islice(file, first))
    own = called and not read.skills
    return not own or bool(session.study(read)[0])


def _all_sessions() -> list[Path]:
    where = projects_folder()
    if found := sorted(records.find(where), key=lambda path: path.stat().st_mtime):
        return found
    raise UsageError(f"no session found under {where}", "has Claude Code run on this account?")


def _moment(since: str) -> float:
    """Return the seconds since the epoch of a date, or of a span back from now."""
    units = {"d": "days", "h": "hours", "w": "weeks", "m": "minutes"}
    try:
        if since[:-1].isdigit() and since[-1] in units:
            return (datetime.now(UTC) - timedelta(**{units[since[-1]]: int(since[:-1])})).timestamp()
        return datetime.fromisoformat(since).astimezone().timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {since!r} is neither a date nor a span", "write 2026-11-01, 7d or 12h"
        ) from None


def as_object(result: Digest) -> dict[str, Any]:
    """Return the documented JSON shape of one digested session (docs/json.md)."""
    session = result.session
    offered = {item.disagreement: item.text for item in reversed(result.lessons) if item.offered}
    return {
        **picked(session, "session_id", "path"),
        "human_turns": len(session.human_turns),
        "skills": [picked(skill, "name", "path") for skill in session.skills],
        "disagreements": [
            picked(item, "id", "evidence.uuid", "evidence.line", "kind", "evidence.quote")
            | {"confidence": round(item.confidence, 4), "durable": item.durable}
            | {"lesson": offered.get(item.id), "skill": item.skill and item.skill.name}
            for item in result.disagreements
        ],
        "lessons": [
            picked(item, *"evidence.uuid evidence.line text source scope target chance offered".split())
            | {"why_no_edit": result.unproposed.get(item.id), "look": list(item.look)}
            for item in sorted(result.lessons, key=lambda item: -item.chance)
        ],
        "notes": {
            "linked": sum(note.turn is not None for note in result.noted),
            "alone": [note.name for note in result.noted if note.turn is None],
        },
        "recurrences": [
            picked(item, "path", "line", "rule", "proposal") | {"line": item.line or None}
            for item in result.recurrences
        ],
        "proposals": [
            picked(trial.proposal, "id", "skill", "path")
            | {"diff": trial.prepared.diff if trial.prepared else ""}
            | {"verdict": picked(trial, "decision.outcome") | {"checks": gate_checks(trial.verdict)}}
            for trial in result.trials
        ],
        "bad_lines": session.bad_lines,
        "troubles": list(result.troubles),
    }


def _proven(item: Disagreement, result: Digest) -> bool:
    """Return whether record, session and gate all agree that the person typed these words."""
    if item.id in result.suspect or item.evidence.origin is not Origin.TYPED or result.session.partial:
        return False
    return not any(
        item.id in {evidence.id for evidence in trial.proposal.evidence}
        and any(check.name in DOUBTS for check in trial.verdict.failed)
        for trial in result.trials
    )


def said_again(repeat: Recurrence) -> str:
    """Say where the rule that was asked for is already."""
    head = "this session taught it" if repeat.own else "said again"
    if repeat.proposal is not None:
        return f"{head}; it waits as {repeat.proposal}: {repeat.rule}"
    return render.tilde(f"{head}; it is a rule already: {repeat.path}:{repeat.line} {repeat.rule}")


def _became(trial: Trial, *, quoting: bool) -> str:
    """Say the state of an edit and why; not `quoting`, only by reasons that repeat none of its words."""
    state, why = render.standing(trial.verdict)
    if not quoting:
        why = "; ".join(check.detail for check in trial.verdict.failed if check.name in DOUBTS)
    if trial.decision.outcome in {Outcome.KEEP, Outcome.CRASH}:
        failed = trial.decision.outcome is Outcome.CRASH
        state, why = ("failed", trial.decision.reason) if failed else ("applied", "")
    return state + f": {why}" * bool(why)


def print_digest(out: render.Terminal, result: Digest, *, dry_run: bool, explain: bool = False) -> None:
    """Print what one session taught, a line each."""
    session = result.session
    turns = counted(len(session.human_turns), "turn")
    found = counted(len(result.disagreements), "correction")
    at = next((f"{render.when(turn.timestamp)}, " for turn in session.human_turns if turn.timestamp), "")
    where = f"{render.tilde(session.cwd)}, " if session.cwd else ""
    head = f"{at}{where}session {session.session_id[:8]}: {turns} of yours, {found}"
    out.say(head + " (an automated session: nothing is learned from it)" * session.automated, "bold")
    became = list(_outcomes(result, dry_run=dry_run))
    for item in result.disagreements:
        if item.evidence.origin is Origin.MACHINE:
            continue  # never evidence, so never shown as if it were
        skill = f"{item.skill.name} in use" if item.skill else "no skill in use"
        mark = "a rule" if item.durable else "one-off"
        doubt = "" if _proven(item, result) else " (not proven to be yours)"
        sure = f"{item.confidence:.0%} sure"
        out.say(f"  line {item.evidence.line}: {item.kind.value}, {mark}, {sure}, {skill}{doubt}")
        why = result.suspect.get(item.id)
        said = f"    “{' '.join(item.evidence.quote.split())}”"
        out.say(f"    (words not shown: {why})" if why else said, "dim" if why else "italic")
        for signal in item.signals if explain else ():
            out.say(f"      {'for    ' if signal.weight > 0 else 'against'}  {in_words(signal.name)}", "dim")
        about = {item.id, *(lesson.id for lesson in result.lessons if lesson.turn == item.turn)}
        mine = [told for told in became if not about.isdisjoint(told[0])]
        became = [told for told in became if told not in mine]
        for _, lines in mine or [(about, [_why_nothing(item, result)])]:
            out.say("    → " + "\n      ".join(lines))
    for _, lines in became:
        out.say("  → " + "\n    ".join(lines))
    if session.bad_lines:
        out.say(f"  {counted(session.bad_lines, 'line')} could not be read", "yellow")
    for trouble in result.troubles:
        out.say(f"  {trouble}", "yellow")


def _outcomes(result: Digest, *, dry_run: bool) -> Iterator[tuple[set[str], list[str]]]:
    """Yield what became of each lesson: by the ids of what it rests on, in lines, an edit's only if they may be quoted."""
    for repeat in result.recurrences:
        yield {repeat.lesson.id}, [said_again(repeat)]
    for trial in result.trials:
        ids = {item.id for item in trial.proposal.evidence}
        quoting = result.suspect.keys().isdisjoint(ids)
        state = _became(trial, quoting=quoting)
        would = "would be " * (dry_run and state == "applied")
        changed = render.changed(trial.prepared.diff) if trial.prepared and quoting else []
        yield ids, [f"edit {trial.proposal.id} for {trial.proposal.skill}: {would}{state}", *changed]
    for lesson in result.lessons:
        if lesson.id in result.unproposed and lesson.id not in result.suspect:
            yield {lesson.id}, [f"no new edit for “{lesson.text}”: {result.unproposed[lesson.id]}"]


def _why_nothing(item: Disagreement, result: Digest) -> str:
    """Say why nothing was drafted for a correction."""
    if item.id in result.suspect:
        return "nothing is learned: nothing proves that you typed it; `skillloop remember RULE` keeps a rule of yours"
    once = next((x.text for x in result.lessons if x.turn == item.turn and x.id not in result.suspect), "")
    if once:
        return f"nothing is learned yet: “{once}” may be meant for once; `review` may ask you"
    return "nothing is learned: there is no rule for later in it"


def in_words(name: str) -> str:
    """Return a feature of the detector as a person understands it; a class of words by some of them."""
    known = lexicon.table("detector")["in-words"]
    parts = [each.partition(": ") for each in name.split(" + ")]
    return " and ".join(f"{known.get(where, where)}{known.get(what, what)}" for where, _, what in parts)


def _print_plan(app: App, out: render.Terminal, paths: list[Path]) -> None:
    """Print each request that would be sent; then the back end, the cost of it all, and its limits."""
    everything: list[llm.Planned] = []
    with app.history() as store:
        for item in read_all(paths):
            if isinstance(item, SkillloopError):
                raise item
            planned = session.plan(item, app.home, store)
            everything += planned
            for each in planned:
                _show_request(app, each)
            if not planned and not app.as_json:
                out.say(f"{item.session_id}: nothing would be sent", "bold")
    if app.as_json:
        return
    rules = config.load(app.home)
    name, why = llm.choose(rules)
    out.say(f"backend   {name} ({why})")
    if everything:
        limits = f"${rules.budget.money_per_session:.2f} a session, ${rules.budget.money_per_day:.2f} a day"
        out.say(f"then      {_later(app)}")
        out.say(f"limits    {limits}; what goes over them is not sent")
    out.say(f"cost      {_priced([each for each in everything if not each.known])}; nothing was sent", "bold")


def _priced(planned: list[llm.Planned]) -> str:
    """Say how many calls these are and what they cost."""
    likely, most = (sum(getattr(each.cost, name) for each in planned) / 1e9 for name in ("likely", "most"))
    return f"{counted(len(planned), 'call')}, about ${likely:.4f}, at most ${most:.4f}"


def _later(app: App) -> str:
    """Say what an answer may lead to."""
    most = config.load(app.home).budget.money_per_session
    return f"to reword, replay and judge its lessons, all within ${most:.2f} a session"


def _show_request(app: App, each: llm.Planned) -> None:
    """Print one request: what is sent, word for word (the marks are drawn anew by each process), and its cost."""
    request, prompt = each.request, each.request.prompt
    dollars = {name: getattr(each.cost, name) / 1e9 for name in ("likely", "most")}
    shape = {
        **picked(each, "backend", "request.model"),
        "prompt": prompt.name,
        "system": prompt.text,
        **picked(request, "message", "schema", "max_tokens"),
        "dollars": dollars,
        "answered_before": each.known,
    }
    price = "about ${likely:.4f}, at most ${most:.4f}".format(**dollars)
    known = " (answered before: not sent again)" * each.known
    head = f"to {each.backend}, model {request.model}, prompt {prompt.name}: {price}{known}"
    app.tell(shape, head, "--- instructions", prompt.text, "--- message", request.message, "")
