"""Parsing a SKILL.md and applying typed edits to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillloop.model import Edit
from skillloop.skills import document
from skillloop.skills.document import LEARNED, EditError, SkillFormatError

SKILL = """---
name: brew
description: Brew coffee. Use when somebody is tired.
---

# Brewing

Start with clean water.

## Method

- Grind first.
- Pour slowly.
  Wait between pours.

1. not this list

## Notes
Nothing yet.

```
## not a heading
- not a bullet
```
"""


def insert(heading, new):
    return Edit("insert", heading, new=new)


def test_sections_bullets_and_fences():
    skill = document.parse(SKILL)
    assert [section.heading for section in skill.sections] == [None, "Brewing", "Method", "Notes"]
    assert [skill.lines[item].rstrip() for item in skill.items(skill.named("Method")[0])] == [
        "- Grind first.",
        "- Pour slowly.",
        "1. not this list",
    ]
    assert skill.items(skill.named("Notes")[0]) == []


def test_insert_goes_after_the_last_item_with_its_continuation():
    text = SKILL.replace("1. not this list\n\n", "")
    new = document.apply(text, [insert("Method", "- Warm the cup.")])
    assert "  Wait between pours.\n- Warm the cup.\n\n## Notes" in new


def test_insert_where_there_is_no_list_keeps_a_blank_line():
    assert "Start with clean water.\n\n- Use a scale.\n\n## Method" in document.apply(
        SKILL, [insert("Brewing", "- Use a scale.")]
    )


def test_the_learned_section_is_made_once_at_the_end():
    new = document.apply(SKILL, [insert(LEARNED, "- One."), insert(LEARNED, "- Two.")])
    assert new == SKILL + f"\n## {LEARNED}\n\n- One.\n- Two.\n"


def test_replace_and_delete_name_one_line():
    new = document.apply(SKILL, [Edit("replace", "Method", "- Grind first.", "- Grind last.")])
    assert new == SKILL.replace("Grind first", "Grind last")
    assert document.apply(SKILL, [Edit("delete", "Method", "- Grind first.")]) == SKILL.replace(
        "- Grind first.\n", ""
    )


@pytest.mark.parametrize(
    "edit",
    [
        insert("Nowhere", "- x"),
        insert("Method", "- x\n- y"),
        insert("Method", "  "),
        Edit("replace", "Method", "- Gone.", "- x"),
        Edit("delete", "Notes", "- Grind first."),
        Edit("delete", None, "name: brew"),
    ],
)
def test_an_edit_that_does_not_fit_is_an_error(edit):
    with pytest.raises(EditError):
        document.apply(SKILL, [edit])


@pytest.mark.parametrize(
    "text",
    ["---\nname: x\n", "--- \nname: x\n---\n", "\n---\nname: x\n---\n", "\u200b---\nname: x\n---\n"],
)
def test_a_file_whose_frontmatter_is_in_doubt_is_refused(text):
    with pytest.raises(SkillFormatError, match=r"my/SKILL.md:1"):
        document.parse(text, "my/SKILL.md")


@pytest.mark.parametrize(
    "head", ["", "\ufeff", "\ufeff---\nname: x\n---\n", "---\nname: [x\n---\n", "name: x\n\n"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_body_of_all_that_the_client_loads_is_edited_and_its_head_stays(head, newline):
    text = (head + "# X\n\n- a\n").replace("\n", newline)
    assert document.decode(text.encode(), "SKILL.md") == text
    last = document.parse(text).sections[-1].heading
    for heading, end in ((last, "- b\n"), (LEARNED, "\n## Learned rules\n\n- b\n")):
        assert document.apply(text, [insert(heading, "- b")]) == text + end.replace("\n", newline)


def test_bytes_that_are_not_text_are_refused_with_the_line():
    with pytest.raises(SkillFormatError, match=r"SKILL.md:2: not UTF-8"):
        document.decode(b"---\n\xff\n", "SKILL.md")


def test_crlf_and_a_missing_last_newline_are_kept():
    text = SKILL.replace("\n", "\r\n").rstrip("\r\n")
    new = document.apply(text, [insert("Method", "- Warm the cup."), insert(LEARNED, "- One.")])
    assert "\n" not in new.replace("\r\n", "")


line = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20)


@given(
    st.lists(
        st.one_of(line, st.sampled_from(["## Method", "- a", "```", "  b", "1. c", "", "\x0c# d", "\u2028"]))
    )
)
def test_any_body_parses_and_an_insert_only_adds(body):
    text = "---\nname: a\n---\n" + "\n".join(body)
    skill = document.parse(text)
    assert "".join(skill.lines) == text
    assert [s.start for s in skill.sections][1:] == [s.end for s in skill.sections][:-1]
    heading = skill.sections[-1].heading
    new = document.apply(text, [insert(heading, "- added line")])
    old_lines, new_lines = (
        [x for x in text.split("\n") if x.strip()],
        [x for x in new.split("\n") if x.strip()],
    )
    new_lines.remove("- added line")
    assert new_lines == old_lines
