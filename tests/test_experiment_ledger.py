"""The ledger: append-only, chained, and whole after a crash."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillloop.bench.ledger import Ledger, results
from skillloop.errors import SkillloopError


@pytest.fixture
def filled(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for number in range(3):
        ledger.append({"event": "trial", "number": number})
    return ledger


def test_rows_come_back(filled):
    assert [row["number"] for row in Ledger(filled.path).trials] == [0, 1, 2]


@given(cut=st.integers(0, 400))
def test_a_crash_in_the_middle_of_a_line_loses_that_line_alone(tmp_path_factory, cut):
    ledger = Ledger(tmp_path_factory.mktemp("run") / "ledger.jsonl")
    for number in range(3):
        ledger.append({"event": "trial", "number": number})
    data = ledger.path.read_bytes()[: -max(1, cut)] if cut else ledger.path.read_bytes()
    ledger.path.write_bytes(data)
    again = Ledger(ledger.path)
    assert len(again.rows) == data.count(b"\n")
    again.append({"event": "trial", "number": 9})
    assert Ledger(ledger.path).rows[-1]["number"] == 9


@pytest.mark.parametrize("line", [0, 1])
def test_a_changed_row_is_found_at_the_next_start(filled, line):
    lines = filled.path.read_text().splitlines()
    lines[line] = lines[line].replace('"number": ', '"number": 7')
    filled.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(SkillloopError, match=r"jsonl:\d"):
        Ledger(filled.path)


def test_a_removed_row_is_found(filled):
    first, _, third = filled.path.read_text().splitlines()
    filled.path.write_text(f"{first}\n{third}\n")
    with pytest.raises(SkillloopError, match="altered"):
        Ledger(filled.path)


def test_a_change_while_it_is_open_is_found_and_undone(filled):
    before = filled.path.read_bytes()
    filled.path.write_bytes(before.replace(b'"number": 2', b'"number": 3'))
    with pytest.raises(SkillloopError, match="altered while"):
        filled.append({"event": "trial", "number": 3})
    filled.restore()
    assert filled.path.read_bytes() == before


def test_results_have_one_line_a_candidate_in_autoresearchs_columns():
    row = {"commit": "0123456789", "memory_gb": 1.26, "description": "with a\ttab"}
    rows = [
        row | {"candidate": "a", "mean": 1.5, "status": "keep"},
        row | {"candidate": "b", "mean": 1.4, "status": "defer"},
        row | {"candidate": "c", "mean": None, "status": "crash"},
        row | {"candidate": "b", "mean": 1.45, "status": "discard"},
    ]
    assert [line.split("\t") for line in results(rows).splitlines()] == [
        ["commit", "val_bpb", "memory_gb", "status", "description"],
        ["0123456", "1.500000", "1.3", "keep", "with a tab"],
        ["0123456", "1.450000", "1.3", "discard", "with a tab"],
        ["0123456", "0.000000", "1.3", "crash", "with a tab"],
    ]


def test_rows_are_plain_json(filled):
    assert all(json.loads(line)["event"] == "trial" for line in filled.path.read_text().splitlines())
