"""Whether a person says a rule again, in other words."""

import sys
from pathlib import Path

import pytest

from skillloop.text.wishes import same_wish

sys.path.append(str(Path(__file__).parents[1] / "bench"))

from recurrences import halves, measured

RULE = "Indent with spaces, never with tabs."


@pytest.mark.parametrize(
    "saying",
    ["seriously, tabs again? spaces please", "I said spaces, not tabs", "no tabs, indent with spaces"],
)
def test_a_rule_is_known_in_other_words_and_the_other_way_round(saying):
    assert same_wish(saying, RULE)


@pytest.mark.parametrize(
    "saying",
    ["use tabs here, not spaces", "indent with tabs", "put a space after the colon in each table", ""],
)
def test_the_opposite_and_something_else_is_another_wish(saying):
    assert not same_wish(saying, RULE)


def test_another_figure_is_another_wish():
    assert same_wish("three sentences for the summary!", "Limit summaries to three sentences.")
    assert not same_wish("five sentences for the summary!", "Limit summaries to three sentences.")


@pytest.mark.parametrize(("half", "precision", "recall"), [("dev", 0.95, 0.8), ("held out", 0.9, 0.7)])
def test_pairs_in_many_languages_are_told_apart(half, precision, recall):
    found = measured(halves()[half])
    assert found["precision"] >= precision
    assert found["recall"] >= recall
