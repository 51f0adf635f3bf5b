"""The loop: propose, verify, keep or discard, log, repeat. It knows nothing of skills or GPUs.

A `Problem` says what a candidate is and how to judge it; a `Budget`, charged here and never by the problem, says
when to stop; a policy `(best, new) -> Decision` says which trial wins. `run` is a generator that yields each trial
*after* it is settled, so progress, logging and Ctrl-C belong to the caller: closing the generator between trials
loses nothing that was settled.

Invariants: higher scores are better; a verdict without a score is *unscored* and is never kept by comparison; one
failing candidate never ends the run (it becomes a trial with outcome CRASH); the problem cannot touch the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from skillloop.model import Decision, Outcome, Verdict

C = TypeVar("C")  # the candidate


@dataclass(frozen=True, slots=True)
class Trial(Generic[C]):
    """One candidate with its verdict and decision. `candidate` is None when proposing or verifying broke."""

    number: int  # 0 is the seed
    candidate: C | None
    verdict: Verdict
    decision: Decision


class Problem(Protocol[C]):
    """What the loop needs to know of a problem.

    `propose` returns None when there is nothing left to try. `settle` makes a decision real (apply, queue, drop)
    and returns the decision that truly came about, e.g. DEFER where the file had changed meanwhile. Both `verify`
    and `settle` may raise: the loop records a crash and goes on.
    """

    def seed(self) -> C | None:
        """The starting candidate, judged first as the baseline; None where there is none."""
        ...

    def propose(self, trials: Sequence[Trial[C]]) -> C | None:
        """The next candidate, given all trials so far."""
        ...

    def verify(self, candidate: C) -> Verdict:
        """Judge one candidate."""
        ...

    def settle(self, trial: Trial[C]) -> Decision:
        """Carry out the trial's decision and say what came of it."""
        ...


@dataclass(slots=True)
class Budget:
    """Limits on a run, charged by the loop. A limit of None does not bind."""

    trials: int | None = None
    cost: float | None = None  # in the unit of Verdict.cost
    spent_trials: int = field(default=0, init=False)
    spent_cost: float = field(default=0.0, init=False)

    def charge(self, verdict: Verdict) -> None:
        """Count one trial and what it cost."""
        self.spent_trials += 1
        self.spent_cost += verdict.cost

    @property
    def left(self) -> bool:
        """Whether another trial may start."""
        return (self.trials is None or self.spent_trials < self.trials) and (
            self.cost is None or self.spent_cost < self.cost
        )


def by_verdict(_best: Trial[C] | None, verdict: Verdict) -> Decision:
    """The policy of a problem whose verdict already decides: follow it, naming the first failed check."""
    failed = verdict.failed
    reason = f"{failed[0].name}: {failed[0].detail}" if failed else "every check passed"
    return Decision(verdict.outcome, reason)


def by_score(best: Trial[C] | None, verdict: Verdict) -> Decision:
    """The policy of a measured problem: keep what scores higher than the best so far, discard the rest."""
    if verdict.outcome is not Outcome.KEEP:
        return by_verdict(best, verdict)
    if verdict.score is None:
        return Decision(Outcome.DEFER, "unscored: nothing was measured")
    if best is None or best.verdict.score is None:
        return Decision(Outcome.KEEP, "the first score")
    gain = verdict.score - best.verdict.score
    return Decision(
        Outcome.KEEP if gain > 0 else Outcome.DISCARD, f"gain {gain:+.4g} over trial {best.number}"
    )


def run(
    problem: Problem[C],
    budget: Budget,
    policy: Callable[[Trial[C] | None, Verdict], Decision] = by_verdict,
) -> Iterator[Trial[C]]:
    """Yield settled trials until the problem has nothing to propose or the budget is spent.

    Raises:
        Exception: whatever `propose` or `seed` raises, since without them there is no run; errors of a single
            candidate in `verify` or `settle` are yielded as trials with outcome CRASH.
    """
    trials: list[Trial[C]] = []
    best: Trial[C] | None = None
    candidate = problem.seed()
    number = 0 if candidate is not None else 1  # 0 stays the seed's
    while budget.left:
        if candidate is None:
            candidate = problem.propose(trials)
        if candidate is None:
            return
        trial = _attempt(problem, number, candidate, best, policy)
        budget.charge(trial.verdict)
        trials.append(trial)
        if trial.decision.outcome is Outcome.KEEP:
            best = trial
        yield trial
        candidate, number = None, number + 1


def _attempt(
    problem: Problem[C],
    number: int,
    candidate: C,
    best: Trial[C] | None,
    policy: Callable[[Trial[C] | None, Verdict], Decision],
) -> Trial[C]:
    """Verify, decide and settle one candidate; an exception becomes a CRASH that keeps what was known."""
    verdict = Verdict(Outcome.CRASH, ())
    try:
        verdict = problem.verify(candidate)
        trial = Trial(number, candidate, verdict, policy(best, verdict))
        return replace(trial, decision=problem.settle(trial))
    except Exception as error:  # noqa: BLE001  (one bad candidate must not end the run)
        return Trial(number, candidate, verdict, Decision(Outcome.CRASH, f"{type(error).__name__}: {error}"))
