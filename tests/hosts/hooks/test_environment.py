"""The environment that the plugin builds for itself, from a small plugin whose package needs no network to install."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from skillloop.hosts.claude_code.hooks import environment

ROOT = Path(__file__).parents[3]
HOOKS = "skillloop/hosts/claude_code/hooks"
BACKEND = """
import zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, info = "skillloop-1-py3-none-any.whl", "skillloop-1.dist-info/"
    with zipfile.ZipFile(wheel_directory + "/" + name, "w") as wheel:
        wheel.write("skillloop/__init__.py")
        wheel.write("skillloop/worker/__init__.py")
        wheel.write("skillloop/worker/worker.py")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: skillloop\\nVersion: 1\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "entry_points.txt", "[console_scripts]\\nskillloop = skillloop.worker.worker:main\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
WORKER = """
import os, sys

def main():
    print("worker in", sys.prefix)

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def plugin(tmp_path):
    """A plugin root with environment.py and a package of two files, built by a back end of its own."""
    root = tmp_path / "plugin"
    (root / HOOKS).mkdir(parents=True)
    (root / "skillloop" / "worker").mkdir()
    (root / ".claude-plugin").mkdir()
    (root / ".claude-plugin" / "plugin.json").write_text('{"name": "skillloop", "version": "1.0"}')
    backend = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (root / "pyproject.toml").write_text(backend + '[project]\nname = "skillloop"\nversion = "1"\n')
    (root / "backend.py").write_text(BACKEND)
    (root / "skillloop" / "__init__.py").write_text("")
    (root / "skillloop" / "worker" / "__init__.py").write_text("")
    (root / "skillloop" / "worker" / "worker.py").write_text(WORKER)
    shutil.copy(ROOT / HOOKS / "environment.py", root / HOOKS)
    return root


def start(plugin, home, python=sys.executable, **variables):
    """Run environment.py as the hook does, but wait for it."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(home), "SKILLLOOP_HOME": str(home), **variables}
    command = [python, "-I", plugin / HOOKS / "environment.py"]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


@pytest.fixture
def quick(plugin, home, monkeypatch):
    """`environment.ensure` in this process, with a recipe that takes no time; returned is the plugin's root."""
    monkeypatch.setattr(environment, "ROOT", plugin)
    monkeypatch.setattr(environment, "recipes", lambda place: iter([[["mkdir", "-p", f"{place}/bin"]]]))
    return plugin


def failing(place):
    return iter([[["sh", "-c", "echo 'no matching distribution' >&2; exit 1"]]])


@pytest.mark.slow
def test_the_first_start_builds_an_environment_and_goes_on_as_the_worker(plugin, home):
    first = start(plugin, home)
    place = home / "env" / environment.key(plugin)
    assert first.stdout == f"worker in {place}\n", first.stderr
    assert start(plugin, home).stderr == "", "the second start builds nothing"
    launched = subprocess.run([home / "bin" / "skillloop"], capture_output=True, text=True, check=True)
    assert launched.stdout == f"worker in {place}\n"
    assert place.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_settings_of_the_persons_own_pip_do_not_lead_the_installation_elsewhere(plugin, home, tmp_path):
    done = start(
        plugin, home, PIP_TARGET=str(tmp_path / "t"), PIP_USER="1", PYTHONPATH=str(tmp_path), PYTHONHOME="/x"
    )
    assert done.stdout.startswith("worker in"), done.stderr
    assert not (tmp_path / "t").exists()


@pytest.mark.slow
def test_an_environment_in_which_the_worker_cannot_even_start_is_not_put_into_use(plugin, home):
    (plugin / "skillloop" / "worker" / "worker.py").write_text("import no_such_library")
    done = start(plugin, home)
    assert done.stdout == ""
    assert "No module named 'no_such_library'" in (home / "notice.json").read_text()
    assert not (home / "env" / "current").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("uv") is None, reason="needs uv")
def test_uv_serves_where_there_is_no_suitable_python(plugin, home, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").symlink_to(shutil.which("uv"))
    alone = {"PATH": str(tmp_path / "bin")}
    if subprocess.run(["uv", "--version"], env=alone, capture_output=True, check=False).returncode:
        pytest.skip("this uv is a script that needs other programs")
    (tmp_path / "bin" / "python3").symlink_to(os.path.realpath(sys.executable))
    code = (
        "import runpy, subprocess, sys; subprocess.call = lambda *_, **__: 1\n"  # no Python passes the check
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    variables = {"PATH": str(tmp_path / "bin"), "HOME": str(home), "SKILLLOOP_HOME": str(home)}
    command = [sys.executable, "-I", "-c", code, plugin / HOOKS / "environment.py"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("worker in"), done.stderr


def test_a_ready_environment_is_used_and_the_launcher_leads_into_it(quick, home):
    python = environment.ensure(home)
    place = home / "env" / environment.key(quick)
    assert python == place / "bin" / "python"
    assert (home / "env" / "current").resolve() == place
    assert str((home / "bin" / "skillloop").readlink()) == "../env/current/bin/skillloop"


def test_changed_code_gets_an_environment_of_its_own_and_old_ones_go(quick, home):
    for number in range(4):
        (quick / "skillloop" / "worker" / "worker.py").write_text(f"# {number}")
        environment.ensure(home)
        os.utime((home / "env" / "current").resolve(), (number, number))
    folders = [path for path in (home / "env").iterdir() if path.is_dir() and not path.is_symlink()]
    assert len(folders) == environment.KEPT
    assert (home / "env" / "current").resolve() in folders


def test_the_key_depends_on_what_gets_installed_and_on_nothing_else(plugin):
    before = environment.key(plugin)
    (plugin / "README.md").write_text("words")
    (plugin / "skillloop" / "__pycache__").mkdir()
    (plugin / "skillloop" / "__pycache__" / "worker.pyc").write_bytes(b"x")
    assert environment.key(plugin) == before
    (plugin / "pyproject.toml").write_text("")
    assert environment.key(plugin) != before
    assert before.startswith("1.0-")


def test_a_build_that_died_half_way_is_built_again(quick, home):
    place = home / "env" / environment.key(quick)
    (place / "bin").mkdir(parents=True)
    (place / "leftover").write_text("")
    assert environment.ensure(home)
    assert (place / "ready").exists()
    assert not (place / "leftover").exists()


def test_while_another_process_builds_this_one_leaves(quick, home):
    (home / "env").mkdir()
    with (home / "env" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert environment.ensure(home) is None
    assert environment.ensure(home)


def test_a_failed_build_is_told_and_waits_before_it_is_tried_again(quick, home, monkeypatch):
    good = environment.recipes
    monkeypatch.setattr(environment, "recipes", failing)
    assert environment.ensure(home) is None
    message = json.loads((home / "notice.json").read_text())["systemMessage"]
    assert "could not build its environment: no matching distribution" in message
    monkeypatch.setattr(environment, "recipes", good)
    assert environment.ensure(home) is None, "the back-off runs"
    monkeypatch.setattr(environment, "BACK_OFF", (0,))
    assert environment.ensure(home)
    assert not (home / "notice.json").exists()


def test_each_failure_in_a_row_waits_longer_and_a_clock_set_back_does_not_wait_forever(
    quick, home, monkeypatch
):
    monkeypatch.setattr(environment, "recipes", failing)
    now = 1_000_000.0
    monkeypatch.setattr(environment.time, "time", lambda: now)
    environment.ensure(home)
    now += environment.BACK_OFF[0] + 1
    environment.ensure(home)
    assert environment.failures(home / "env")[0] == 2
    now += environment.BACK_OFF[0] + 1
    assert environment.waiting(home / "env")
    now = 5.0
    assert not environment.waiting(home / "env")


def test_a_second_recipe_is_tried_where_the_first_fails(quick, home, monkeypatch):
    second = [["mkdir", "-p", str(home / "env" / environment.key(quick) / "bin")]]
    monkeypatch.setattr(environment, "recipes", lambda place: iter([*failing(place), second]))
    assert environment.ensure(home)


def test_sessions_that_older_code_gave_up_get_another_chance(quick, home):
    (home / "inbox" / "failed").mkdir(parents=True)
    (home / "inbox" / "failed" / "a.json").write_text("{}")
    environment.ensure(home)
    assert (home / "inbox" / "a.json").exists()
    assert not list((home / "inbox" / "failed").iterdir())


def test_without_any_python_or_uv_it_says_what_it_needs(plugin, home, monkeypatch):
    monkeypatch.setattr(environment, "ROOT", plugin)
    monkeypatch.setattr(environment, "suitable_python", lambda: None)
    monkeypatch.setenv("PATH", "")
    assert environment.ensure(home) is None
    assert "needs Python 3.11 or newer with venv, or uv" in (home / "notice.json").read_text()


def test_a_log_that_has_grown_too_long_is_set_aside(plugin, home, quick):
    (home / "log").mkdir()
    log = home / "log" / "worker.log"
    log.write_bytes(b"x" * (environment.LOG_LIMIT + 1))
    code = "import sys; sys.path.insert(0, sys.argv[1]); import environment, pathlib, os; environment.rotate(pathlib.Path(sys.argv[2])); os.write(2, b'new')"
    subprocess.run([sys.executable, "-c", code, plugin / HOOKS, log], check=True)
    assert log.read_bytes() == b"new"
    assert log.with_name("worker.log.1").stat().st_size > environment.LOG_LIMIT
    assert log.stat().st_mode & 0o777 == 0o600


def test_what_the_client_runs_parses_on_python_3_8():
    import ast

    for name in ("environment", "approval", "guard", "receipts"):
        ast.parse((ROOT / HOOKS / f"{name}.py").read_text(), feature_version=(3, 8))
