"""The features: named numbers between 0 and 1, whatever the text."""

from helpers.sessions import first_rule
from hypothesis import given
from hypothesis import strategies as st

from skillloop.detect.features import Scene, learned
from skillloop.detect.features import features as features_of
from skillloop.model import Turn


@given(st.text(max_size=300))
def test_no_text_breaks_the_features(text):
    scene = Scene(Turn(0, "human", text, 1), (), (), (), 0)
    found = features_of(scene)
    assert all(0 < value <= 1 for value in found.values())
    assert 0 <= learned().disagreement.confidence(found) <= 1
    first_rule(text)


def test_a_long_paste_costs_little():
    scene = Scene(Turn(0, "human", "it is broken " * 200_000, 1), (), (), (), 3)
    assert features_of(scene)["length: over 60 words"] == 1.0
