"""Which rules cannot both be followed: lines that the code was tuned on, and others that it was only measured on."""

from pathlib import Path

import pytest

from skillloop.text.contradiction import contradict, instructs, matter

DATA = Path(__file__).parents[1] / "data"


def rows(name, answer):
    lines = (DATA / name).read_text("utf-8").splitlines()
    return [tuple(rest) for right, *rest in (line.split("\t") for line in lines) if right == answer]


@pytest.mark.parametrize(
    ("name", "found", "mistaken"),
    [("contradictions.tsv", 85, 2), ("contradictions_measured.tsv", 20, 0)],
)
def test_contradictions_are_told_from_near_misses(name, found, mistaken):
    missed = [row for row in rows(name, "yes") if not contradict(row[2], row[1], row[0])]
    assert len(rows(name, "yes")) - len(missed) >= found, missed
    wrong = [row for row in rows(name, "no") if contradict(row[2], row[1], row[0])]
    assert len(wrong) <= mistaken, wrong


@pytest.mark.parametrize("name", ["contradictions.tsv", "contradictions_measured.tsv"])
def test_no_line_contradicts_itself(name):
    for answer in ("yes", "no"):
        assert [row for row in rows(name, answer) if contradict(row[1], row[1], row[0])] == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Use tabs", True),
        ("**Tabs**: use them", True),
        ("Never tabs", True),
        ("Names must be short", True),
        ("The server reads it at the start", False),
        ("Tabs and blanks", False),
    ],
)
def test_a_line_that_tells_how_to_work_has_the_form_of_it(line, told):
    assert instructs(line) is told


@pytest.mark.parametrize(
    ("rule", "line", "opposed"),
    [
        (
            "Our maps are in assets/maps.json, not in data/maps.json",
            "Read the roads from `data/maps.json`",
            True,
        ),
        ("Our maps are in assets/maps.json, not in data/maps.json", "Copy maps.json to the archive", False),
        ("Never use any in the fixtures", "Fixtures in JSON are to be used", False),
        ("Leave out the sketches in the field notes", "Sketch a plan of the site", False),
        ("Leave out the site plans in the field notes", "Draw a site plan of the dig", True),
    ],
)
def test_a_file_or_a_drawing_is_given_up_where_it_is_asked_for(rule, line, opposed):
    assert contradict(rule, line, "Field notes / Rules") is opposed


def test_a_rule_is_about_its_things_and_not_about_how_many():
    assert matter("Keep commit subjects under 50 characters") == {"commit", "subject"}
