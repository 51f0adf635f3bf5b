"""A line may not be put where its meaning is turned round, nor where it stands already."""

import pytest
from helpers.gate import SKILL, failed, insert, judged, replaced

from skillloop.config.sections import Config
from skillloop.gate import placement
from skillloop.model import Outcome
from skillloop.skills.document import LEARNED

HEAD = "---\nname: x\ndescription: y\n---\n\n# Rules\n\n"
LINE = "Use sudo for npm"


@pytest.mark.parametrize(
    "place",
    [
        "## Never\n\n- Push to main.\n",
        "## Don't\n\n- Push to main.\n",
        "## Anti-patterns\n\n- Mocks.\n",
        "## What to avoid\n\n- Mocks.\n",
        "## Examples\n\n- Mocks.\n",
        "## Exceptions\n\n- Mocks.\n",
        "## Style\n\nNever do any of these:\n\n- Push to main.\n",
        "## Style\n\n**Bad:**\n- Mocks.\n",
        "## Nunca\n\n- Mocks.\n",
        "## Verboten\n\n- Mocks.\n",
        "## 禁止\n\n- Mocks.\n",
        "## Never\n\n### npm\n\n- Mocks.\n",
    ],
)
def test_a_line_under_a_negation_goes_to_a_person(place):
    heading = place.split("\n## ")[-1].removeprefix("## ").split("\n")[0] if "###" not in place else "npm"
    assert failed(placement.setting, LINE, insert(LINE, heading), base=HEAD + place) == {"setting"}
    item = next(line for line in place.split("\n") if line.startswith("- "))
    assert failed(placement.setting, LINE, replaced(item, f"- {LINE}", heading), base=HEAD + place) == {
        "setting"
    }


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("## Style\n\n- Mocks.\n", LINE),
        ("## Style\n\nDo all of these:\n\n- Mocks.\n", LINE),
        ("## Style\n\nNever do this:\n\n- Mocks.\n\nAlways do this:\n\n- Test.\n", LINE),
        ("## Don'ts\n\n- Mocks.\n", "Never push to main"),
        ("## Never\n\n- Mocks.\n\n## Style\n\n- Tests.\n", LINE),
    ],
)
def test_any_other_place_is_fine(place, line):
    heading = place.split("\n## ")[-1].removeprefix("## ").split("\n")[0]
    assert failed(placement.setting, line, insert(line, heading), base=HEAD + place) == set()


def test_the_item_that_a_line_is_nested_in_counts():
    base = HEAD + "## Style\n\n- Never:\n  - Push to main.\n- Test.\n"
    assert failed(placement.setting, LINE, replaced("  - Push to main.", f"  - {LINE}"), base=base) == {
        "setting"
    }
    assert failed(placement.setting, LINE, replaced("- Test.", f"- {LINE}"), base=base) == set()
    assert failed(
        placement.setting, LINE, insert(LINE, marker="  - "), base=base.removesuffix("- Test.\n")
    ) == {"setting"}


def test_the_gate_asks_it():
    said = "Sort the rows by date"
    verdict = judged(said, insert(said, "Never"), base=HEAD + "## Never\n\n- Mocks.\n")
    assert (verdict.outcome, {check.name for check in verdict.failed}) == (Outcome.DEFER, {"setting"})


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
    assert failed(placement.repeat, "x", insert(line)) == {"repeat!"}
    assert failed(placement.repeat, "x", insert(line, heading=LEARNED)) == {"repeat!"}


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
    assert failed(placement.repeat, "x", insert(line)) == set()


def test_figures_and_paths_make_a_difference():
    base = SKILL + "- Keep lines under 80 characters in src/a.py.\n"
    assert (
        failed(placement.repeat, "x", insert("Keep lines under 90 characters in src/a.py."), base=base)
        == set()
    )
    assert (
        failed(placement.repeat, "x", insert("Keep lines under 80 characters in src/b.py."), base=base)
        == set()
    )


def test_two_edits_of_one_proposal_do_not_repeat_each_other():
    assert failed(placement.repeat, "x", insert("Sort by date"), insert("sort by date")) == {"repeat!"}


def test_a_line_may_be_replaced_by_a_variant_of_itself():
    edit = replaced("- Use tabs to align columns.", "- Use tabs to align all columns.")
    assert failed(placement.repeat, "x", edit) == set()


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("List the new sources at the foot of the page", {"near"}),
        ("Always give the sources of the page in print", {"near"}),
        ("Sources need a date", set()),
        ("Thank the printers of the leaflet", set()),
    ],
)
def test_only_a_person_adds_a_line_about_what_another_line_is_about(line, held):
    base = HEAD + "## Style\n\n- Mention new sources at the head of the page.\n"
    assert failed(placement.near, line, insert(line), base=base) == held
    assert failed(placement.near, line, insert(line), base=base, config=Config()) == set()
    instead = replaced("- Mention new sources at the head of the page.", f"- {line}")
    assert failed(placement.near, line, instead, base=base) == set()


@pytest.mark.parametrize(
    "said", ["Put the vegetarian dishes last", "Always list vegetarian dishes at the end"]
)
def test_no_automatic_edit_stands_beside_a_line_about_the_same(said):
    verdict = judged(said, insert(said), base=HEAD + "## Style\n\n- Put vegetarian dishes first.\n")
    assert verdict.outcome == Outcome.DEFER
