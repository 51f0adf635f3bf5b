"""The kit, rehearsed at a tiny size: the real recipe and real trainings on a CPU, and what it writes. Needs PyTorch."""

import json
import subprocess
import sys
import tarfile

import pytest
from helpers.experiments import data

from skillloop.bench import kit, setup
from skillloop.errors import UsageError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")


def test_a_data_folder_is_packed_and_unpacked_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "NEEDED", ("json", "no_such_module"))  # tokenizers' place: for preparing alone
    folder = data(tmp_path / "data")
    assert kit.pack(folder, tmp_path / "kit.tar.xz") == (tmp_path / "kit.tar.xz").stat().st_size
    setup.prepare(tmp_path / "again", tmp_path, sys.executable, ["--corpus", str(tmp_path / "kit.tar.xz")])
    names = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    assert sorted(path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*")) == names


def test_a_file_that_is_none_and_one_that_leads_out_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "NEEDED", ("json", "json"))
    (tmp_path / "none.tar.xz").write_bytes(b"no archive")
    (tmp_path / "word").write_text("x")
    with tarfile.open(tmp_path / "out.tar.xz", "w:xz") as tar:
        tar.add(tmp_path / "word", arcname="../outside")
    for name in ("none", "out"):
        with pytest.raises(UsageError, match="not a packed data folder"):
            setup.prepare(
                tmp_path / "data", tmp_path, sys.executable, ["--corpus", str(tmp_path / f"{name}.tar.xz")]
            )
    assert not (tmp_path / "outside").exists()


def test_the_time_for_a_training_leaves_the_loop_its_part():
    assert kit.seconds(10) == 55
    assert kit.seconds(1) == 5
    assert 2 * kit.RUNS * (kit.seconds(10) + kit.AROUND) <= 0.8 * 600


@pytest.mark.slow
@pytest.mark.xdist_group("training")
def test_the_kit_measures_both_recipes_with_the_same_seeds_and_goes_on_with_the_loop(tmp_path):
    for name in ("torch", "tokenizers", "safetensors"):
        pytest.importorskip(name)
    words = (
        "the a red old small house river king night letter sees finds keeps leaves under near before".split()
    )
    (tmp_path / "corpus").mkdir()
    for number in range(60):
        text = "\n".join(
            " ".join(words[(i * number + j) % 17] for j in range(9)) + f" {number}." for i in range(150)
        )
        (tmp_path / f"corpus/{number}.txt").write_text(text)
    where = ["--dir", str(tmp_path / "kit"), "--corpus", str(tmp_path / "corpus")]
    command = [
        sys.executable,
        "-m",
        "skillloop.cli",
        "bench",
        "kit",
        *where,
        "--seconds",
        "2",
        "--minutes",
        "0.1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "kit/kit.json").read_text())
    first, ours = found["recipes"].values()
    assert (first["ended"], ours["ended"]) == (["keep"] * 3, ["ok"] * 3)
    assert first["seeds"] == ours["seeds"]
    for means in (first, ours):
        assert 0 < means["bpb"] < 8
        assert means["tokens_per_second"] > 0
        assert means["mfu_percent"] is None, "no card, no share of its peak"
    assert first["bpb_runs"] != ours["bpb_runs"]
    assert "| ours | " in done.stdout
    assert "then the loop: 0 candidates" in done.stdout
