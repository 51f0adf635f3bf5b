"""The ledger: append-only, chained, and whole after a crash."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillloop.errors import SkillloopError
from skillloop.search.ledger import Ledger


@pytest.fixture
def filled(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl", "loss")
    for number in range(3):
        ledger.append({"event": "trial", "number": number})
    return ledger


def test_rows_come_back(filled):
    assert [row["number"] for row in Ledger(filled.path, "loss").trials] == [0, 1, 2]


@given(cut=st.integers(0, 400))
def test_a_crash_in_the_middle_of_a_line_loses_that_line_alone(tmp_path_factory, cut):
    ledger = Ledger(tmp_path_factory.mktemp("run") / "ledger.jsonl", "loss")
    for number in range(3):
        ledger.append({"event": "trial", "number": number})
    data = ledger.path.read_bytes()[: -max(1, cut)] if cut else ledger.path.read_bytes()
    ledger.path.write_bytes(data)
    again = Ledger(ledger.path, "loss")
    assert len(again.rows) == data.count(b"\n")
    again.append({"event": "trial", "number": 9})
    assert Ledger(ledger.path, "loss").rows[-1]["number"] == 9


@pytest.mark.parametrize("line", [0, 1])
def test_a_changed_row_is_found_at_the_next_start(filled, line):
    lines = filled.path.read_text().splitlines()
    lines[line] = lines[line].replace('"number": ', '"number": 7')
    filled.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(SkillloopError, match=r"jsonl:\d"):
        Ledger(filled.path, "loss")


def test_a_removed_row_is_found(filled):
    first, _, third = filled.path.read_text().splitlines()
    filled.path.write_text(f"{first}\n{third}\n")
    with pytest.raises(SkillloopError, match="altered"):
        Ledger(filled.path, "loss")


def test_a_change_while_it_is_open_is_found_and_undone(filled):
    before = filled.path.read_bytes()
    filled.path.write_bytes(before.replace(b'"number": 2', b'"number": 3'))
    with pytest.raises(SkillloopError, match="altered while"):
        filled.append({"event": "trial", "number": 3})
    filled.restore()
    assert filled.path.read_bytes() == before


def test_rows_are_plain_json(filled):
    assert all(json.loads(line)["event"] == "trial" for line in filled.path.read_text().splitlines())
