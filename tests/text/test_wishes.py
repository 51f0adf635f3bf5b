"""Whether a person says a rule again, in other words."""

import sys
from pathlib import Path

import pytest

from skillloop.text.wishes import opposite_wish, same_rule, same_wish

sys.path.append(str(Path(__file__).parents[1] / "bench"))

from recurrences import FILES, RULES, halves, measured, pairs

RULE = "Indent with spaces, never with tabs."


@pytest.mark.parametrize(
    "saying",
    ["seriously, tabs again? spaces please", "I said spaces, not tabs", "no tabs, indent with spaces"],
)
def test_a_rule_is_known_in_other_words_and_the_other_way_round(saying):
    assert same_wish(saying, RULE)


@pytest.mark.parametrize(
    "saying",
    ["use tabs here, not spaces", "indent with tabs", "put a space after the colon in each table", ""],
)
def test_the_opposite_and_something_else_is_another_wish(saying):
    assert not same_wish(saying, RULE)


def test_another_figure_is_another_wish():
    assert same_wish("three sentences for the summary!", "Limit summaries to three sentences.")
    assert not same_wish("five sentences for the summary!", "Limit summaries to three sentences.")


@pytest.mark.parametrize("saying", ["write tests", "fix test", "testing this build"])
def test_one_word_in_common_is_no_wish_in_common(saying):
    assert not same_wish(saying, "Run the tests")
    assert same_wish("run the tests", "Run the tests")


@pytest.mark.parametrize(
    ("saying", "rule"),
    [
        ("don't touch the migrations, please", "Never modify the migrations."),
        ("bitte nicht die Migrationen anfassen", "Ändere nie die Migrationen."),
        ("you forgot the tests, run them", "Run the tests after every change."),
        ("ask before deleting files", "Frage nach, bevor du Dateien löschst."),
        ("テストを実行してからコミット", "Run the tests before each commit."),
    ],
)
def test_what_a_ban_calls_it_and_when_it_holds_makes_no_difference(saying, rule):
    assert same_wish(saying, rule)


def test_a_complaint_and_the_wish_behind_it_are_two_sentences():
    assert opposite_wish(
        "Miles again! Distances in kilometres, always.", "Give distances in miles, never in kilometres."
    )
    assert not opposite_wish(
        "Miles again! Distances in kilometres, always.", "Give distances in kilometres, never in miles."
    )


@pytest.mark.parametrize(
    ("saying", "rule", "opposite"),
    [
        ("A magazine again? Cite the study, please.", "Always cite a magazine when there is a study.", True),
        ("Again no tests? Write some for each endpoint.", "Write tests for each endpoint.", False),
        ("Désormais, mets toujours des émojis dans les titres.", "Pas d'émojis dans les titres.", True),
        ("Ich habe gesagt: Leser nie mit Sie ansprechen!", "Sprich die Leser immer mit Sie an.", True),
        ("Sprich die Leser mit Du an, nie mit Sie.", "Die Leser immer mit Du ansprechen.", False),
        ("Nein. Die Leser immer mit Du ansprechen.", "Leser nie mit Sie ansprechen, immer mit Du.", False),
        (
            "Summaries are too long again, five sentences at most.",
            "Keep summaries under five sentences.",
            False,
        ),
    ],
)
def test_what_is_there_again_is_given_up_where_something_else_is_asked_for(saying, rule, opposite):
    assert opposite_wish(saying, rule) is opposite
    assert same_wish(saying, rule) is not opposite


def test_who_asks_for_the_same_and_forbids_something_else_as_well_does_not_ask_for_the_opposite():
    rule = "参考文献は必ず各段落の後に書いて"
    assert not opposite_wish("参考文献は最後にまとめないで、必ず各段落の後に書くこと", rule)
    assert opposite_wish("参考文献は各段落の後に書かないで", rule)
    assert opposite_wish("Use tabs for code, never use tabs for tables.", "Use tabs for code and tables.")


def test_who_says_not_this_but_that_wishes_that_in_every_language():
    rows = [
        line.split("\t")[1:] for line in FILES[0].with_name("not_but.tsv").read_text("utf-8").splitlines()
    ]
    turned = [row for row in rows if opposite_wish(row[0], row[1]) or opposite_wish(row[1], row[0])]
    assert turned == []
    assert sum(same_wish(saying, that) for saying, that, _ in rows) >= 34
    assert sum(opposite_wish(saying, this) for saying, _, this in rows) >= 31
    assert sum(same_wish(saying, this) for saying, _, this in rows) <= 2


def test_a_pronoun_is_no_number():
    assert same_wish("Sprich die Leser mit Du an!", "Sprich die Leser immer mit Du an.")
    assert not opposite_wish("Sprich die drei Leser mit Du an!", "Sprich die Leser immer mit Du an.")


@pytest.mark.parametrize(
    ("saying", "rule"),
    [
        ("always run the integration tests before a commit", "Run the unit tests before each commit."),
        ("every chart has a legend", "Every chart has a title."),
        ("run the linter before you push", "Run the tests before each push."),
        ("the function for payments fails in a test", "Write a test for each function."),
        ("Übersetze vom Englischen ins Deutsche", "Übersetze vom Deutschen ins Englische."),
    ],
)
def test_one_other_word_in_its_place_is_another_wish(saying, rule):
    assert not same_wish(saying, rule)
    assert not opposite_wish(saying, rule)


@pytest.mark.parametrize(("half", "precision", "recall"), [("dev", 0.97, 0.87), ("held out", 0.96, 0.88)])
def test_pairs_in_many_languages_are_told_apart(half, precision, recall):
    found = measured(halves()[half])
    assert found["precision"] >= precision
    assert found["recall"] >= recall


def test_a_rule_is_one_with_another_only_if_no_word_that_matters_differs():
    told = pairs(RULES) + [pair for file in FILES for pair in pairs(file)]
    assert len(told) > 700
    wrong = [pair for pair in told if pair.kind != "same" and same_rule(pair.saying, pair.rule)]
    assert wrong == []
    alike = [same_rule(pair.saying, pair.rule) for pair in pairs(RULES) if pair.kind == "same"]
    assert sum(alike) / len(alike) > 0.4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ask people to opt in.", "Ask people to opt out."),
        ("Write tools in C.", "Write tools in C++."),
        ("Never change the editor.", "Never touch the table of contents."),
        ("Never rewrite the file.", "Never rewrite all of the file."),
        ("Never mail Maria.", "Never mail Mario."),
        ("Put the title in the head.", "Put the title in the heading."),
        ("Commit often.", "Commit rarely."),
        ("No tabs, spaces.", "Tabs, no spaces."),
        ("Keep lines < 80 characters.", "Keep lines > 80 characters."),
        ('Write "please" in forms.', "Write in forms."),
        ('Write "please" in forms.', 'Write "thanks" in forms.'),
        ("Import types from core.", "Import core from types."),
        ("Tarihleri gün/ay/yıl olarak yaz.", "Tarihleri ay/gün/yıl olarak yaz."),
        ("Import A from B.", "Import B from A."),
    ],
)
def test_small_words_and_signs_make_another_rule(one, other):
    assert not same_rule(one, other)
    assert not same_rule(other, one)
    assert same_rule(one, one.lower())


@pytest.mark.parametrize(
    ("saying", "rule", "same"),
    [
        ("never push before running the unit tests", "Run the unit tests before a push", True),
        ("Never merge without a review", "Get a review before merging", True),
        ("never push before running the unit tests", "Run the smoke tests before a push", False),
        ("don't run the tests before a push", "Run the tests before a push", False),
    ],
)
def test_to_forbid_the_wrong_order_is_to_ask_for_the_right_one(saying, rule, same):
    assert same_wish(saying, rule) == same
    assert opposite_wish(saying, rule) == saying.startswith("don't")


@pytest.mark.parametrize(
    "pair", [("Ignore .env", "Ignore env"), ("Return -1", "Return 1"), ("Add *.log", "Add log")]
)
def test_a_name_with_its_mark_is_another_name(pair):
    assert not same_rule(*pair)
    assert same_rule(pair[0], pair[0] + ".")
