"""The search: ask for a candidate, evaluate it, accept or discard it, record it, repeat. It knows nothing of GPUs or skills.

The limit of trials is kept here and never by the problem; what is under way or deferred when it is reached is still decided.
A deferred candidate is evaluated again, after a fresh evaluation of the best beside it, until the problem decides.

What is asked next is a pure function of the ledger's rows, so that a search that was killed goes on as if it had not been.
With several slots trial N is asked for from the rows before N - slots + 1, whatever is known by then, so that the order of
events does not depend on speed. Invariants: an evaluation that breaks never ends the search (its outcome is CRASH); a trial's
row is on the disk before it is committed, yielded, or another one is asked for, so that closing `run` between trials loses
nothing; a search whose baseline was not measured ends at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from skillloop.model import Decision, Outcome
from skillloop.search import significance
from skillloop.search.ledger import Archive, Ledger, Row, draw_parent

R = TypeVar("R")  # what an evaluation comes to


class Stage(NamedTuple):
    """Where in the search an evaluation stands."""

    number: int  # of its trial; 0 is the baseline's first
    limit: float | None = None  # a first stage that comes to more than this ends the trial


class Trial(NamedTuple, Generic[R]):
    """One evaluation of a candidate, decided. `result` is None where the evaluation broke."""

    number: int
    candidate: str
    result: R | None
    decision: Decision


class Problem(Protocol[R]):
    """How a candidate is made, evaluated and decided. Candidates are known to the search by the ids of their content alone."""

    baseline: str

    def mutate(self, parent: str, archive: Archive) -> str | None:
        """Return a new candidate, made from the parent drawn for it or another; None where none is left to try."""
        ...

    def evaluate(self, candidate: str, stage: Stage) -> Callable[[], R]:
        """Begin to evaluate; the function returned waits for the end. What it raises is a crash of the candidate."""
        ...

    def accept(self, archive: Archive, candidate: str, result: R) -> Decision:
        """Decide a candidate's new result, beside all results before."""
        ...

    def record(self, trial: Trial[R]) -> Row:
        """Return the problem's part of the trial's row (see `ledger`): its metric, `parent`, `early`, `spent` and more."""
        ...

    def commit(self, trial: Trial[R]) -> None:
        """Make the decision real: make it the best, drop it, tidy up. Its row is on the disk already."""
        ...


@dataclass(slots=True)
class Search(Generic[R]):
    """Ask and tell over a ledger."""

    problem: Problem[R]
    ledger: Ledger
    trials: int | None = None  # candidates beside the baseline, at most; repeats do not count
    seed: int = 0  # of all draws
    slots: int = 1  # evaluations at once
    draw: Callable[[Archive, str], str] = draw_parent  # a parent, by a key that seeds it
    ends: tuple[type[Exception], ...] = ()  # raised by an evaluation, they end the search
    baseline_runs: int = significance.BASELINE  # at least
    best_runs: int = significance.REFRESH  # at most, beside candidates that were deferred
    under_way: list[tuple[str, Stage]] = field(default_factory=list, init=False)

    def ask(self) -> tuple[str, Stage] | None:
        """Return the next candidate and its stage, from now on under way; None where there is none yet, or no more."""
        trials = len(self.ledger.trials)
        number = trials + len(self.under_way)
        archive = self._as_of(max(0, number - self.slots + 1))
        candidate = self._next(archive)
        if candidate is None and not self.under_way:
            candidate = self._next(self._as_of(trials))  # nothing is under way: all rows may be known
        if candidate is None:
            return None
        self.under_way.append((candidate, Stage(number, archive.stage_limit())))
        return self.under_way[-1]

    def tell(self, result: R | Exception) -> Row:
        """Decide the oldest trial under way by its result, record and commit it, and return its row."""
        candidate, stage = self.under_way.pop(0)
        archive = self.ledger.archive()
        if isinstance(result, Exception):
            decision = Decision(Outcome.CRASH, f"{type(result).__name__}: {result}")
            trial: Trial[R] = Trial(stage.number, candidate, None, decision)
        else:
            decision = self.problem.accept(archive, candidate, result)
            trial = Trial(stage.number, candidate, result, decision)
        record = self.problem.record(trial)
        value, values = record[self.ledger.metric], list(archive.runs.get(candidate, ()))
        if value is not None:
            values.append(value)
        row = {
            "event": "trial",
            "number": stage.number,
            "candidate": candidate,
            "outcome": trial.decision.outcome.value,
            "reason": trial.decision.reason,
            **record,
            "mean": sum(values) / len(values) if value is not None else None,
            "runs": len(values),
        }
        self.ledger.append(row)
        self.problem.commit(trial)
        return row

    def run(self) -> Iterator[Row]:
        """Yield the rows of trials as they are decided, until nothing is left to try or the budget is spent."""
        waits: list[Callable[[], R]] = []
        while not self.ledger.trials or self.ledger.archive().best is not None:
            while len(waits) < self.slots and (asked := self.ask()) is not None:
                waits.append(self.problem.evaluate(*asked))
            if not waits:
                return
            try:
                result: R | Exception = waits.pop(0)()
            except self.ends:
                raise
            except Exception as error:  # noqa: BLE001  (one bad candidate must not end the search)
                result = error
            yield self.tell(result)

    def _as_of(self, known: int) -> Archive:
        """Return what the first `known` trials say; those after them count as under way."""
        begun = [row["candidate"] for row in self.ledger.trials[known:]]
        return self.ledger.archive(known, begun + [candidate for candidate, _ in self.under_way])

    def _next(self, archive: Archive) -> str | None:
        """Choose by what is known: the baseline's repeats, what was deferred, else something new."""
        if archive.attempts(self.problem.baseline) < self.baseline_runs:
            return self.problem.baseline
        if archive.best is None:  # its first run is still under way
            return None
        if (waiting := archive.deferred()) is not None:
            stale = not archive.refreshed(waiting) and archive.attempts(archive.best) < self.best_runs
            return archive.best if stale else waiting
        if self.trials is not None and len(archive.known - {archive.baseline}) >= self.trials:
            return None
        return self.problem.mutate(self.draw(archive, f"{self.seed}:{archive.number}"), archive)
