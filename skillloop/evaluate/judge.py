"""The judge: a model whose opinion is measured before it counts, and that can only lower a verdict.

How far it agrees with what the person approved and rejected is measured by Cohen's kappa. Below 0.6, over all decisions or
over the latest ones (drift), it is switched off. It sees two texts without knowing which is the new one, in both
orders; if it changes its mind with the order, it has none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from skillloop import llm
from skillloop.evaluate.cases import Case
from skillloop.llm import ModelClient, Request
from skillloop.model import Check, Outcome, Proposal, Verdict
from skillloop.store import Store
from skillloop.text import redact, words

PROMPT = "judge.v1"

ENOUGH = 20  # decisions of the person from which the judge counts as measured
LEAST = 0.6  # kappa below which it is off
RUN = 6  # words in a row that an edit may not share with a text that it must not know

PROOF = frozenset({"transcription", "own case", "cases", "held-out cases", "judge"})
"""Checks that are made once, when a draft is made: a later look at the proposal shows them again."""

_ORDER = (Outcome.KEEP, Outcome.DEFER, Outcome.DISCARD, Outcome.CRASH)
_RUBRIC = llm.schema(
    answer={"type": "string", "enum": ["meets", "fails", "does not apply"]}, why={"type": "string"}
)
_CHOICE = llm.schema(
    better={"type": "string", "enum": ["first", "second", "neither"]}, why={"type": "string"}
)

Mark = Literal["meets", "fails", "does not apply"]  # what one run of a case came to


def judge_id(model: str) -> str:
    """Return the name under which a judge is measured. Another model, or other instructions, is another judge."""
    return f"{model}:{llm.versioned(PROMPT)}"


def status(store: Store, model: str) -> tuple[bool, str]:
    """Measure how well this model judged so far: return whether it is heard, and why, for a person."""
    opinions = [item for item in store.evaluations.opinions() if item.judge == judge_id(model)]
    decided = [(item.approves, item.person) for item in opinions if item.person is not None]
    if len(decided) < ENOUGH:
        return True, f"judge not measured yet: {len(decided)} of {ENOUGH} decisions"
    share = sum(item.consistent for item in opinions) / len(opinions)
    swapped = f"the same in either order {share:.0%} of the time"
    overall, latest = kappa(decided), kappa(decided[-ENOUGH:])
    none = "no agreement to measure"
    if overall is None or overall.value < LEAST:
        why = f"judge off: {overall or none} with your decisions, {LEAST} is required"
    elif latest is None or latest.value < LEAST:
        why = f"judge off: it drifted, {latest or none} over your last {ENOUGH} decisions"
    else:
        return True, f"judge on: {overall} with your decisions, {swapped}"
    return False, f"{why}; {swapped}"


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond chance of two raters who say yes or no, with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"kappa {self.value:.2f} ({self.low:.2f} to {self.high:.2f}, {self.n} decisions)"


def kappa(pairs: Iterable[tuple[bool, bool]]) -> Kappa | None:
    """Return Cohen's kappa (Cohen 1960, doi:10.1177/001316446002000104) with its large-sample interval.

    None where it is not defined: no pairs, or both raters always said the same one thing.
    """
    rated = list(pairs)
    n = len(rated)
    if not n:
        return None
    observed = sum(a == b for a, b in rated) / n
    first, second = (sum(pair[i] for pair in rated) / n for i in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    if chance >= 1:
        return None
    value = (observed - chance) / (1 - chance)
    error = 1.96 * math.sqrt(observed * (1 - observed) / n) / (1 - chance)
    return Kappa(value, max(-1.0, value - error), min(1.0, value + error), n)


def meets(client: ModelClient, case: Case, answer: str, commands: Sequence[str], model: str) -> Mark | None:
    """Ask whether an answer meets a case's rubric; None where the judge gave no usable answer."""
    data = {
        "requirement": case.expected.rubric,
        "situation": case.situation[-1].text,
        "answer": answer,
        "commands": list(commands),
    }
    value = client.complete(Request("rubric", model, llm.prompt("rubric.v2"), data, _RUBRIC)).value
    return None if value is None else value["answer"]


def opinion(client: ModelClient, store: Store, proposal: Proposal, old: str, new: str, model: str) -> Check:
    """Ask which text the person would want, in both orders, and remember it. A soft check: it can only demote."""
    useless = {"better": "neither", "why": "no usable answer"}
    questions = requests([item.quote for item in proposal.evidence], old, new, model)
    answers = [client.complete(request).value or useless for request in questions]
    choices = [answer["better"] for answer in answers]
    consistent, approves = set(choices) in ({"first", "second"}, {"neither"}), choices == ["second", "first"]
    said = redact.clean(" / ".join(answer["why"] for answer in answers), 600)
    store.evaluations.save_opinion(
        proposal.id, judge_id(model), approves=approves, consistent=consistent, said=said
    )
    detail = "the judge would take it" if approves else "the judge would not take it"
    detail = detail if consistent else "the judge could not decide"
    return Check("judge", passed=approves, hard=False, detail=detail)


def requests(quotes: Iterable[str], old: str, new: str, model: str) -> list[Request]:
    """Return the two questions to the judge: the same texts in both orders."""
    prompt, said = llm.prompt(PROMPT), [" ".join(quote.split()) for quote in quotes]
    before, after = _changed(old, new), _changed(new, old)
    return [
        Request("judge", model, prompt, {"words": said, "first": first, "second": second}, _CHOICE)
        for first, second in ((before, after), (after, before))
    ]


def _changed(text: str, other: str) -> str:
    """Return the lines of a text that the other does not have, with two lines around each, redacted."""
    theirs, lines = set(other.splitlines()), text.splitlines()
    spots = [n for n, line in enumerate(lines) if line not in theirs] or list(range(len(lines)))[-3:]
    near = sorted({m for n in spots for m in range(max(0, n - 2), min(len(lines), n + 3))})
    return redact.clean("\n".join(lines[n] for n in near), 2000)


def copies_hidden_answer(proposal: Proposal, hidden: Iterable[str], known: Iterable[str]) -> Check:
    """Check that no edit carries over what only a judge or a check could have told. A hard check.

    The drafter must not know what is `hidden` (patterns and rubrics of cases, words of the judge); it may know the person's
    words and the skill's text (`known`).
    """
    open_text, lines = "\n".join(known).casefold(), [(edit.new or "").casefold() for edit in proposal.edits]
    allowed = _runs(open_text)
    for secret in map(str.casefold, hidden):
        for line in lines:
            copied = (_runs(line) & _runs(secret)) - allowed
            if copied or (len(secret) >= 8 and secret in line and secret not in open_text):
                detail = "an edit repeats words of a check or of the judge"
                return Check("transcription", passed=False, detail=detail)
    return Check("transcription", passed=True, detail="no edit repeats words of a check or of the judge")


def _runs(text: str) -> set[tuple[str, ...]]:
    tokens = words.tokens(text)
    return {tuple(tokens[n : n + RUN]) for n in range(len(tokens) - RUN + 1)}


def proof_of(verdict: Verdict) -> tuple[Check, ...]:
    """Return what replaying and the judge once showed."""
    return tuple(check for check in verdict.checks if check.name in PROOF)


def demoted(verdict: Verdict, checks: Iterable[Check], nano: int = 0) -> Verdict:
    """Return a verdict with further checks and what they cost. It can come out lower than before, never higher."""
    more = tuple(checks)
    failed = [Outcome.DISCARD if check.hard else Outcome.DEFER for check in more if not check.passed]
    outcome = max((verdict.outcome, *failed), key=_ORDER.index)
    return Verdict(outcome, verdict.checks + more, verdict.score, verdict.cost + nano / 1e9)
