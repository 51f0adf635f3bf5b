"""The generic loop over a toy problem: climb towards ten."""

from skillloop.model import Check, Decision, Outcome, Verdict
from skillloop.search import loop


class Climb:
    """Candidates are numbers, the score is the number itself; `broken` raises in verify."""

    def __init__(self, steps, broken=(), start=0):
        self.steps, self.broken, self.start = list(steps), broken, start
        self.settled = []

    def seed(self):
        return self.start

    def propose(self, trials):
        return self.steps.pop(0) if self.steps else None

    def verify(self, candidate):
        if candidate in self.broken:
            raise ValueError("no such step")
        return Verdict(Outcome.KEEP, (), score=float(candidate), cost=1.0)

    def settle(self, trial):
        self.settled.append(trial.candidate)
        return trial.decision


def outcomes(problem, budget=None, policy=loop.by_score):
    return [(t.number, t.decision.outcome.value) for t in loop.run(problem, budget or loop.Budget(), policy)]


def test_keeps_only_what_beats_the_best():
    assert outcomes(Climb([3, 2, 5])) == [(0, "keep"), (1, "keep"), (2, "discard"), (3, "keep")]


def test_one_broken_candidate_is_a_crash_and_the_run_goes_on():
    assert outcomes(Climb([3, 4], broken={3})) == [(0, "keep"), (1, "crash"), (2, "keep")]


def test_the_budget_is_charged_outside_the_problem():
    assert len(outcomes(Climb(range(100)), loop.Budget(trials=4))) == 4
    assert len(outcomes(Climb(range(100)), loop.Budget(cost=2.5))) == 3


def test_closing_the_generator_between_trials_keeps_what_was_settled():
    problem = Climb([1, 2, 3])
    trials = loop.run(problem, loop.Budget(), loop.by_score)
    next(trials), next(trials)
    trials.close()
    assert problem.settled == [0, 1]


def test_unscored_is_never_kept_by_comparison():
    assert loop.by_score(None, Verdict(Outcome.KEEP, ())).outcome is Outcome.DEFER


def test_without_a_seed_numbers_start_at_one():
    assert [n for n, _ in outcomes(Climb([7], start=None))] == [1]


def test_settle_may_change_the_decision():
    class Moved(Climb):
        def settle(self, trial):
            return Decision(Outcome.DEFER, "the file changed meanwhile")

    assert outcomes(Moved([])) == [(0, "defer")]


def test_by_verdict_names_the_hard_failure_first():
    verdict = Verdict(
        Outcome.DISCARD,
        (Check("budget", passed=False, hard=False, detail="b"), Check("sources", passed=False, detail="a")),
    )
    assert loop.by_verdict(None, verdict) == Decision(Outcome.DISCARD, "sources: a")
