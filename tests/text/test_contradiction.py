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


@pytest.mark.parametrize(
    ("rule", "line", "opposed"),
    [
        ("Always tell it in the present tense", "Tell each step in a sentence, in the past tense.", True),
        ("From now on list the allergens at the very end", "List the allergens first.", True),
        ("Put the allergens last, not first", "Put allergens first", True),
        ("Stop putting a chart at the bottom", "Show the sales in a chart at the bottom", True),
        ("Stop putting a chart at the top", "Show the sales in a chart at the bottom", False),
        ("Stop showing the author", "Show the author", True),
        ("No more ending with a joke", "End with a joke", True),
        ("No more ending with a joke", "End with the author", False),
        ("Run the end-to-end checks before a commit", "Run the unit checks first", False),
        ("Put the price above the picture", "Put the price below the picture", True),
        ("Put the price above the picture", "Put the name below the title", False),
        ("Setze die Allergene ans Ende", "Setze die Allergene an den Anfang", True),
        ("Mets les prix à la fin", "Mets les prix au début", True),
        ("Pon los precios al final", "Pon los precios al principio", True),
        ("Metti i prezzi alla fine", "Metti i prezzi all'inizio", True),
        ("Coloque os preços ao fim", "Coloque os preços ao início", True),
        ("Zet de prijzen aan het einde", "Zet de prijzen aan het begin", True),
        ("Ставь цены в конце", "Ставь цены в начале", True),
        ("Podawaj ceny na końcu", "Podawaj ceny na początku", True),
        ("Fiyatları sona koy", "Fiyatları başa koy", True),
        ("价格放在结尾", "价格放在开头", True),
        ("価格は末尾に書く", "価格は冒頭に書く", True),
        ("가격은 마지막 에 쓰기", "가격은 처음 에 쓰기", True),
        ("ضع الأسعار في النهاية", "ضع الأسعار في البداية", True),
        ("कीमतें अंत में लिखो", "कीमतें शुरुआत में लिखो", True),
    ],
)
def test_another_place_or_tense_is_the_opposite(rule, line, opposed):
    assert contradict(rule, line) is opposed
    assert contradict(line, rule) is opposed
