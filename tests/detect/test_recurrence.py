"""A request that comes again is found by its words, with the answers of comparing it with every earlier one."""

from hypothesis import given
from hypothesis import strategies as st

from skillloop.detect.disagreements import KNOWN_BY, RECURS, EarlierRules
from skillloop.text import words

WORD = st.sampled_from(
    "tabs spaces table tables report never not no the a use using papers 表 格 要 ok Ω".split()
)
TEXT = st.lists(WORD, max_size=9).map(" ".join)


@given(texts=st.lists(TEXT, max_size=12), rule=TEXT)
def test_the_index_answers_as_comparing_with_each_does(texts, rule):
    again = any(words.similarity(rule, text) >= RECURS for text in texts)
    enough = len(words.content_words(rule)) >= KNOWN_BY
    earlier = EarlierRules(lambda: dict(enumerate(texts)))
    assert not enough or earlier.recurs("new", rule) == again
    assert earlier.recurs("new", "tabs spaces report", rule) >= (again and bool(words.content_words(rule)))


def test_a_rule_of_two_words_recurs_only_with_just_those_words():
    earlier = EarlierRules(lambda: {"a": "No dates in the headings", "b": "the same error again"})
    assert earlier.recurs("new", "Please no dates in headings")
    assert not earlier.recurs("a", "Please no dates in headings")
    assert not earlier.recurs("new", "No dates in the footer")
    assert not earlier.recurs("new", "the error")
    assert not EarlierRules(dict).recurs("new", "No dates in the headings")
