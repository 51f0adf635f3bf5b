"""`skillloop show`: one proposal, whole."""

from __future__ import annotations

from typing import Any

import click

from skillloop import render
from skillloop.commands import changes
from skillloop.commands.options import App, checks_as_objects, emit, json_option
from skillloop.evaluate import judge
from skillloop.gate.provenance import DOUBTS
from skillloop.model import Verdict
from skillloop.pipeline import gather
from skillloop.pipeline.gather import Prepared
from skillloop.store import Queued


@click.command()
@click.argument("proposal")
@json_option
@click.pass_obj
def command(app: App, proposal: str, as_json: bool) -> int:
    """Show one proposal against the skill as it is now: diff, evidence, checks. Writes nothing.

    PROPOSAL is an id or the beginning of one, or names a change of Claude's that waits (`SKILL@VERSION`).

    \b
    Example:
      skillloop show 3fa8
    """  # noqa: D301
    with app.history() as store:
        if "@" in proposal:
            change = changes.find(store, proposal)
            emit(changes.as_object(change)) if as_json else changes.page(app.console(), change)
            return 0
        queued = store.find_proposal(proposal)
        prepared = gather.prepare(queued.proposal, app.home, store)
    if as_json:
        emit(as_object(queued, prepared))
    else:
        page(app.console(), queued, prepared)
    return 0


def page(out: render.Terminal, queued: Queued, prepared: Prepared) -> None:
    """Print everything that a person needs to decide."""
    proposal = prepared.proposal
    out.say(f"{proposal.id}  {proposal.skill}  ({queued.state}: {queued.reason})", "bold")
    out.print(render.diff(prepared.diff), end="")
    verdict = _verdict(queued, prepared)
    doubted = any(check.name in DOUBTS for check in verdict.failed)
    said = "The transcript says, which does not prove that you did" if doubted else "You said"
    out.say(f"Why: {proposal.rationale.rstrip('.')}. Drafted by {proposal.drafter}. {said}:")
    for said in queued.context:
        out.say(f"  {said}", "dim")
    out.print(render.evidence(proposal.evidence))
    out.print(render.verdict(verdict))


def as_object(queued: Queued, prepared: Prepared) -> dict[str, Any]:
    """Return the documented JSON shape of a proposal with its verdict on the live file."""
    proposal, verdict = prepared.proposal, _verdict(queued, prepared)
    return {
        "id": proposal.id,
        "skill": proposal.skill,
        "path": proposal.path,
        "state": queued.state,
        "reason": queued.reason,
        "rationale": proposal.rationale,
        "drafter": proposal.drafter,
        "diff": prepared.diff,
        "seal": prepared.digest,
        "evidence": [
            {
                "id": item.id,
                "quote": item.quote,
                "path": item.path,
                "line": item.line,
                "uuid": item.uuid,
                "origin": item.origin.value,
            }
            for item in proposal.evidence
        ],
        "verdict": {"outcome": verdict.outcome.value, "checks": checks_as_objects(verdict)},
    }


def _verdict(queued: Queued, prepared: Prepared) -> Verdict:
    """Return the verdict of now, with what only the drafting could see: replays, and doubts about the session."""
    now = {check.name for check in prepared.verdict.failed}
    then = [check for check in queued.verdict.failed if check.name in DOUBTS - now]
    return judge.demoted(prepared.verdict, (*then, *judge.proof_of(queued.verdict)))
