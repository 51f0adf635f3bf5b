"""`skillloop status`: show what waits, what was applied, and what is wrong."""

from collections import Counter
from contextlib import ExitStack, suppress
from typing import Any

from skillloop import config, fs, llm, outcomes
from skillloop.commands import show
from skillloop.commands.options import OPEN, App, picked, verb
from skillloop.config import confirmation
from skillloop.config.confirmation import UNCONFIRMED
from skillloop.config.sections import Config
from skillloop.errors import SkillloopError
from skillloop.evaluate import judge
from skillloop.gate.structure import BEFORE
from skillloop.hosts.claude_code.hooks import session as hook
from skillloop.pipeline import apply, session
from skillloop.render import Terminal, tilde
from skillloop.skills.team import ON_BRANCH
from skillloop.store import Queued, Store
from skillloop.text.words import counted
from skillloop.worker.notice import line_of, unlearnt
from skillloop.worker.queue import failing

FRESH = 20  # edits that wait are listed, judged again if anything changed; of the rest the recorded verdict stands
AUTO = (
    ": edits that pass every check are applied without you",
    ", but paused where a setting is not confirmed: edits wait until `skillloop constraints --confirm`",
)
SPENT = ("dollars", "tokens", "calls")


@verb()
def command(app: App) -> None:
    """Show what waits for you, what was applied, and whether anything is wrong. Writes nothing."""
    facts = _facts(app)
    if app.as_json:
        app.emit(facts)
        return
    out = app.console()
    states = ", ".join(f"{state} {count}" for state, count in sorted(facts["proposals"].items())) or "none"
    gone = facts["proposals"].get("applied", 0) - facts["in_force"]
    out.say(f"folder      {tilde(facts['home'])}")
    out.say(f"sessions    {facts['sessions']} digested, {facts['jobs']} still to come")
    out.say(f"edits       {states}" + f" ({gone} of those applied no longer in the skill)" * bool(gone))
    if facts["mode"] == "auto":
        out.say(f"mode        auto{AUTO[UNCONFIRMED in ' '.join(facts['troubles'])]}")
    out.say(f"not learned {counted(facts['unattributed'], 'lesson')}")
    if facts["model"] is not None:
        out.say(f"model       {_spend(facts['model'])}")
    for trouble in facts["troubles"]:
        out.say(tilde(trouble), "yellow")
    _say_queue(out, facts)
    for item in facts["changes"]:
        out.say(f"  {item['change']}: {item['told']}", "yellow")
    for item in facts["unlearnt"]:
        lost = f"  not learned: {item['text']}  ({item['where']})\n    {item['reason']}"
        out.say(tilde(lost), "yellow")
    if facts["queue"] or facts["changes"] or facts["unlearnt"]:
        out.say("decide with: skillloop review", "bold")


def _say_queue(out: Terminal, facts: dict[str, Any]) -> None:
    """Print what waits and why; a reason that many share, only once."""
    listed = facts["queue"][:FRESH]
    if (shared := sum(BEFORE in item["why"] for item in listed)) > 1:
        out.say(f"of {shared} edits below: {BEFORE}", "yellow")
    for item in listed:
        own = "; ".join(x for x in item["why"].split("; ") if shared < 2 or x != BEFORE)
        why = f": {own}" if own not in ("", *facts["troubles"]) else ""
        out.say(f"  {item['id']}  {item['skill']}: {item['line']}\n    {item['state']}{tilde(why)}")
    if (more := len(facts["queue"]) - FRESH) > 0:
        out.say(f"  and {more} more")


def _facts(app: App) -> dict[str, Any]:
    with ExitStack() as stack:
        store = stack.enter_context(app.history())
        if lost := unlearnt(store):  # what stands in the way of each now, and of which nothing does
            store = stack.enter_context(store.rehearsal())
            session.try_again(app.home, store, {})
            lost = unlearnt(store)
        everything = store.proposals()
        queue = [item for item in everything if item.state in OPEN]
        states = {item.proposal.id: show.state_of(item, item.verdict) for item in everything}
        states |= {item.proposal.id: _state(app, store, item) for item in queue[:FRESH]}
        troubles = [error.told for error in confirmation.unreadable(store, app.home)]
        rules = None
        with suppress(SkillloopError):
            rules = config.load(app.home)
        model, off = _model(rules, store) if rules else (None, [])
        troubles += off
        troubles += confirmation.unconfirmed(store, app.home)
        waiting, paused = outcomes.standing(store)
        troubles += paused
        failed = ((job.transcript_path or job.session_id, job.error) for job in failing(app.home))
        troubles += [f"not digested: {name}: {why}" for name, why in failed]
        return {
            "home": str(app.home),
            "mode": rules and rules.apply.mode,
            "sessions": len(store.sessions()),
            "jobs": hook.waiting(str(app.home)),
            "proposals": dict(Counter(state.partition(" (")[0] for state, _ in states.values())),
            "in_force": sum(item.state == "applied" and _in_force(item) for item in everything),
            "unattributed": sum(not item.blocked for item in lost),
            "changes": [show.change_as_object(each) for each in waiting if each.effect != outcomes.NEVER],
            "unlearnt": [show.lesson_as_object(item) for item in lost],
            "model": model,
            "troubles": list(dict.fromkeys(troubles)),
            "queue": [
                picked(item.proposal, "id", "skill")
                | dict(zip(("state", "why"), states[item.proposal.id], strict=True))
                | {"line": line_of(item)}
                for item in queue
            ],
        }


def _state(app: App, store: Store, item: Queued) -> tuple[str, str]:
    """Return the state of an edit that waits, and why, on the file as it is now."""
    try:
        judged = apply.as_judged(item, app.home, store)
        return show.state_of(item, item.verdict if judged else show.as_it_is(store, item, app.home).verdict)
    except SkillloopError as error:
        return "needs a look", error.told


def _in_force(item: Queued) -> bool:
    """Return whether an applied edit is still in the skill, or on its branch: not rolled back since, nor edited away."""
    if item.reason.startswith(ON_BRANCH):
        return True
    try:
        with fs.open_skill(item.proposal.path) as skill:
            lines = skill.read().decode("utf-8", "replace").splitlines()
    except SkillloopError:
        return False
    return all(
        (edit.new or "").splitlines()[0] in lines if edit.new else edit.old not in lines
        for edit in item.proposal.edits
    )


def _model(rules: Config, store: Store) -> tuple[dict[str, Any], list[str]]:
    """Return the back end and what it cost today and in all; and why its judge is off, if it is."""
    backend, why = llm.choose(rules)
    today, total = store.calls.today(), store.calls.spend()
    spent = {"today": picked(today, *SPENT), "total": picked(total, *SPENT)}
    limits = {"unanswered": total.unanswered, "limit": rules.budget.money_per_day}
    heard, judged = judge.status(store, rules.model.careful)
    off = [] if heard or backend == "offline" else [f"{judged}; {judge.WAITS}"]
    told = None if backend == "offline" or off else judged
    return {"backend": backend, "why": why, **spent, **limits, "judge": told}, off


def _spend(model: dict[str, Any]) -> str:
    today, total = model["today"], model["total"]
    if model["backend"] == "offline" and not total["calls"]:
        return f"none ({model['why']})"
    lost = f"{model['unanswered']} without an answer, counted at the most they can cost"
    parts = (
        f"{model['backend']} ({model['why']})",
        f"today ${today['dollars']:.4f} of ${model['limit']:.2f}, {counted(today['calls'], 'call')}",
        f"in all ${total['dollars']:.4f}, {counted(total['calls'], 'call')}",
        lost * bool(model["unanswered"]),
        model["judge"],
    )
    return "; ".join(filter(None, parts))
