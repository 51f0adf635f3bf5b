"""What an operator is offered, what it makes of it, and the edits that lead there."""

import random

import pytest

from evolve.conftest import SKILL
from skillloop.config.sections import Config, Protect
from skillloop.evolve import texts
from skillloop.skills import document


def rules(text=SKILL, **protect):
    return texts.offered(text, Config(protect=Protect(**protect)))


def test_locked_and_protected_lines_are_never_offered():
    assert [item.line for item in rules()] == [9, 10, 11, 12, 13]
    assert [item.line for item in rules(lines=("Wrap the body at 72 columns.",), must_keep=("*main*",))] == [
        9,
        10,
        11,
    ]
    assert rules(headings=("Style",)) == []


def test_steps_and_items_of_several_lines_are_not_offered():
    text = SKILL.replace("72 columns.\n", "72 columns,\n  but not a link.\n")
    assert [item.line for item in rules(text)] == [9, 10, 11, 12]
    assert rules("---\nname: x\ndescription: y\n---\n\n1. Read the text.\n2. Read the text again.\n") == []


def test_a_rule_is_merged_only_into_one_that_says_all_of_it():
    (made,) = texts.merged(SKILL, rules())
    assert made.text == SKILL.replace("- Keep the subject under 72 characters.\n", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "Keep the subject under 72 characters.",
            "Keep the subject line under 50 characters, whatever it says.",
        ),
        ("Keep the subject short.", "Never keep the subject line short here."),
        ("Push to `main` after tests.", "Push to `dev` after tests pass."),
        ("Keep the subject under 72 characters.", "Keep only the subject line under 72 characters here."),
    ],
)
def test_rules_that_differ_in_a_figure_a_name_or_a_negation_are_not_merged(one, other):
    text = f"---\nname: x\ndescription: y\n---\n\n## Style\n\n- {one}\n- {other}\n"
    assert list(texts.merged(text, rules(text))) == []


def test_a_rule_is_shortened_by_what_says_nothing():
    (made,) = texts.shortened(SKILL, rules())
    assert made.text == SKILL.replace(
        "Remember to write the subject in the imperative mood, please.",
        "Write the subject in the imperative mood.",
    )


@pytest.mark.parametrize(
    "rule", ["Always cite the study.", "Never push, please ask.", "No tabs in Python files."]
)
def test_what_carries_meaning_stays(rule):
    text = f"---\nname: x\ndescription: y\n---\n\n## Style\n\n- {rule}\n"
    assert list(texts.shortened(text, rules(text))) == []


def test_edits_lead_to_every_text_that_the_operators_reach():
    drawn = random.Random(1)
    for _ in range(40):
        text = SKILL
        for turn in range(3):
            lines = {
                item.line: [
                    f"{item.marker}Rule {turn} {n} of {item.text}" for n in range(drawn.choice((0, 1, 2)))
                ]
                for item in drawn.sample(rules(text), min(2, len(rules(text))))
            }
            text = texts.changed(text, lines)
            edits = texts.edits_between(SKILL, text, {})
            assert document.apply(SKILL, edits) == text


def test_what_no_edit_of_an_item_can_do_has_none():
    assert texts.edits_between(SKILL, SKILL + "\nA paragraph.\n", {}) == ()


def test_an_edit_cites_what_its_rule_rests_on():
    cites = {"Keep the subject under 72 characters.": ("e1",), "Wrap the body at 72 columns.": ("e2",)}
    (merged,) = texts.merged(SKILL, rules())
    (edit,) = texts.edits_between(SKILL, merged.text, cites)
    assert (edit.op, edit.evidence) == ("delete", ("e1",))
