"""Measuring one candidate: how it ended, and what is recorded of it. Real processes and real git; no PyTorch."""

import sys

import pytest
from helpers.experiments import TRAIN, edited, judged, start, variant

from skillloop.bench.candidate import Candidate

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")


@pytest.fixture
def opened(tmp_path):
    return start(tmp_path)


def test_what_the_run_itself_recorded_is_in_the_row(opened):
    row = judged(opened, edited(opened, "says nothing of the level", LEVEL=2.5))
    assert (row["config"], row["num_steps"], row["memory_gb"]) == ({"LEVEL": 2.5, "SIZE": 8}, 30, 0.5)
    assert row["status"] == "discard"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("raise ValueError('no')", "crash"),
        ("raise SystemExit(42)", "oom"),
        ("raise RuntimeError('CUDA out of memory')", "oom"),
        ("raise SystemExit(43)", "nan"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "oom"),
        pytest.param("while True: pass", "timeout", marks=pytest.mark.slow),
        ("import pathlib; pathlib.Path('evaluate.py').write_text('')", "tampered"),
        ("import os, pathlib; os.listdir(pathlib.Path(args.data).parent / 'judge')", "tampered"),
        pytest.param(
            "import subprocess; subprocess.Popen(['sleep', '86394'], start_new_session=True)",
            "tampered",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_each_end_has_its_status(tmp_path, change, status):
    opened = start(tmp_path, seconds=1.0)
    row = judged(opened, variant(opened, TRAIN + change + "\n"))
    assert row["status"] == status, row["reason"]
    assert opened.ledger.archive().best == opened.baseline.id


def test_a_changed_locked_file_is_not_even_run(opened):
    files = {**opened.baseline.files, "evaluate.py": 'print(\'{"status": "ok", "bpb": 0.1}\')'}
    row = judged(opened, Candidate(files, "an easier metric", "test", opened.baseline.id))
    assert (row["status"], row["reason"], row["seconds"]) == (
        "tampered",
        "evaluate.py is locked and was changed",
        0,
    )


def test_another_file_beside_it_is_refused(opened):
    files = {**opened.baseline.files, "tokens.pkl": "gASVBQ"}
    assert (
        judged(opened, Candidate(files, "cached tokens", "test", opened.baseline.id))["status"] == "tampered"
    )


def test_the_first_stage_ends_what_is_hopeless(tmp_path):
    opened = start(tmp_path, early=0.1)
    row = judged(opened, edited(opened, LEVEL=3.0))
    assert (row["status"], row["bpb"]) == ("discard", None)
    assert row["reason"].startswith("hopeless: 3.")
