"""The experiment as a problem of the loop, on a toy recipe: real processes, real git, real kills; no PyTorch."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.experiments import (
    TRAIN,
    Formula,
    drive,
    edited,
    judged,
    noisy,
    search_and_ideas,
    start,
    value,
    variant,
)

from skillloop.bench import measure, proposers, setup
from skillloop.bench.experiment import results
from skillloop.errors import SkillloopError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
TESTS = Path(__file__).parents[1]


@pytest.fixture
def opened(tmp_path):
    return start(tmp_path)


def statuses(rows):
    return [row["status"] for row in rows]


def test_a_better_candidate_is_kept_after_it_was_measured_again(opened):
    better = edited(opened, "lower", LEVEL=1.5)
    rows = drive(opened, proposers.given([better]))
    assert statuses(rows) == ["keep", "keep", "keep", "defer", "keep", "keep"]
    assert [row["description"] for row in rows[3:]] == ["lower", "baseline", "lower"]
    assert opened.repository.git("rev-parse", "refs/heads/best") == rows[-1]["commit"]


def test_fewer_lines_and_the_same_result_is_kept(tmp_path):
    opened = start(tmp_path, TRAIN.replace("print(", "pass\nprint(", 1))
    row = judged(
        opened, variant(opened, TRAIN), runs=Formula(opened, lambda _text, seed: 2 + seed % 2 / 1000)
    )
    assert row["reason"].endswith("the same, and shorter")


def test_a_change_of_the_seed_alone_is_refused_unmeasured(opened):
    row = judged(opened, variant(opened, TRAIN.replace("args.seed)", "int(args.seed) + 1)")))
    assert (row["status"], row["bpb"], row["spent"]) == ("discard", None, 0)
    assert row["reason"].startswith("Rejected: only the random seed differs")


def test_a_ledger_that_was_written_meanwhile_is_restored(opened):
    class Forger(measure.Local):
        def submit(self, job):
            if job.number == 3:
                with opened.folder.ledger.open("a") as file:
                    file.write(json.dumps({"event": "trial", "bpb": 0.1}) + "\n")
                opened.folder.ledger.write_bytes(opened.folder.ledger.read_bytes().replace(b"keep", b"KEEP"))
            return super().submit(job)

    row = judged(opened, edited(opened, LEVEL=1.0), runs=Forger(opened.bench, lambda _n, _l: None))
    assert row["status"] == "tampered"
    assert len(setup.resume(opened.folder, opened.plan).ledger.rows) == 4


def test_a_broken_baseline_ends_the_run_with_its_reason(tmp_path):
    opened = start(tmp_path, "raise ValueError('no data')")
    with pytest.raises(SkillloopError, match="no data"):
        drive(opened, proposers.given([]))


def plain(rows):
    """Rows without what a clock says."""
    timed = {"seconds", "spent", "at", "before", "memory_gb"}
    return [{key: value for key, value in row.items() if key not in timed} for row in rows]


@pytest.mark.parametrize("slots", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(tmp_path, slots):
    whole = start(tmp_path / "whole")
    proposer = search_and_ideas(tmp_path)
    expected = drive(whole, proposer, Formula(whole, value, slots), limit=8)
    starts = 0
    while len((opened := start(tmp_path / "cut")).ledger.trials) < len(expected):
        runs, starts = Formula(opened, value, slots), starts + 1
        runs.submit = after(runs.submit, slots + 1)
        with contextlib.suppress(KeyboardInterrupt):
            drive(opened, proposer, runs, limit=8)
    assert plain(opened.ledger.trials) == plain(expected)
    assert starts >= len(expected) / (slots + 1)


def after(submit, count):
    """The call, and an interrupt once it was made so often."""
    calls = iter(range(count))

    def interrupted(job):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return submit(job)

    return interrupted


DRIVER = """
import sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
from helpers.experiments import drive, search_and_ideas, start
root = Path({root!r})
drive(start(root), search_and_ideas(root), limit=4)
"""


@pytest.mark.slow
def test_kill_9_at_any_moment_loses_no_trial_and_changes_none(tmp_path):
    def run(root, seconds=None):
        root.mkdir(exist_ok=True)
        code = DRIVER.format(tests=str(TESTS), root=str(root))
        process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(0.3)
            return None

    began = time.monotonic()
    assert run(tmp_path / "whole") == 0
    needed = time.monotonic() - began  # the machine's speed decides when to kill
    random_, kills = random.Random(4), 0
    while run(tmp_path / "cut", random_.uniform(0.15, 0.5) * needed) is None:
        kills += 1
        assert kills < 60
    whole, cut = (start(tmp_path / name).ledger.trials for name in ("whole", "cut"))
    assert kills >= 2
    assert plain(cut) == plain(whole)


@pytest.mark.slow
def test_pure_noise_through_the_whole_loop_is_hardly_ever_kept(tmp_path):
    opened = start(tmp_path)
    texts = [f"# {number}\n{TRAIN}X = {number}\n" for number in range(60)]
    drive(opened, proposers.given([variant(opened, text) for text in texts]), Formula(opened, noisy(0.002)))
    archive = opened.ledger.archive()
    assert len(archive.kept) - 1 <= 0.05 * len(texts)
    assert len(archive.last) == len(texts) + 1


def test_results_have_one_line_a_candidate_in_autoresearchs_columns():
    row = {"commit": "0123456789", "memory_gb": 1.26, "description": "with a\ttab"}
    rows = [
        row | {"candidate": "a", "mean": 1.5, "status": "keep"},
        row | {"candidate": "b", "mean": 1.4, "status": "defer"},
        row | {"candidate": "c", "mean": None, "status": "crash"},
        row | {"candidate": "b", "mean": 1.45, "status": "discard"},
        row | {"candidate": "d", "mean": None, "status": "nan"},
        row | {"candidate": "e", "mean": None, "status": "tampered"},
        row | {"candidate": "f", "mean": 1.6, "status": "defer", "description": "NaN"},
        row | {"candidate": "g", "mean": 1.6, "status": "discard", "description": "n/a"},
    ]
    assert [line.split("\t") for line in results(rows).splitlines()] == [
        ["commit", "val_bpb", "memory_gb", "status", "description"],
        ["0123456", "1.500000", "1.3", "keep", "with a tab"],
        ["0123456", "1.450000", "1.3", "discard", "with a tab"],
        ["0123456", "0.000000", "1.3", "crash", "with a tab"],
        ["0123456", "0.000000", "1.3", "crash", "nan: with a tab"],
        ["0123456", "", "1.3", "discard", "tampered: with a tab"],
        ["0123456", "1.600000", "1.3", "discard", "defer: NaN"],
        ["0123456", "1.600000", "1.3", "discard", "discard: n/a"],
    ]


def test_no_word_that_pandas_takes_for_a_missing_value_stands_in_results():
    base = {"commit": "0123456789", "candidate": "a", "mean": 1.5, "status": "keep"}
    for word in (
        "",
        "NaN",
        "nan",
        "None",
        "NULL",
        "null",
        "NA",
        "n/a",
        "<NA>",
        "#N/A",
        "-1.#IND",
        "-nan",
        "1.#QNAN",
    ):
        assert results([base | {"description": word}]).splitlines()[1].endswith(f"\tkeep: {word}")
    assert results([base | {"description": "nanny's wider layers"}]).endswith("\tnanny's wider layers\n")
