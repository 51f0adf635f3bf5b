"""The offline drafter: the person's own words as one line, where it belongs."""

import pytest

from skillloop.model import Evidence, Lesson, Origin, SkillRef
from skillloop.propose import offline_drafter
from skillloop.propose.offline_drafter import Recurrence
from skillloop.skills import document
from skillloop.skills.document import LEARNED

PATH = "/skills/report/SKILL.md"
SKILL = """---
name: report
description: Write a report.
---

# Report

## Steps

1. Collect the numbers.
2. Write the summary.

## Figures and tables

- Use tabs to align columns.
- Put the unit in the header of each table column.
- Keep figures under 80 characters wide.

## Tone

- Never use exclamation marks.
"""


def said(lesson, text=SKILL, **keywords):
    evidence = Evidence("e1", "s1", "/t.jsonl", 7, "u1", lesson, Origin.TYPED)
    found = Lesson(evidence, lesson, 0.9, True, 0.9, 3, SkillRef("report", PATH), target=PATH)
    return offline_drafter.draft(found, text, PATH, **keywords)


def edit(lesson, **keywords):
    proposal = said(lesson, **keywords)
    assert not isinstance(proposal, Recurrence), proposal
    return proposal.edits[0]


def test_a_lesson_goes_to_the_list_it_fits():
    found = edit("Always sort the table by its first column")
    assert (found.op, found.heading, found.new) == (
        "insert",
        "Figures and tables",
        "- Always sort the table by its first column",
    )


def test_a_lesson_that_fits_nowhere_goes_to_the_learned_rules():
    assert edit("Ask before you delete a branch").heading == LEARNED


def test_numbered_steps_are_no_list_of_rules():
    assert edit("Always collect the numbers and write the summary twice").heading != "Steps"


@pytest.mark.parametrize(
    "lesson",
    [
        "Never use exclamation marks",
        "never use exclamation marks!",
        "Put the unit in the header of each table column.",
    ],
)
def test_a_rule_that_is_there_is_a_recurrence(lesson):
    found = said(lesson)
    assert isinstance(found, Recurrence)
    assert SKILL.splitlines()[found.line - 1].endswith(found.rule)


@pytest.mark.parametrize(
    ("lesson", "old"),
    [
        ("Never use tabs to align; use spaces", "- Use tabs to align columns."),
        ("Use spaces instead of tabs to align columns", "- Use tabs to align columns."),
        ("Keep figures under 100 characters wide", "- Keep figures under 80 characters wide."),
        ("Use exclamation marks", "- Never use exclamation marks."),
    ],
)
def test_a_rule_that_the_lesson_contradicts_is_replaced(lesson, old):
    found = edit(lesson)
    assert (found.op, found.old, found.new) == ("replace", old, "- " + lesson)


def test_a_ban_on_a_part_of_what_a_line_lists_leaves_the_line():
    text = SKILL + "\n## Menus\n\n- Comment on spices, prices and allergens.\n"
    assert said("Don't comment on spices", text).edits[0].op == "insert"
    assert (
        said("Don't comment on spices", text.replace(", prices and allergens", "")).edits[0].op == "replace"
    )


def test_protected_headings_are_avoided():
    assert edit("Always sort the table by its first column", avoid=["figures and tables"]).heading == LEARNED


def test_the_id_depends_on_the_edit_and_the_evidence_not_on_the_base():
    one, other = (
        said("Ask before you delete a branch"),
        said("Ask before you delete a branch", SKILL + "\nMore.\n"),
    )
    assert one.id == other.id
    assert one.base != other.base


def test_the_edit_applies():
    proposal = said("Always sort the table by its first column")
    new = document.apply(SKILL, proposal.edits)
    assert len(new.splitlines()) == len(SKILL.splitlines()) + 1
