"""A request that comes again is found by its words, with the answers of comparing it with every earlier one."""

from hypothesis import given
from hypothesis import strategies as st

from skillloop.detect.disagreements import LEAST_WORDS, EarlierRules
from skillloop.text import words
from skillloop.text.wishes import same_wish

WORD = st.sampled_from(
    "tabs spaces table tables report never not no the a use using papers 表 格 要 ok Ω".split()
)
TEXT = st.lists(WORD, max_size=9).map(" ".join)


@given(texts=st.lists(TEXT, max_size=12), rule=TEXT)
def test_the_index_answers_as_comparing_with_each_does(texts, rule):
    again = any(same_wish(rule, text) for text in texts)
    enough = len(words.content_words(rule)) >= LEAST_WORDS
    earlier = EarlierRules(lambda: dict(enumerate(texts)))
    assert earlier.recurs("new", rule) == (again and enough)
    assert earlier.recurs("new", "tabs spaces report", rule) >= (again and enough)


def test_a_request_recurs_in_other_words_and_not_in_their_opposite():
    earlier = EarlierRules(lambda: {"a": "Two screenshots are enough", "b": "Indent the templates with tabs"})
    assert earlier.recurs("new", "Only two screenshots")
    assert earlier.recurs("new", "Use tabs for the indentation of templates")
    assert not earlier.recurs("new", "Never indent the templates with tabs")
    assert not earlier.recurs("new", "Only three screenshots")


def test_a_rule_of_two_words_recurs_only_with_just_those_words():
    earlier = EarlierRules(lambda: {"a": "No dates in the headings", "b": "the same error again"})
    assert earlier.recurs("new", "Please no dates in headings")
    assert not earlier.recurs("a", "Please no dates in headings")
    assert not earlier.recurs("new", "No dates in the footer")
    assert not earlier.recurs("new", "the error")
    assert not EarlierRules(dict).recurs("new", "No dates in the headings")
