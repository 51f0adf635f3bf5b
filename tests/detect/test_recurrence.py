"""A request that comes again is found by its words, with the answers of comparing it with every earlier one."""

from hypothesis import given
from hypothesis import strategies as st

from skillloop.detect.recurrence import RECURS, EarlierRules
from skillloop.text import words

WORD = st.sampled_from(
    "tabs spaces table tables report never not no the a use using papers 表 格 要 ok Ω".split()
)
TEXT = st.lists(WORD, max_size=9).map(" ".join)


@given(texts=st.lists(TEXT, max_size=12), rule=TEXT)
def test_the_index_answers_as_comparing_with_each_does(texts, rule):
    again = any(words.similarity(rule, text) >= RECURS for text in texts)
    assert EarlierRules(lambda: dict(enumerate(texts))).repeated(rule) == again


def test_words_that_carry_no_meaning_recur_only_as_they_were():
    earlier = EarlierRules(lambda: {"a": "no, not that", "b": "use tabs in the table"})
    assert earlier.repeated("No. Not that!")
    assert not earlier.repeated("not this")
    assert earlier.repeated("tabs for tables")
    assert not EarlierRules(dict).repeated("")


def test_a_rule_of_two_words_recurs_only_with_just_those_words():
    earlier = EarlierRules(lambda: {"a": "No dates in the headings", "b": "the same error again"})
    assert earlier.recurs("new", "Please no dates in headings")
    assert not earlier.recurs("a", "Please no dates in headings")
    assert not earlier.recurs("new", "No dates in the footer")
    assert not earlier.recurs("new", "the error")
