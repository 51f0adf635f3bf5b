"""Two Ray nodes on one machine, one of them killed in the middle. Needs the extra `ray`."""

import sys
import threading
import time
from pathlib import Path

import pytest
from helpers.experiments import TRAIN, drive, edited, start

from skillloop.bench import proposers
from skillloop.bench.measure import Bench
from skillloop.search.cluster import Cluster

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("training"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's"),
]
SLOW = TRAIN.replace("import argparse", "import time; time.sleep(1.5)\nimport argparse")


@pytest.fixture
def nodes(monkeypatch):
    import ray
    from ray import cluster_utils

    monkeypatch.setenv("RAY_DEDUP_LOGS", "0")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    found = [cluster.add_node(num_cpus=1, num_gpus=1) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster, found
    ray.shutdown()
    cluster.shutdown()


def plain(rows):
    kept = ("number", "candidate", "parent", "description", "status", "bpb", "mean", "runs", "seed", "commit")
    return [{key: row[key] for key in kept} for row in rows]


def test_a_node_that_dies_loses_no_trial_and_doubles_none(nodes, tmp_path):
    cluster, (first, _) = nodes
    local, remote = start(tmp_path / "local", SLOW), start(tmp_path / "remote", SLOW)
    levels = [2.3, 1.5, 2.2, 1.6]
    expected = drive(local, proposers.given([edited(local, str(x), LEVEL=x) for x in levels]), slots=2)
    runs = Cluster(Bench.measure, remote.bench)
    assert runs.slots == 2

    def kill_one():
        while len(remote.ledger.trials) < 3:
            time.sleep(0.1)
        cluster.remove_node(first, allow_graceful=False)

    killer = threading.Thread(target=kill_one)
    killer.start()
    rows = drive(remote, proposers.given([edited(remote, str(x), LEVEL=x) for x in levels]), runs=runs)
    killer.join()
    assert plain(rows) == plain(expected)
    assert [row["number"] for row in rows] == list(range(len(rows)))
