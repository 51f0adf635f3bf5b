"""What `digest --plan` prints: every request exactly as it would be sent, and the cost. Nothing is sent or written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skillloop.commands.options import emit
from skillloop.errors import SkillloopError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rich.console import Console

    from skillloop.commands.options import App
    from skillloop.model import Session
    from skillloop.problems.modelled import Planned
    from skillloop.store import Store


def print_plan(app: App, out: Console, paths: list[Path], *, as_json: bool) -> int:
    """Print the plan for these sessions."""
    from skillloop import config, llm, render
    from skillloop.problems import session

    total = most = 0
    with _store(app) as store:
        for item in session.read_all(paths):
            if isinstance(item, SkillloopError):
                raise item
            planned = list(_planned(item, app.home, store))
            for each in planned:
                total += 0 if each.known else each.cost.likely
                most += 0 if each.known else each.cost.most
                emit(as_object(each)) if as_json else _show(out, each)
            if not planned and not as_json:
                out.print(render.plain(f"{item.session_id}: nothing would be sent", "bold"))
    if not as_json:
        rules = config.load(app.home)
        name, why = llm.choose(rules)
        out.print(render.plain(f"back end  {name} ({why})"))
        if total:
            most_of_all = (
                f"${rules.budget.money_per_session:.2f} a session, ${rules.budget.money_per_day:.2f} a day"
            )
            out.print(
                render.plain(f"then      drafts are replayed and judged; all of it stays below {most_of_all}")
            )
        out.print(
            render.plain(
                f"cost      about ${total / 1e9:.4f}, at most ${most / 1e9:.4f}; nothing was sent", "bold"
            )
        )
    return 0


def as_object(planned: Planned) -> dict[str, Any]:
    """One request as JSON: what is sent, word for word (the mark is drawn anew for each call), and its cost."""
    request = planned.request
    return {
        "backend": planned.backend,
        "model": request.model,
        "prompt": request.prompt.name,
        "system": request.prompt.text,
        "message": request.message,
        "schema": dict(request.schema),
        "max_tokens": request.max_tokens,
        "dollars": {"likely": planned.cost.likely / 1e9, "most": planned.cost.most / 1e9},
        "answered_before": planned.known,
    }


def _planned(session: Session, home: Path, store: Store | None) -> Iterable[Planned]:
    from skillloop.problems import modelled
    from skillloop.problems import session as problem

    recurring = store.wishes(before=session.session_id) if store is not None else ()
    found = problem.study(session, recurring)
    return modelled.plan(session, [item for item in found if problem.draftable(item)], home, store)


def _store(app: App) -> Any:
    """The store if there is one: planning makes none."""
    from contextlib import nullcontext

    return app.store() if (app.home / "skillloop.db").exists() else nullcontext()


def _show(out: Console, planned: Planned) -> None:
    from skillloop import render

    request = planned.request
    price = f"about ${planned.cost.likely / 1e9:.4f}, at most ${planned.cost.most / 1e9:.4f}"
    known = " (answered before: not sent again)" if planned.known else ""
    out.print(
        render.plain(
            f"to {planned.backend}, model {request.model}, prompt {request.prompt.name}: {price}{known}",
            "bold",
        )
    )
    out.print(render.plain("--- instructions"))
    out.print(render.plain(request.prompt.text))
    out.print(render.plain("--- message"))
    out.print(render.plain(request.message))
    out.print(render.plain(""))
