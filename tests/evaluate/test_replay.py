"""Replay: an edit counts when its own case flips and nothing else falls. The known holes of other gates are here."""

import json
import random

import pytest
from helpers.models import HIDDEN, OWN, SEEN, proposal
from transcripts import SKILL

from skillloop.evaluate import cases, judge, replay
from skillloop.evaluate.cases import Expected
from skillloop.evaluate.replay import ProposedChange, Runs
from skillloop.model import Check, Outcome, Verdict
from skillloop.store import Store

N = 8


def prove(play, everything=None, n=N, tried=1, store=None):
    everything = (OWN, *SEEN, *HIDDEN) if everything is None else everything
    return list(
        replay.prove(play, ProposedChange(proposal(), OWN, tuple(everything), "old", "new", n, tried), store)
    )


def mark(passed):
    return "meets" if passed else "fails"


def accepted(checks):
    return all(check.passed for check in checks)


def table(**chances):
    """Runs that pass as often as said: by case id (c0 is its own case) a pair for the old and the new text."""

    def play(which, text, sample):
        old, new = chances.get(which.id, (1.0, 1.0))
        return mark(sample < N * (old if text == "old" else new))

    return play


FLIP = {"c0": (0.0, 1.0)}


def test_a_flip_that_harms_nothing_is_accepted():
    assert accepted(prove(table(**FLIP)))


def test_no_flip_is_no_gain_and_the_rest_is_not_even_run():
    asked = []

    def play(which, text, sample):
        asked.append(which.id)
        return "fails"

    assert not accepted(prove(play))
    assert asked == ["c0"] * 2 * (N - 4), "after four ties, four wins would not be enough"


def test_the_mean_goes_up_while_one_case_falls_and_it_is_not_accepted():
    better = {item.id: (0.5, 1.0) for item in SEEN[1:]}
    checks = prove(table(**FLIP, **better, **{SEEN[0].id: (1.0, 0.0)}))
    assert not accepted(checks)
    assert [check.hard for check in checks if not check.passed] == [True]
    assert SEEN[0].id in next(check.detail for check in checks if not check.passed)


@pytest.mark.parametrize("after", [0.25, 0.5, 0.75])
def test_a_case_that_gets_a_little_worse_is_left_to_a_person(after):
    checks = prove(table(**FLIP, **{SEEN[2].id: (1.0, after)}))
    assert not accepted(checks)


def test_a_held_out_case_that_falls_is_seen():
    checks = prove(table(**FLIP, **{HIDDEN[1].id: (1.0, 0.0)}))
    assert [check.name for check in checks if not check.passed] == ["held-out cases"]


def test_without_held_out_cases_it_is_unscored_and_never_checked_against_the_others_instead():
    checks = prove(table(**FLIP), everything=(OWN, *SEEN))
    (failed,) = [check for check in checks if not check.passed]
    assert "unscored" in failed.detail
    assert not failed.hard


def test_alone_it_is_unscored():
    assert not accepted(prove(table(**FLIP), everything=(OWN,)))


@pytest.mark.parametrize(("n", "tried"), [(0, 1), (1, 1), (4, 1), (5, 2), (6, 4)])
def test_too_few_runs_to_ever_tell_are_said_before_any_is_made(n, tried):
    def play(*_):
        raise AssertionError

    (check,) = prove(play, n=n, tried=tried)
    assert "can never tell a gain from luck" in check.detail


def test_a_run_that_cannot_be_scored_makes_it_unscored():
    (check,) = prove(lambda *_: None)
    assert "unscored" in check.detail


def test_runs_to_which_a_case_does_not_apply_say_nothing():
    def play(which, text, sample):
        if which is OWN and sample % 2:
            return "does not apply"
        return mark(which is not OWN or text == "new")

    failed = [check for check in prove(play) if not check.passed]
    assert [check.detail for check in failed] == [
        "its own case: 0 → 4 of 4 runs pass, chance 0.062: no gain beyond luck"
    ]
    assert accepted(prove(play, n=12))


def test_every_look_at_the_held_out_cases_is_counted_and_wears_them_out(home):
    with Store.open(home) as store:
        for look in range(replay.LOOKS):
            assert accepted(prove(table(**FLIP), store=store)), look
        assert "prove little" in prove(table(**FLIP), store=store)[-1].detail
        assert store.evaluations.read_held_out("/nowhere/skills/x/SKILL.md", "p") == replay.LOOKS + 2


@pytest.mark.parametrize("chance", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("n", [5, 8, 12])
def test_of_500_candidates_of_pure_noise_at_most_5_percent_are_accepted(chance, n):
    rng = random.Random(f"{chance} {n}")
    play = lambda *_: mark(rng.random() < chance)  # noqa: E731
    kept = sum(accepted(prove(play, everything=(OWN, HIDDEN[0]), n=n)) for _ in range(500))
    assert kept <= 25


def test_many_tries_for_one_lesson_do_not_wear_luck_down():
    rng = random.Random(5)
    play = lambda *_: mark(rng.random() < 0.5)  # noqa: E731
    lucky = 0
    for _ in range(500):
        attempts = (prove(play, everything=(OWN, HIDDEN[0]), n=12, tried=tried) for tried in range(1, 11))
        lucky += any(accepted(checks) for checks in attempts)
    assert lucky <= 25 + 15, "the sum over tries of 0.05 / tried is 0.15 in ten tries at the most"


def test_a_replay_never_sees_the_check():
    secret = Expected(contains=("Quux-17",), absent=("zork",), rubric="must mention the grue")
    hidden = cases.Case(
        "c9", "/nowhere/skills/x/SKILL.md", "s", OWN.situation, "you forgot the frobnicator", secret
    )
    sent = json.dumps(replay.request(hidden, SKILL, "m", 0).message)
    assert not any(word in sent for word in ("Quux", "zork", "grue", "frobnicator"))


def test_both_texts_are_run_with_the_same_samples_and_the_old_one_is_asked_once():
    keys = {replay.request(OWN, "old", "m", sample).key for sample in (0, 0, 1)}
    assert len(keys) == 2


def test_runs_are_compared_in_pairs():
    runs = Runs((False, False, True, True), (True, False, True, False))
    assert (runs.wins, runs.losses, replay.gain(runs, 1.0).passed) == (1, 1, False)


@pytest.mark.parametrize(
    ("wins", "losses", "chance"), [(0, 0, 1.0), (5, 0, 1 / 32), (4, 0, 1 / 16), (8, 2, 56 / 1024)]
)
def test_the_sign_test_is_exact(wins, losses, chance):
    assert replay.sign_test(wins, losses) == pytest.approx(chance)


def test_five_runs_are_the_least_for_five_percent():
    assert replay.least_runs(0.05) == 5
    assert replay.sign_test(5, 0) <= 0.05 < replay.sign_test(4, 0)


def test_a_score_of_1_with_a_failed_check_stays_failed():
    verdict = Verdict(Outcome.DISCARD, (Check("sources", passed=False),))
    more = [Check("own case", passed=True), Check("judge", passed=True, hard=False)]
    assert judge.demoted(verdict, more).outcome is Outcome.DISCARD
