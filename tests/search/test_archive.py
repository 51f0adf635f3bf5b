"""The archive: what the trials say together."""

import pytest
from helpers.experiments import archive, row

from skillloop.search.ledger import draw_parent


def test_parents_are_drawn_by_score_and_by_how_little_was_made_of_them():
    rows = [
        row("a", 1.0),
        row("b", 0.99),
        *(row(f"c{i}", 1.1, outcome="discard", parent="b") for i in range(9)),
    ]
    drawn = [draw_parent(archive(rows), str(key)) for key in range(400)]
    assert 0.6 < drawn.count("a") / 400 < 0.95  # e^-1 against 1/10
    assert draw_parent(archive(rows), "x") == draw_parent(archive(rows), "x")


def test_a_failed_repeat_does_not_unmake_what_was_kept():
    rows = [row("a", 1.0), row("a", None, outcome="crash"), row("b", None, outcome="crash")]
    found = archive(rows)
    assert found.last["a"] is rows[0]
    assert (found.best, found.kept, found.known) == ("a", ["a"], {"a", "b"})
    assert found.attempts("a") == 2


def test_the_limit_of_a_first_stage_needs_three_of_the_baseline():
    rows = [row("a", 1.0) | {"early": early} for early in (2.0, 2.1, 1.9)]
    assert archive(rows[:2]).stage_limit() is None
    assert archive(rows).stage_limit() == pytest.approx(2.4)


def test_what_is_deferred_waits_until_it_is_measured_again_and_the_best_is_refreshed_before():
    rows = [row("a", 1.0), row("b", 0.9, outcome="defer", parent="a")]
    found = archive(rows)
    assert (found.deferred(), found.refreshed("b")) == ("b", False)
    assert archive([*rows, row("a", 1.0)]).refreshed("b")
