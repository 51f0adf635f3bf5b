"""The judge: a model whose opinion is measured before it counts, and that can only lower a verdict.

How far it agrees with what the person approved and rejected is told as Cohen's kappa. Below 0.6, over all decisions or
over the latest ones (drift), it is switched off. It sees two texts without knowing which is the new one, in both
orders; if it changes its mind with the order, it has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skillloop import llm
from skillloop.evaluate import stats
from skillloop.evaluate.cases import Case
from skillloop.evaluate.stats import Kappa
from skillloop.llm import Door, Request
from skillloop.model import Check, Outcome, Proposal, Verdict
from skillloop.propose import context
from skillloop.store import Store
from skillloop.text import words

PROMPT = "judge.v1"

ENOUGH = 20
"""Decisions of the person from which the judge counts as measured."""

LEAST = 0.6
"""Kappa below which it is off."""

RUN = 6
"""Words in a row that an edit may not share with a text that it must not know."""

_RUBRIC = {
    "type": "object",
    "properties": {"meets": {"type": "boolean"}, "why": {"type": "string"}},
    "required": ["meets", "why"],
    "additionalProperties": False,
}
_CHOICE = {
    "type": "object",
    "properties": {
        "better": {"type": "string", "enum": ["first", "second", "neither"]},
        "why": {"type": "string"},
    },
    "required": ["better", "why"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the judge is heard, and why, for `status`."""

    on: bool
    why: str


def named(model: str) -> str:
    """The name under which a judge is measured. Another model, or other instructions, is another judge."""
    return f"{model}:{llm.versioned(PROMPT)}"


def standing(store: Store, judge: str) -> Standing:
    """How a judge (see `named`) has done so far."""
    said = [item for item in store.evaluations.opinions() if item.judge == judge]
    decided = [(item.approves, item.person) for item in said if item.person is not None]
    if len(decided) < ENOUGH:
        return Standing(True, f"judge not measured yet: {len(decided)} of {ENOUGH} decisions")
    share = sum(item.consistent for item in said) / len(said)
    swapped = f"the same in either order {share:.0%} of the time"
    found, latest = stats.kappa(decided), stats.kappa(decided[-ENOUGH:])
    if found is None or found.value < LEAST:
        why = f"judge off: {_told(found)} with your decisions, {LEAST} is asked for"
    elif latest is None or latest.value < LEAST:
        why = f"judge off: it drifted, {_told(latest)} over your last {ENOUGH} decisions"
    else:
        return Standing(True, f"judge on: {_told(found)} with your decisions, {swapped}")
    return Standing(False, f"{why}; {swapped}")


def _told(kappa: Kappa | None) -> str:
    if kappa is None:
        return "no agreement to measure"
    return f"kappa {kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f}, {kappa.n} decisions)"


def meets(door: Door, case: Case, answer: str, commands: Sequence[str], model: str) -> bool | None:
    """Whether an answer meets a case's rubric; None where the judge gave no usable answer."""
    data = {
        "requirement": case.expected.rubric,
        "situation": case.situation[-1].text,
        "answer": answer,
        "commands": list(commands),
    }
    request = llm.Request("rubric", model, llm.prompt("rubric.v1"), data, _RUBRIC)
    value = door.complete(request).value
    return None if value is None else bool(value["meets"])


def opinion(door: Door, store: Store, proposal: Proposal, old: str, new: str, model: str) -> Check:
    """Ask which text the person would want, in both orders, and remember it. A soft check: it can only demote."""
    useless = {"better": "neither", "why": "no usable answer"}
    asked = questions([item.quote for item in proposal.evidence], old, new, model)
    answers = [door.complete(request).value or useless for request in asked]
    wants_new = (answers[0]["better"] == "second", answers[1]["better"] == "first")
    consistent = {answers[0]["better"], answers[1]["better"]} in ({"first", "second"}, {"neither"})
    approves = all(wants_new)
    said = context.clean(" / ".join(answer["why"] for answer in answers), 600)
    store.evaluations.save_opinion(
        proposal.id, named(model), approves=approves, consistent=consistent, said=said
    )
    detail = "the judge would take it" if approves else "the judge would not take it"
    return Check(
        "judge", passed=approves, hard=False, detail=detail if consistent else "the judge could not decide"
    )


def questions(quotes: Iterable[str], old: str, new: str, model: str) -> list[Request]:
    """The two questions to the judge: the same texts in both orders."""
    prompt, told = llm.prompt(PROMPT), [" ".join(quote.split()) for quote in quotes]
    return [
        llm.Request("judge", model, prompt, {"words": told, "first": first, "second": second}, _CHOICE)
        for first, second in (
            (_around(old, new), _around(new, old)),
            (_around(new, old), _around(old, new)),
        )
    ]


def _around(text: str, other: str) -> str:
    """The lines of a text that the other does not have, with two lines around each, redacted."""
    theirs, lines = set(other.splitlines()), text.splitlines()
    spots = [n for n, line in enumerate(lines) if line not in theirs] or list(range(len(lines)))[-3:]
    near = sorted({m for n in spots for m in range(max(0, n - 2), min(len(lines), n + 3))})
    return context.clean("\n".join(lines[n] for n in near), 2000)


def transcribed(proposal: Proposal, hidden: Iterable[str], known: Iterable[str]) -> Check:
    """A hard check: no edit may carry over what only a judge or a check could have told.

    Args:
        proposal: The edits.
        hidden: What the drafter must not know: patterns and rubrics of cases, words of the judge.
        known: What it may know: the person's words, the skill's text.
    """
    open_text = "\n".join(known).casefold()
    allowed, secrets = _runs(open_text), [secret.casefold() for secret in hidden]
    for edit in proposal.edits:
        line = (edit.new or "").casefold()
        for secret in secrets:
            copied = (_runs(line) & _runs(secret)) - allowed
            whole = len(secret) >= 8 and secret in line and secret not in open_text
            if copied or whole:
                return Check(
                    "transcription", passed=False, detail="an edit repeats words of a check or of the judge"
                )
    return Check("transcription", passed=True, detail="no edit repeats words of a check or of the judge")


def _runs(text: str) -> set[tuple[str, ...]]:
    found = words.tokens(text)
    return {tuple(found[n : n + RUN]) for n in range(len(found) - RUN + 1)}


PROOF = frozenset({"transcription", "own case", "cases", "held-out cases", "judge", "second opinion"})
"""Checks that are made once, when a draft is made: a later look at the proposal shows them again."""


def proof_of(verdict: Verdict) -> tuple[Check, ...]:
    """What replaying and the judge once showed."""
    return tuple(check for check in verdict.checks if check.name in PROOF)


_ORDER = (Outcome.KEEP, Outcome.DEFER, Outcome.DISCARD, Outcome.CRASH)


def demoted(verdict: Verdict, checks: Iterable[Check], nano: int = 0) -> Verdict:
    """A verdict with further checks and what they cost. It can come out lower than before, never higher."""
    more = tuple(checks)
    failed = [check for check in more if not check.passed]
    worst = (
        Outcome.DISCARD if any(check.hard for check in failed) else Outcome.DEFER if failed else Outcome.KEEP
    )
    outcome = max(verdict.outcome, worst, key=_ORDER.index)
    return Verdict(outcome, verdict.checks + more, verdict.score, verdict.cost + nano / 1e9)
