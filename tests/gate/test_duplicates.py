"""A rule that is there is not added again."""

import pytest
from helpers.gate import SKILL, failed, insert, replaced

from skillloop.gate import duplicates
from skillloop.skills.document import LEARNED


@pytest.mark.parametrize(
    "line",
    [
        "Use tabs to align columns.",
        "use tabs to align columns",
        "Use the tabs to align columns",
        "Never print the customer's name",
    ],
)
def test_the_same_rule_is_refused_under_any_heading(line):
    assert failed(duplicates.check, "x", insert(line)) == {"repeat!"}
    assert failed(duplicates.check, "x", insert(line, heading=LEARNED)) == {"repeat!"}


@pytest.mark.parametrize(
    "line",
    [
        "Never use tabs to align columns",
        "Use spaces to align columns",
        "Always print a customer's name",
        "Put the unit in the footer.",
        "Cite the data warehouse last.",
    ],
)
def test_another_rule_about_the_same_is_not_a_repeat(line):
    assert failed(duplicates.check, "x", insert(line)) == set()


def test_figures_and_paths_make_a_difference():
    base = SKILL + "- Keep lines under 80 characters in src/a.py.\n"
    assert (
        failed(duplicates.check, "x", insert("Keep lines under 90 characters in src/a.py."), base=base)
        == set()
    )
    assert (
        failed(duplicates.check, "x", insert("Keep lines under 80 characters in src/b.py."), base=base)
        == set()
    )


def test_two_edits_of_one_proposal_do_not_repeat_each_other():
    assert failed(duplicates.check, "x", insert("Sort by date"), insert("sort by date")) == {"repeat!"}


def test_a_line_may_be_replaced_by_a_variant_of_itself():
    edit = replaced("- Use tabs to align columns.", "- Use tabs to align all columns.")
    assert failed(duplicates.check, "x", edit) == set()
