"""The weights: names of features and numbers, and what each adds."""

import json
import re
from pathlib import Path

from skillloop.detect import features
from skillloop.detect.features import Linear
from skillloop.model import Kind
from skillloop.text import lexicon


def test_the_signals_add_up_to_the_score():
    model = Linear({"bias": -1.0, "says: no": 2.0, "says: go on": -0.5})
    found = {"bias": 1.0, "says: no": 1.0, "says: go on": 1.0, "unheard of": 1.0}
    assert model.score(found) == 0.5
    assert [(signal.name, signal.weight) for signal in model.signals(found)] == [
        ("says: no", 2.0),
        ("says: go on", -0.5),
    ]


def test_the_weights_hold_names_of_features_and_no_text_of_a_person():
    data = json.loads(
        (Path(features.__file__).parents[1] / "data" / "weights.json").read_text(encoding="utf-8")
    )
    prefixes = (
        "says: ",
        "starts: ",
        "goes on: ",
        "form: ",
        "length: ",
        "turn: ",
        "before: ",
        "after: ",
        "rule: ",
        "told: ",
        "around: ",
        "wish: ",
    )
    names = {
        name
        for part in (data["disagreement"], data["durable"], data["lesson"], *data["kinds"].values())
        for name in part
        if not re.fullmatch(r"#\d{1,4}", name)  # the number of a bucket of words
    }
    ways = lexicon.classes("said")
    classes = {*ways, *(f"starts {name}" for name in ways)}
    assert set(data["kinds"]) == {kind.value for kind in Kind}
    for name in names - {"bias", "asked before"}:
        assert name.startswith(prefixes), name
        if name.startswith(("says: ", "starts: ", "goes on: ")) and " + " not in name:
            assert name.split(": ", 1)[1] in classes, name


def test_the_numbers_of_single_words_are_shown_as_one_signal():
    model = Linear({"bias": -1.0, "#1": 1.0, "#2": 0.5, "says: no": 2.0})
    signals = model.signals({"bias": 1.0, "#1": 1.0, "#2": 1.0, "says: no": 1.0, "unknown": 1.0})
    assert [(signal.name, signal.weight) for signal in signals] == [("says: no", 2.0), ("single words", 1.5)]
