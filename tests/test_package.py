"""What is published: the wheel and the sdist hold what they must and no more, and the wheel works in a clean environment."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import skillloop

ROOT = Path(__file__).parent.parent
NAME = f"skillloop-{skillloop.__version__}"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with both."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True)
    return folder


def tracked(*folders):
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


@pytest.mark.long
def test_the_wheel_holds_the_package_and_the_recipe(built):
    (wheel,) = built.glob("*.whl")
    recipe = {
        name.replace("skills/gpu-benchmark", "skillloop/recipe") for name in tracked("skills/gpu-benchmark")
    }
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == tracked("skillloop") | recipe
    assert wheel.stat().st_size < 2_000_000


@pytest.mark.long
def test_the_sdist_holds_what_is_needed_to_build_test_and_install_the_plugin(built):
    folders = ["skillloop", "bin", "skills", "hooks", "tests", "docs", "findings", ".claude-plugin"]
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        names = {member.name.removeprefix(f"{NAME}/") for member in archive if member.isfile()}
    files = {
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE",
        "pyproject.toml",
        "noxfile.py",
        "mkdocs.yml",
    }
    assert names - tracked(*folders) >= files
    assert tracked(*folders) <= names
    assert not [name for name in names if name.endswith(".pyc") or name.startswith((".git/", ".venv"))]


@pytest.mark.slow
def test_the_wheel_runs_in_a_clean_environment(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    pip = [tmp_path / "venv/bin/pip", "install", "-q", "--disable-pip-version-check", wheel]
    subprocess.run(pip, check=True)
    for arguments, said in (("demo", "identical to the original"), ("bench --help", "train.py")):
        run = [tmp_path / "venv/bin/skillloop", *arguments.split()]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert said in done.stdout
