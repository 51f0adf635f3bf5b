"""The command line as a person meets it: real processes, real files, exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from skillloop import __version__, cli

VERBS = sorted(cli.VERBS)


def skillloop(*args, home, **env):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "skillloop.cli", "--home", str(home), *map(str, args)],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_version_imports_neither_rich_nor_sqlite():
    code = "import sys; from skillloop import cli; cli.run(['--version']); print(sorted({'rich', 'sqlite3', 'jinja2'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines() == [f"skillloop, version {__version__}", "[]"]


@pytest.mark.parametrize(
    "verb", ["log", "doctor"]
)  # with `diff`, `rollback`, `verify`, `export` and others beside them
def test_verbs_that_read_the_history_load_neither_detector_nor_model(verb):
    code = f"import sys, skillloop.commands.{verb}; print(*sorted(n for n in sys.modules if n.startswith('skillloop.')))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"skillloop.pipeline", "skillloop.detect", "skillloop.llm", "skillloop.gate"} & set(
        out.split()
    )


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_says_what_it_writes_and_has_an_example(verb):
    text = CliRunner().invoke(cli.app, [verb, "--help"]).output
    assert f"skillloop {verb}" in text
    assert "Example" in text
    assert any(word in text.lower() for word in ("write", "touches", "stays")), text


def test_an_unknown_verb_is_a_usage_error_with_the_nearest_one(home):
    done = skillloop("reviw", home=home)
    assert done.returncode == 2
    assert "Did you mean 'review'?" in done.stderr


def test_errors_are_json_under_json(home):
    done = skillloop("show", "nosuch", "--json", home=home)
    assert done.returncode == 2
    assert json.loads(done.stderr)["error"]["message"].startswith("there is no edit 'nosuch'")
    assert done.stdout == ""


def test_a_bug_is_exit_3_with_a_crash_log(home, monkeypatch, capfd):
    def broken(*_args, **_kwargs):
        raise RuntimeError("boom")

    monkeypatch.setattr(cli.app, "main", broken)
    assert cli.run(["status"]) == 3
    log = capfd.readouterr().err.partition("the crash log is ")[2].partition(";")[0]
    text = Path(log).read_text()
    assert "RuntimeError: boom" in text
    assert "args: ['status']" in text


def test_an_interrupt_is_exit_130(monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.app, "main", interrupted)
    assert cli.run(["status"]) == 130


def test_an_interrupt_while_an_object_is_freed_is_not_lost(monkeypatch, capsys):
    class Freed:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    def long_work(**_):
        Freed()
        time.sleep(30)

    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(cli.app, "main", lambda *_, **__: long_work())
    began = time.monotonic()
    assert cli.run([]) == 130
    assert time.monotonic() - began < 20
    assert "Exception ignored" not in capsys.readouterr().err


def test_home_may_be_this_folder_but_not_an_empty_name(home, monkeypatch, capfd):
    monkeypatch.chdir(home)
    assert cli.run(["--home", ".", "status"]) == 0
    assert f"folder      {home}" in capfd.readouterr().out
    assert cli.run(["--home", "", "status"]) == 2
