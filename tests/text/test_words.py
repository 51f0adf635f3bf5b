"""Words of many languages: folding, content and polarity."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillloop.text import words


def test_case_width_apostrophe_and_accents_do_not_matter():
    assert words.tokens("DON’T Ｐｕｓｈ cafe\u0301") == words.tokens("don't push café")


def test_inflected_forms_meet():
    for group in (
        "test tests testing tested",
        "use uses used using",
        "library libraries",
        "commit commits committed",
        "тест тесты тестов тестами",
    ):
        assert len({words.stem(word) for word in group.split()}) == 1, group


def test_unrelated_words_do_not_meet():
    assert len({words.stem(word) for word in "test text tab table use user pass pasta".split()}) == 8


def test_content_leaves_out_filler_and_negators():
    assert words.content_words("Please don't use the tabs") == words.content_words("use tabs")


def test_scripts_without_spaces_give_pairs_of_neighbours():
    assert "测试" in words.content_words("请先写测试。")
    assert words.content_words("不要使用npm") == words.content_words("使用npm")


def test_similarity_is_high_for_the_same_rule_and_low_for_another():
    assert words.similarity("Use tabs for indentation", "please use tabs for indentation") == 1.0
    assert words.similarity("Use tabs for indentation", "Write the tests first") == 0.0
    assert words.similarity("", "") == 1.0


def test_lines_of_the_same_words_are_not_alike_where_one_forbids_what_the_other_asks_for():
    assert words.alike("Use tabs for indentation", "please use tabs for indentation", 0.9)
    assert not words.alike("Use tabs for indentation", "Never use tabs for indentation", 0.5)
    assert not words.alike("Use tabs for indentation", "Write the tests first", 0.5)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("don't push to main", "never push to main"),
        ("no uses npm", "nunca uses npm"),
        ("nie auf main pushen", "nicht auf main pushen"),
        ("n'utilise pas npm", "n'utilise jamais npm"),
        ("não use npm", "nunca use npm"),
        ("non usare npm", "mai usare npm"),
        ("не используй npm", "никогда npm"),
        ("不要用npm", "别用npm"),
        ("npmを使わないで", "npmは禁止"),
    ],
)
def test_negators_of_a_language_mean_the_same(one, other):
    assert words.polarity(one) == words.polarity(other) == ("not",)


def test_order_and_scope_are_part_of_polarity():
    assert words.polarity("Use tabs, not spaces, before every commit") == ("not", "before", "all")
    assert words.polarity("only when asked") == ("only", "if")
    assert words.polarity("Fetch it again instead of guessing") == ("instead",)


def test_an_answering_no_is_not_a_negation():
    assert words.polarity("No, use tabs") == words.polarity("不，用制表符") == ()
    assert words.polarity("no tabs") == ("not",)


@given(st.text(max_size=200), st.text(max_size=200))
def test_similarity_is_symmetric_and_bounded(a, b):
    assert words.similarity(a, b) == words.similarity(b, a)
    assert 0 <= words.similarity(a, b) <= 1
    assert words.similarity(a, a) == 1.0


@given(st.text(max_size=200))
def test_folding_twice_changes_nothing(text):
    assert words.fold(words.fold(text)) == words.fold(text)


@pytest.mark.parametrize("unit", ["a", "a ", "'a", "no ", "不", "\u0301", " before "])
def test_a_megabyte_is_read_in_linear_time(unit):
    start = time.process_time()
    words.content_words(unit * (1_000_000 // len(unit)))
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (
            "Always check PubMed before you cite a number in the notes",
            "Always cite Twitter before PubMed in the notes",
            False,
        ),
        (
            "Always check PubMed before you cite a number in the notes",
            "Always cite news.org before PubMed in the notes",
            False,
        ),
        (
            "Always check PubMed before you cite a number in the notes",
            "always check pubmed before you cite a number in notes",
            True,
        ),
        ("Deploy with Vercel after each merge", "Deploy with Netlify after each merge", False),
    ],
)
def test_lines_that_name_something_else_do_not_say_the_same(one, other, same):
    assert words.alike(one, other, 0.75) is same
    assert words.alike(other, one, 0.75) is same
