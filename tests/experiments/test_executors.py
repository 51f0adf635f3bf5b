"""Several trainings at once, on one machine."""

import sys

import pytest
from helpers.experiments import drive, start

from skillloop.bench import proposers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")


@pytest.fixture
def opened(tmp_path):
    return start(tmp_path)


def test_slots_measure_ahead_and_settle_in_order(opened):
    rows = drive(opened, proposers.search, limit=3, slots=3)
    assert [row["number"] for row in rows] == list(range(len(rows)))
    assert [row["status"] for row in rows[:3]] == ["keep"] * 3
