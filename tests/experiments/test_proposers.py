"""Where candidates come from: ideas, and the search of declared knobs."""

import importlib.util
import random

import pytest
from helpers.experiments import Formula, archive, drive, row, search_and_ideas, start, value

from skillloop.bench import proposers
from skillloop.bench.candidate import Knob


@pytest.fixture
def opened(tmp_path):
    return start(tmp_path)


def test_ideas_are_tried_once_each_and_passed_over_where_they_do_not_apply(opened, tmp_path):
    rows = drive(opened, search_and_ideas(tmp_path), Formula(opened, value), limit=3)
    tried = list(dict.fromkeys(row["description"] for row in rows))
    assert tried[:2] == ["baseline", "smaller"]
    assert "no such" not in tried


def test_search_turns_declared_knobs_and_never_the_same_twice(opened):
    rows = drive(opened, proposers.search, Formula(opened, value), limit=12)
    said = [row["description"] for row in rows if row["proposer"] == "search"]
    assert all(part.split()[0] in ("LEVEL", "SIZE") for text in said for part in text.split(", "))
    assert len({row["candidate"] for row in rows}) == 13


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="the extra `bench` is not installed")
def test_optuna_asks_for_values_in_the_declared_range():
    knobs = [Knob("LEVEL", low=1, high=3), Knob("SIZE", choices=(2, 4, 8))]
    rows = [row(str(i), 2 + i / 10, {"LEVEL": 1.5 + i / 10, "SIZE": 4}) for i in range(10)]
    asked = proposers._optuna(knobs, archive(rows), random.Random(1))
    assert 1 <= asked["LEVEL"] <= 3
    assert asked["SIZE"] in (2, 4, 8)
    assert asked == proposers._optuna(knobs, archive(rows), random.Random(1))
    assert asked == {"LEVEL": 1.049, "SIZE": 2}, "the same in optuna 4 and 5"
