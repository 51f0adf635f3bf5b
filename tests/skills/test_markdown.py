"""The one definition of a list item, a heading and a fence."""

import re

import pytest

from skillloop.skills import document


@pytest.mark.parametrize(
    "line", ["- use tabs", "  * use tabs", "\t+ use tabs", "3. use tabs", "123456789) use tabs"]
)
def test_a_list_item_has_a_marker_with_its_indent_and_a_text(line):
    item = document.ITEM.fullmatch(line)
    assert item["text"] == "use tabs"
    assert item["marker"] + item["text"] == line
    assert item["indent"] == re.match(r"\s*", line)[0]


@pytest.mark.parametrize("line", ["-use tabs", "- ", "1234567890. use tabs", "– use tabs", "use - tabs"])
def test_what_is_no_list_item(line):
    assert not document.ITEM.fullmatch(line)


def test_a_heading_and_a_fence():
    assert document.HEADING.match("## Rules of the house ##").groups() == ("##", "Rules of the house")
    assert not document.HEADING.match("    # code")
    assert document.FENCE.match("~~~~ python")[1] == "~~~~"
    assert not document.FENCE.match("``code``")
