"""The recipe on a CUDA device. Not run by CI, and written on a machine without one: read a first failure with that in mind."""

import sys
from pathlib import Path

import pytest

from skillloop.bench import measure, setup
from skillloop.bench.candidate import Job, Plan

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(1800)]
RECIPE = Path(__file__).parents[2] / "skills/gpu-benchmark"


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    if not measure.visible_gpus():
        pytest.skip("no GPU is visible")
    root = tmp_path_factory.mktemp("gpu")
    setup.prepare(root / "data", RECIPE, sys.executable, ["--recipe", "stdlib", "--size", "large"])
    opened = setup.start(root / "run", RECIPE, Plan(120.0, 1, str(root / "data"), sys.executable))
    return opened.bench.measure(
        Job(0, opened.repository.git("rev-parse", "refs/heads/baseline"), seed=1), "0"
    )


def test_a_training_in_the_sandbox_is_measured(measured):
    assert measured.status == "ok", measured.reason
    assert 0.3 < measured.bpb < 3


def test_the_device_is_used_well(measured):
    assert float(measured.summary["mfu_percent"]) > 30
    assert float(measured.summary["loader_stall_percent"]) < 1


def test_the_runner_adds_little(measured):
    assert measured.spent - measured.seconds < 60
