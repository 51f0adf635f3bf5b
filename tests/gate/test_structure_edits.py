"""A draft is a few edits of single lines, and they lead to the text that is judged."""

from dataclasses import replace

import pytest
from helpers.gate import SKILL, case, deleted, failed, insert, replaced

from skillloop.gate import structure
from skillloop.model import Edit
from skillloop.skills.document import LEARNED

SAID = "whatever"
TABS = "- Use tabs to align columns."


@pytest.mark.parametrize(
    "edit",
    [
        insert("Sort by date"),
        insert("Sort by date", heading=LEARNED),
        insert("Sort by date", marker="* "),
        replaced(TABS, "- Use spaces to align columns."),
        deleted(TABS),
        replaced("1. Collect the numbers.", "1. Collect all numbers.", "Steps"),
    ],
)
def test_edits_of_one_line_pass(edit):
    assert failed(structure.edits, SAID, edit) == set()


@pytest.mark.parametrize(
    "edit",
    [
        Edit("append", "Style", new="- x"),
        Edit("insert", "Style"),
        Edit("insert", "Style", old=TABS, new="- x"),
        Edit("replace", "Style", new="- x"),
        Edit("delete", "Style", old=TABS, new="- x"),
        insert("x", heading="Nowhere"),
        insert("no list item", marker=""),
        replaced(TABS, "Use spaces."),
        replaced(TABS, "1. Use spaces."),
        replaced("- not there", "- x"),
        deleted("---"),
        deleted("name: report", heading=None),
        replaced("## Style", "## Free for all"),
        insert("two\n- lines"),
        insert("two\r- lines"),
        insert("two\u2028lines"),
        insert("a bell \x07"),
        insert("x" * 600),
        insert("   "),
        insert("# A heading"),
        insert("```sh"),
        insert("---"),
        insert("> quote"),
        insert("<b>"),
        insert("| a | b |"),
        insert("[x]: http://example.com"),
    ],
)
def test_anything_else_is_refused(edit):
    assert failed(structure.edits, SAID, edit) == {"edits!"}


def test_the_edits_must_lead_to_the_text_that_is_judged():
    text = SKILL + "- Something nobody edited.\n"
    assert failed(structure.edits, SAID, insert("Sort by date"), text=text) == {"edits!"}
    assert failed(structure.edits, SAID, insert("Sort by date"), text=SKILL) == {"edits!"}


def test_a_draft_on_another_text_is_refused():
    proposal, inputs = case(SAID, insert("Sort by date"))
    assert not structure.edits(replace(proposal, base="0" * 64), inputs).passed


def test_a_line_that_stands_twice_cannot_be_meant():
    base = SKILL.replace("## Sources", f"{TABS}\n\n## Sources")
    assert failed(structure.edits, SAID, deleted(TABS), base=base) == {"edits!"}


def test_no_edit_at_all_is_refused():
    assert failed(structure.edits, SAID) == {"edits!"}
