"""`skillloop bench` as a person calls it, on a toy run that was measured before."""

import json
import re
import sys

import pytest
from click.testing import CliRunner
from helpers.experiments import Formula, drive, edited, start

from skillloop import cli
from skillloop.bench import proposers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")


def value(text, seed):
    return float(text.split("LEVEL = ")[1].split()[0]) + seed % 7 / 1000


@pytest.fixture
def run(tmp_path):
    opened = start(tmp_path)
    evil = edited(opened, "<script>alert(1)</script>", LEVEL=2.5)
    drive(opened, proposers.given([edited(opened, "lower", LEVEL=1.5), evil]), Formula(opened, value))
    return opened.folder


def bench(*args):
    return CliRunner().invoke(cli.app, ["bench", *map(str, args)])


def test_the_log_has_every_trial_and_its_reason(run):
    lines = bench("log", "--dir", run.root).stdout.splitlines()
    assert len(lines) == 7
    assert re.search(r"5 keep +1\.50\d+ +lower +· gain", lines[5])


def test_the_log_as_json_is_the_ledger(run):
    said = bench("log", "--json", "--dir", run.root).stdout
    assert [json.loads(line) for line in said.splitlines()] == [
        {"version": 1} | json.loads(line) for line in run.ledger.read_text().splitlines()
    ]


def test_the_report_is_one_file_that_loads_nothing_and_runs_nothing(run):
    done = CliRunner().invoke(cli.app, ["report", str(run.root)])
    assert done.stdout.strip() == str(run.report)
    page = run.report.read_text()
    assert not re.search(r"<script|<link|src=|https?://", page)
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 2  # progress and lineage; nothing was trained, so there are no curves


def test_the_report_draws_every_trial(run):
    CliRunner().invoke(cli.app, ["report", str(run.root)])
    page = run.report.read_text()
    assert len(re.findall(r"<circle", page)) >= 7 + 3
    assert "best: lower" in page
    assert 'class="noise"' in page


def test_a_folder_without_a_run_is_a_usage_error(tmp_path):
    found = cli.run(["bench", "log", "--dir", str(tmp_path)])
    assert found == 2


@pytest.mark.parametrize("verb", ["run", "try", "log"])
def test_every_help_has_an_example_and_says_what_is_written(verb):
    said = bench(verb, "--help").stdout
    assert "Example: skillloop bench" in said
    assert "Writes" in said
