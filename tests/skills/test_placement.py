"""Where a rule belongs in a SKILL.md, and which lines it contradicts."""

import pytest

from skillloop.model import Edit
from skillloop.skills import document, placement
from skillloop.skills.document import LEARNED
from skillloop.skills.placement import NoPlaceError

HEAD = "---\nname: birds\ndescription: Names birds.\n---\n\n# Birds\n\n"
RULE = "Never abbreviate the species name"


def placed(body, rule=RULE, **keywords):
    """The line before the new one, and the text."""
    text = HEAD + body
    found = placement.place(text, rule, **keywords)
    edit = Edit("insert", found.heading, new=f"- {rule}", after=found.after, nth=found.nth)
    new = document.apply(text, [edit])
    assert placement.is_listed(new, f"- {rule}")
    lines = [line for line in new.split("\n") if line.strip()]
    return lines[lines.index(f"- {rule}") - 1], new


@pytest.mark.parametrize(
    "body",
    [
        "## Naming rules\n\n- Give the species name in Latin\n- Add the family",
        "## Names\n\n**Conventions:**\n\n- Write the species name in italics\n- Add the family",
        "## The species name\n\n* In Latin\n* Add the family",
        "## Regeln\n\n- Verwende den species name kursiv\n- Add the family",
        "## Output\n\nSome text.\n\n### Style\n\n- Give every species name in Latin\n- Add the family",
        "## The species that you abbreviate\n\n### Rules\n\n- Be short\n- Add the family",
    ],
)
def test_a_rule_joins_the_rules_that_are_about_it(body):
    assert placed(body)[0].endswith("Add the family")


@pytest.mark.parametrize(
    "body",
    [
        "## When to use this skill\n\n- The person asks for a species name",
        "## Use when\n\n- The species name is missing",
        "## Never\n\n- Shorten the species name",
        "## Red flags\n\n- The species name is short",
        "## Examples\n\n- species name: Parus major",
        "## Rules\n\nFor example:\n\n- Species name: Parus major\n- Species name: Pica pica",
        "## References\n\n- [species name list](names.md)",
        "## Files\n\n- `data/species-name.csv`",
        "## Next steps\n\n- Look up the species name",
        "## Output\n\n- The species name",
        "## Steps\n\n1. Find the species name\n2. Write the species name",
        "## Checklist\n\n- [ ] The species name is there",
        "## Questions\n\n- Is the species name known?",
        "## Names\n\n> - Give the species name in Latin",
        "## Names\n\n| species name | sign |\n| --- | --- |\n| a | b |",
        "## Rules\n\n<!--\n- Give the species name in Latin\n\n- Old species name\n-->",
        "## Rules\n\n    - Give the species name in Latin",
        "## Rules\n\n\t- Give the species name in Latin",
        "## Rules\n\n1. Do it:\n\n    ```text\n    - species name\n    ```",
        "## Rules\n\n```\n- Give the species name in Latin\n```",
        "## Cuándo usar\n\n- Falta el species name",
        "## 使用场景\n\n- species name",
        "## Rules\n\n- Be short",
        "## Notes\n\n- The species name is read at the start\n- The server has a species list of its own",
        "## Step 2\n\n- Look up the species name\n- Write the species name",
        "## Range\n\n- Show a map of where the species lives\n- Give the name of the region",
        "## System requirements\n\n- A list of each species name must be there",
    ],
)
def test_no_other_list_takes_a_rule(body):
    before, new = placed(body)
    assert before == f"## {LEARNED}"
    assert new.startswith(HEAD + body)


def test_of_two_equal_headings_the_one_that_is_about_it_takes_the_rule():
    body = "## Plants\n\n### Rules\n\n- Be short\n\n## Names\n\n### Rules\n\n- Give the species name in Latin\n\n## End\n"
    assert placed(body)[0] == "- Give the species name in Latin"


def test_the_heading_above_says_of_what_a_list_holds_the_rules():
    body = "## Solos\n\n### Rules\n\n- Use grey paper\n\n## Choirs\n\n### Rules\n\n- Print scores of choirs in A4\n- Add the voice\n"
    assert placed(body, "Never print scores of choirs with thick lines")[0] == "- Add the voice"
    assert (
        placed(body.replace("Choirs", "Print"), "Never print scores of choirs with thick lines")[0]
        == f"## {LEARNED}"
    )


def test_of_two_equal_lists_the_edit_names_the_right_one():
    part = "### Rules\n\n- Give the species name in Latin\n"
    text = f"{HEAD}## A\n\n{part}\n## B\n\n{part}"
    edit = Edit("insert", "Rules", new="- x", after="- Give the species name in Latin", nth=1)
    assert document.apply(text, [edit]) == f"{HEAD}## A\n\n{part}\n## B\n\n{part}- x\n"


@pytest.mark.parametrize(
    "tail", ["```markdown\n# Title\n", "````\n```\n- a\n```\n", "<!-- keep this last\ntidy up\n"]
)
def test_a_rule_does_not_go_behind_what_is_still_open(tail):
    with pytest.raises(NoPlaceError, match="line 13"):
        placement.place(f"{HEAD}## Rules\n\n- Be short\n\n\n{tail}", RULE)


@pytest.mark.parametrize("tail", ["```\na\n```\n", "<!-- a -->\n", "<!--\na\n-->", "~~~\na\n~~~"])
def test_what_is_closed_is_no_obstacle(tail):
    assert placed(f"## Rules\n\n- Be short\n\n{tail}")[0] == f"## {LEARNED}"


@pytest.mark.parametrize("rule", ["---\n\n", "", "***\n\n"])
def test_learned_rules_come_before_the_line_that_hands_over_the_task(rule):
    _, new = placed(f"Name birds.\n\n{rule}Name this one: $ARGUMENTS\n")
    assert new.endswith(f"\n\n## {LEARNED}\n\n- {RULE}\n\n{rule}Name this one: $ARGUMENTS\n")


def test_protected_headings_are_left_alone():
    body = "## Naming rules\n\n- Give the species name in Latin\n"
    assert placed(body, avoid=["naming rules"])[0] == f"## {LEARNED}"


def test_the_list_ends_where_its_last_item_does():
    body = "## Naming rules\n\n- Give the species name in Latin\n  and the author\n\n  - with the year\n\nMore text.\n"
    assert placed(body)[0] == "  - with the year"


def test_a_contradiction_is_found_wherever_a_reader_sees_it():
    body = (
        "## Use tabs\n\nIndent with tabs. Be short.\n\n> Use tabs\n\n```\nUse tabs\n```\n\n"
        "| Use tabs |\n| --- |\n\n<!-- Use tabs -->\n\n- A\n  1. Use tabs for\n     all lines\n- Tabs\n"
    )
    found = placement.contradicted(HEAD + body, "Never use tabs")
    assert [(item.line + 1, item.text) for _, item in found] == [
        (8, "Use tabs"),
        (10, "Indent with tabs. Be short."),
        (24, "Use tabs for all lines"),
    ]


def test_what_stands_under_a_prohibition_is_not_asked_for():
    assert not list(placement.contradicted(f"{HEAD}## Don't\n\n- Use tabs\n", "Never use tabs"))
    assert list(placement.contradicted(f"{HEAD}## Steps\n\n1. Use tabs\n", "Never use tabs"))
