"""Print what `digest --plan` recorded: every request exactly as it would be sent, and the cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from skillloop import config, llm, render
from skillloop.commands.options import App, emit
from skillloop.errors import SkillloopError
from skillloop.hosts.claude_code.parallel import read_all
from skillloop.llm import Estimate, Planned
from skillloop.model import Session
from skillloop.pipeline import session
from skillloop.store import Store

if TYPE_CHECKING:
    from rich.console import Console


def print_plan(app: App, out: Console, paths: list[Path], *, as_json: bool) -> int:
    """Print the plan for these sessions."""
    everything: list[Planned] = []
    with app.history() as store:
        for item in read_all(paths):
            if isinstance(item, SkillloopError):
                raise item
            planned = session.plan(item, app.home, store)
            everything += planned
            for each in planned:
                emit(as_object(each)) if as_json else _show(out, each)
            if not planned and not as_json:
                out.print(render.plain(f"{item.session_id}: nothing would be sent", "bold"))
    if not as_json:
        _show_sum(app, out, everything)
    return 0


def _show_sum(app: App, out: Console, everything: list[Planned]) -> None:
    """Print the back end, and the cost: of what was shown, of the proof of each draft, and the limits of it all."""
    rules = config.load(app.home)
    name, why = llm.choose(rules)
    out.print(render.plain(f"back end  {name} ({why})"))
    later = [cost for each in everything for cost in each.then]
    if later:
        out.print(
            render.plain(f"then      {_priced(later)} to replay and judge the drafts that pass the gate")
        )
    if everything:
        limits = f"${rules.budget.money_per_session:.2f} a session, ${rules.budget.money_per_day:.2f} a day"
        out.print(render.plain(f"limits    {limits}; what goes over them is not sent"))
    now = [each.cost for each in everything if not each.known]
    out.print(render.plain(f"cost      {_priced(now)}; nothing was sent", "bold"))


def announcement(item: Session, home: Path, store: Store) -> str:
    """Say what digesting a session may cost, in one line; "" where nothing would be sent."""
    fresh = [each for each in session.plan(item, home, store) if not each.known]
    costs = [cost for each in fresh for cost in (each.cost, *each.then)]
    return f"{item.session_id}: {fresh[0].backend} may be asked: {_priced(costs)}" if costs else ""


def _priced(costs: list[Estimate]) -> str:
    """Say how many calls these are and what they cost."""
    likely, most = sum(cost.likely for cost in costs), sum(cost.most for cost in costs)
    return f"{len(costs)} calls, about ${likely / 1e9:.4f}, at most ${most / 1e9:.4f}"


def as_object(each: Planned) -> dict[str, Any]:
    """Return one request as JSON: what is sent, word for word (the marks are drawn anew by each process), and its cost."""
    request = each.request
    return {
        "backend": each.backend,
        "model": request.model,
        "prompt": request.prompt.name,
        "system": request.prompt.text,
        "message": request.message,
        "schema": dict(request.schema),
        "max_tokens": request.max_tokens,
        "dollars": {"likely": each.cost.likely / 1e9, "most": each.cost.most / 1e9},
        "answered_before": each.known,
    }


def _show(out: Console, each: Planned) -> None:
    request = each.request
    price = f"about ${each.cost.likely / 1e9:.4f}, at most ${each.cost.most / 1e9:.4f}"
    known = " (answered before: not sent again)" if each.known else ""
    head = f"to {each.backend}, model {request.model}, prompt {request.prompt.name}: {price}{known}"
    out.print(render.plain(head, "bold"))
    for name, text in (("instructions", request.prompt.text), ("message", request.message)):
        out.print(render.plain(f"--- {name}"))
        out.print(render.plain(text))
    out.print(render.plain(""))
