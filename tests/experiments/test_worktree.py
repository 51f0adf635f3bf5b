"""The candidates in git: every one stays."""

import sys

import pytest
from helpers.experiments import edited, judged, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")


@pytest.fixture
def opened(tmp_path):
    return start(tmp_path)


def test_a_discarded_diff_is_kept(opened):
    row = judged(opened, edited(opened, LEVEL=2.5))
    assert "+LEVEL = 2.5" in (opened.folder.trial(row["number"]) / "change.diff").read_text()
    assert opened.repository.git("rev-parse", f"refs/trials/{row['number']}") == row["commit"]
