"""Starting a run and taking it up again; the sealed split."""

import contextlib
import importlib.util
import sys

import pytest
from helpers.experiments import data, drive, edited, recipe, start

from skillloop.bench import proposers, setup
from skillloop.errors import Refused, UsageError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")


@pytest.fixture
def opened(tmp_path):
    return start(tmp_path)


def test_the_sealed_split_is_read_so_often_and_each_reading_is_logged_before(opened):
    drive(opened, proposers.given([edited(opened, LEVEL=1.5)]))
    found = setup.read_sealed_test(opened)
    assert found["best"]["mean"] == pytest.approx(1.6, abs=0.02)
    assert found["baseline"]["mean"] == pytest.approx(2.1, abs=0.02)
    assert setup.read_sealed_test(opened) == found  # the same question is answered from the ledger
    for level in (1.0, 0.5):
        drive(opened, proposers.given([edited(opened, str(level), LEVEL=level)]))
        found = setup.read_sealed_test(opened)
    assert found["reads"] == 3
    drive(opened, proposers.given([edited(opened, LEVEL=0.1)]))
    with pytest.raises(Refused, match="3 times"):
        setup.read_sealed_test(opened)


def test_another_optuna_than_the_one_a_run_began_with_is_said(opened, monkeypatch):
    monkeypatch.setattr(setup.metadata, "version", lambda _name: "4.9.0")
    assert setup.note_optuna(opened) == ""
    assert setup.note_optuna(opened) == ""
    monkeypatch.setattr(setup.metadata, "version", lambda _name: "5.0.0")
    assert "optuna 4.9.0 and goes on with 5.0.0" in setup.note_optuna(opened)
    assert [row["installed"] for row in opened.ledger.events("optuna")] == ["4.9.0", "5.0.0"]


@pytest.mark.parametrize("option", [{"seconds": 9.0}, {"seed": 2}, {"sealed": 99}])
def test_a_run_goes_on_under_its_own_plan_only(tmp_path, option):
    start(tmp_path)
    with pytest.raises(Refused, match=next(iter(option))):
        start(tmp_path, **option)


def test_a_run_goes_on_with_its_own_metric_only(tmp_path):
    opened = start(tmp_path)
    changed = recipe(tmp_path / "other")
    (changed / "evaluate.py").write_text("print('0.1')")
    with pytest.raises(Refused, match="hashes"):
        setup.start(opened.folder.root, changed, opened.plan)


def test_data_where_trials_can_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("skillloop.bench.sandbox.interpreter_folders", lambda _python: [str(tmp_path)])
    with pytest.raises(UsageError, match="which trials may read"):
        start(tmp_path)


def test_a_data_folder_is_not_made_twice(tmp_path):
    folder = data(tmp_path / "data")
    lacking = [name for name in setup.NEEDED if importlib.util.find_spec(name) is None]
    with pytest.raises(UsageError, match="has no") if lacking else contextlib.nullcontext():
        setup.prepare(folder, recipe(tmp_path / "recipe"), sys.executable, ["--corpus", "/nowhere"])
