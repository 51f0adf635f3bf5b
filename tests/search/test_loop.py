"""The search over a toy problem: climb towards ten."""

import pytest

from skillloop.model import Decision, Outcome
from skillloop.search.ledger import Ledger
from skillloop.search.loop import Search, Stage


class Climb:
    """Candidates are numbers written out; the loss is what is missing to ten; `broken` raises when it is evaluated."""

    def __init__(self, steps, broken=(), baseline=0):
        self.steps, self.broken, self.baseline = [*steps], broken, str(baseline)
        self.committed, self.parents, self.stages = [], [], []

    def mutate(self, parent, archive):
        self.parents.append(parent)
        left = [str(step) for step in self.steps if str(step) not in archive.known]
        return left[0] if left else None

    def evaluate(self, candidate, stage):
        self.stages.append(stage)

        def wait():
            if int(candidate) in self.broken:
                raise ValueError("no such step")
            return 10.0 - int(candidate)

        return wait

    def accept(self, archive, _candidate, loss):
        """Keep what is lower than the best so far."""
        gain = 1.0 if archive.best is None else archive.mean(archive.best) - loss
        return Decision(Outcome.KEEP if gain > 0 else Outcome.DISCARD, f"gain {gain:+g}")

    def record(self, trial):
        parent = self.parents[-1] if self.parents else None
        return {"parent": parent, "loss": trial.result, "early": None, "spent": 1.0}

    def commit(self, trial):
        self.committed.append(trial.candidate)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.jsonl", "loss")


def search(problem, ledger, **options):
    return Search(problem, ledger, **{"baseline_runs": 1, "best_runs": 1} | options)


def outcomes(problem, ledger, **options):
    return [(row["number"], row["outcome"]) for row in search(problem, ledger, **options).run()]


def test_keeps_only_what_beats_the_best(ledger):
    assert outcomes(Climb([3, 2, 5]), ledger) == [(0, "keep"), (1, "keep"), (2, "discard"), (3, "keep")]
    assert ledger.archive().best == "5"
    assert [row["mean"] for row in ledger.trials] == [10, 7, 8, 5]


def test_one_broken_candidate_is_a_crash_and_the_run_goes_on(ledger):
    problem = Climb([3, 4], broken={3})
    assert outcomes(problem, ledger) == [(0, "keep"), (1, "crash"), (2, "keep")]
    assert ledger.trials[1]["reason"] == "ValueError: no such step"
    assert problem.committed == ["0", "3", "4"]


def test_a_baseline_that_breaks_ends_the_run_at_once_and_for_good(ledger):
    problem = Climb([3], broken={0})
    assert outcomes(problem, ledger, slots=3) == [(0, "crash")]
    assert outcomes(problem, ledger) == []


def test_the_limit_is_kept_outside_the_problem(ledger):
    assert len(outcomes(Climb(range(1, 100)), ledger, trials=3)) == 1 + 3


def test_what_was_spent_before_counts_when_a_search_goes_on(ledger):
    outcomes(Climb([1, 2, 3, 4]), ledger, trials=2)
    assert outcomes(Climb([1, 2, 3, 4]), ledger, trials=3) == [(3, "keep")]


def test_closing_the_generator_between_trials_keeps_what_was_decided(ledger):
    problem = Climb([1, 2, 3])
    rows = search(problem, ledger).run()
    next(rows), next(rows)
    rows.close()
    assert problem.committed == ["0", "1"]
    assert len(Ledger(ledger.path, "loss").trials) == 2


def test_ask_begins_and_tell_decides_the_oldest(ledger):
    begun = search(Climb([1, 2]), ledger)
    assert begun.ask() == ("0", Stage(0))
    assert begun.ask() is None, "the baseline is under way, and nothing is known yet"
    assert begun.tell(10.0)["outcome"] == "keep"
    assert begun.ask() == ("1", Stage(1))


def test_a_deferred_candidate_is_evaluated_again_after_the_best(ledger):
    class Unsure(Climb):
        def accept(self, archive, candidate, loss):
            if candidate == "0" or archive.attempts(candidate) == 2:
                return super().accept(archive, candidate, loss)
            return Decision(Outcome.DEFER, "measure again")

    rows = search(Unsure([1]), ledger, trials=1, baseline_runs=2, best_runs=3).run()
    assert [row["candidate"] for row in rows] == ["0", "0", "1", "0", "1", "1"]


def test_several_slots_ask_ahead_from_the_rows_that_one_slot_would_know(ledger, tmp_path):
    problem = Climb([1, 2, 3, 4])
    assert outcomes(problem, ledger, slots=2) == [(n, "keep") for n in range(5)]
    assert [stage.number for stage in problem.stages] == [0, 1, 2, 3, 4]
    parts = Ledger(tmp_path / "parts", "loss")
    while rows := outcomes(Climb([1, 2, 3, 4]), parts, slots=2, trials=len(parts.trials) + 1):
        assert rows
    assert [row["candidate"] for row in parts.trials] == [row["candidate"] for row in ledger.trials]
