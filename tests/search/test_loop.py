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

    def record(self, trial):
        return {
            "parent": self.parents[-1] if self.parents else None,
            "loss": trial.result,
            "early": None,
            "spent": 1.0,
        }

    def commit(self, trial):
        self.committed.append(trial.candidate)


def lower(archive, _candidate, loss):
    """Keep what is lower than the best so far."""
    gain = 1.0 if archive.best is None else archive.mean(archive.best) - loss
    return Decision(Outcome.KEEP if gain > 0 else Outcome.DISCARD, f"gain {gain:+g}")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.jsonl", "loss")


def outcomes(problem, ledger, accept=lower, **options):
    return [(row["number"], row["outcome"]) for row in Search(problem, ledger, accept, **options).run()]


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
    rows = Search(problem, ledger, lower).run()
    next(rows), next(rows)
    rows.close()
    assert problem.committed == ["0", "1"]
    assert len(Ledger(ledger.path, "loss").trials) == 2


def test_ask_begins_and_tell_decides_the_oldest(ledger):
    search = Search(Climb([1, 2]), ledger, lower)
    assert search.ask() == ("0", Stage(0))
    assert search.ask() is None, "the baseline is under way, and nothing is known yet"
    assert search.tell(10.0)["outcome"] == "keep"
    assert search.ask() == ("1", Stage(1))


def test_a_deferred_candidate_is_evaluated_again_after_the_best(ledger):
    def accept(archive, candidate, loss):
        if candidate == "0" or archive.attempts(candidate) == 2:
            return lower(archive, candidate, loss)
        return Decision(Outcome.DEFER, "measure again")

    options = {"baseline_runs": 2, "best_runs": 3}
    assert [row["candidate"] for row in Search(Climb([1]), ledger, accept, trials=1, **options).run()] == [
        "0",
        "0",
        "1",
        "0",
        "1",
        "1",
    ]


def test_several_slots_ask_ahead_from_the_rows_that_one_slot_would_know(ledger, tmp_path):
    problem = Climb([1, 2, 3, 4])
    assert outcomes(problem, ledger, slots=2) == [(n, "keep") for n in range(5)]
    assert [stage.number for stage in problem.stages] == [0, 1, 2, 3, 4]
    parts = Ledger(tmp_path / "parts", "loss")
    while rows := outcomes(Climb([1, 2, 3, 4]), parts, slots=2, trials=len(parts.trials) + 1):
        assert rows
    assert [row["candidate"] for row in parts.trials] == [row["candidate"] for row in ledger.trials]
