"""A line may not be put where its meaning is turned round."""

import pytest
from helpers.gate import failed, insert, judged, replaced

from skillloop.gate import placement
from skillloop.model import Outcome

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
    assert failed(placement.check, LINE, insert(LINE, heading), base=HEAD + place) == {"setting"}
    item = next(line for line in place.split("\n") if line.startswith("- "))
    assert failed(placement.check, LINE, replaced(item, f"- {LINE}", heading), base=HEAD + place) == {
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
    assert failed(placement.check, line, insert(line, heading), base=HEAD + place) == set()


def test_the_item_that_a_line_is_nested_in_counts():
    base = HEAD + "## Style\n\n- Never:\n  - Push to main.\n- Test.\n"
    assert failed(placement.check, LINE, replaced("  - Push to main.", f"  - {LINE}"), base=base) == {
        "setting"
    }
    assert failed(placement.check, LINE, replaced("- Test.", f"- {LINE}"), base=base) == set()
    assert failed(
        placement.check, LINE, insert(LINE, marker="  - "), base=base.removesuffix("- Test.\n")
    ) == {"setting"}


def test_the_gate_asks_it():
    said = "Sort the rows by date"
    verdict = judged(said, insert(said, "Never"), base=HEAD + "## Never\n\n- Mocks.\n")
    assert (verdict.outcome, {check.name for check in verdict.failed}) == (Outcome.DEFER, {"setting"})
