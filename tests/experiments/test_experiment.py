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
    data,
    drive,
    edited,
    judged,
    noisy,
    recipe,
    search_and_ideas,
    start,
    value,
    variant,
)

from skillloop.bench import executors, proposers, setup
from skillloop.bench.candidate import Candidate
from skillloop.bench.experiment import results
from skillloop.errors import Refused, SkillloopError, UsageError

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


def test_what_the_run_itself_recorded_is_in_the_row(opened):
    row = judged(opened, edited(opened, "says nothing of the level", LEVEL=2.5))
    assert (row["config"], row["num_steps"], row["memory_gb"]) == ({"LEVEL": 2.5, "SIZE": 8}, 30, 0.5)
    assert row["status"] == "discard"


def test_a_discarded_diff_is_kept(opened):
    row = judged(opened, edited(opened, LEVEL=2.5))
    assert "+LEVEL = 2.5" in (opened.folder.trial(row["number"]) / "change.diff").read_text()
    assert opened.repository.git("rev-parse", f"refs/trials/{row['number']}") == row["commit"]


def test_fewer_lines_and_the_same_result_is_kept(tmp_path):
    opened = start(tmp_path, TRAIN.replace("print(", "pass\nprint(", 1))
    row = judged(
        opened, variant(opened, TRAIN), runs=Formula(opened, lambda _text, seed: 2 + seed % 2 / 1000)
    )
    assert row["reason"].endswith("the same, with fewer lines")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("raise ValueError('no')", "crash"),
        ("raise SystemExit(42)", "oom"),
        ("raise RuntimeError('CUDA out of memory')", "oom"),
        ("raise SystemExit(43)", "nan"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "oom"),
        ("while True: pass", "timeout"),
        ("import pathlib; pathlib.Path('evaluate.py').write_text('')", "tampered"),
        ("import os, pathlib; os.listdir(pathlib.Path(args.data).parent / 'judge')", "tampered"),
        ("import subprocess; subprocess.Popen(['sleep', '86394'], start_new_session=True)", "tampered"),
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


def test_a_change_of_the_seed_alone_is_refused_unmeasured(opened):
    row = judged(opened, variant(opened, TRAIN.replace("args.seed)", "int(args.seed) + 1)")))
    assert (row["status"], row["bpb"], row["spent"]) == ("discard", None, 0)
    assert row["reason"].startswith("Rejected: only the random seed differs")


def test_a_ledger_that_was_written_meanwhile_is_restored(opened):
    class Forger(executors.Local):
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


def test_the_first_stage_ends_what_is_hopeless(tmp_path):
    opened = start(tmp_path, early=0.1)
    row = judged(opened, edited(opened, LEVEL=3.0))
    assert (row["status"], row["bpb"]) == ("discard", None)
    assert row["reason"].startswith("hopeless: 3.")


def test_the_sealed_split_is_read_so_often_and_each_reading_is_logged_before(opened):
    drive(opened, proposers.given([edited(opened, LEVEL=1.5)]))
    found = setup.sealed(opened)
    assert found["best"]["mean"] == pytest.approx(1.6, abs=0.02)
    assert found["baseline"]["mean"] == pytest.approx(2.1, abs=0.02)
    assert setup.sealed(opened) == found  # the same question is answered from the ledger
    for level in (1.0, 0.5):
        drive(opened, proposers.given([edited(opened, str(level), LEVEL=level)]))
        found = setup.sealed(opened)
    assert found["reads"] == 3
    drive(opened, proposers.given([edited(opened, LEVEL=0.1)]))
    with pytest.raises(Refused, match="3 times"):
        setup.sealed(opened)


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


def plain(rows):
    """Rows without what a clock says."""
    timed = {"seconds", "spent", "at", "before", "memory_gb"}
    return [{key: value for key, value in row.items() if key not in timed} for row in rows]


@pytest.mark.parametrize("slots", [1, 3])
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


def test_pure_noise_through_the_whole_loop_is_hardly_ever_kept(tmp_path):
    opened = start(tmp_path)
    texts = [f"# {number}\n{TRAIN}X = {number}\n" for number in range(60)]
    drive(opened, proposers.given([variant(opened, text) for text in texts]), Formula(opened, noisy(0.002)))
    archive = opened.ledger.archive()
    assert len(archive.kept) - 1 <= 0.05 * len(texts)
    assert len(archive.last) == len(texts) + 1


def test_slots_measure_ahead_and_settle_in_order(opened):
    rows = drive(opened, proposers.search, limit=3, slots=3)
    assert [row["number"] for row in rows] == list(range(len(rows)))
    assert statuses(rows)[:3] == ["keep"] * 3


def test_a_data_folder_is_not_made_twice(tmp_path):
    folder = data(tmp_path / "data")
    lacking = setup.missing_modules(sys.executable)
    with pytest.raises(UsageError, match="has no") if lacking else contextlib.nullcontext():
        setup.prepare(folder, recipe(tmp_path / "recipe"), sys.executable, ["--corpus", "/nowhere"])


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
