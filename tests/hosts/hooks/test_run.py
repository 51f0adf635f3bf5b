"""hooks/run: which Python it takes, and that it ends well whatever it finds."""

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from skillloop.errors import Refused
from skillloop.hosts.claude_code.hooks import approval

ROOT = Path(__file__).parents[3]
HOOKS = "skillloop/hosts/claude_code/hooks"


@pytest.fixture
def run(tmp_path):
    """Run the script with a PATH that holds only the named tools; each fake says its name and arguments."""
    root = tmp_path / "plug in"
    shutil.copytree(ROOT / "hooks", root / "hooks")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sh").symlink_to(shutil.which("sh"))

    def start(home, *names, system="Linux", event="end"):
        for name in names:
            (tools / name).write_text(f'#!/bin/sh\necho "{name}: $*"\nexit 3\n')
            (tools / name).chmod(0o755)
        (tools / "uname").write_text(f"#!/bin/sh\necho {system}\n")
        (tools / "uname").chmod(0o755)
        environment = {"PATH": str(tools), "HOME": str(home)}
        command = ["sh", root / "hooks" / "run", "session", event]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return start


def test_skillloops_own_python_comes_first(run, home):
    python = home / ".skillloop" / "env" / "current" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "own: $*"\n')
    python.chmod(0o755)
    done = run(home, "python3", "uv")
    assert done.stdout.startswith("own: -I -S ")
    assert done.stdout.endswith(f"/{HOOKS}/session.py end\n")


def test_before_there_is_an_environment_the_systems_python_serves(run, home):
    assert run(home, "python3", "uv").stdout.startswith("python3: -I -S ")


def test_without_any_python_uv_finds_one(run, home):
    assert run(home, "uv").stdout.startswith(
        "uv: run --quiet --no-project --python >=3.11,<3.14 -- python -I -S "
    )


def test_with_nothing_at_all_the_session_still_ends_well_and_the_next_start_says_why(run, home):
    ended, started = run(home), run(home, event="start")
    assert (ended.returncode, ended.stdout, started.returncode) == (0, "", 0)
    assert "needs Python 3.11 or newer, or uv" in json.loads(started.stdout)["systemMessage"]


def test_a_python_that_fails_does_not_fail_the_session(run, home):
    assert run(home, "python3").returncode == 0


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="needs /usr/bin/python3")
def test_the_installer_stub_of_a_mac_is_never_started(run, home, tmp_path):
    """Its `python3` in /usr/bin opens a dialog unless the developer tools are there."""
    script = tmp_path / "plug in" / "hooks" / "run"
    script.write_text(script.read_text().replace("command -v python3", "echo /usr/bin/python3"))
    assert run(home, "uv", system="Darwin").stdout.startswith("uv: run")
    (tmp_path / "plug in" / HOOKS).mkdir(parents=True)
    (tmp_path / "plug in" / HOOKS / "session.py").write_text("print('system')")
    assert run(home, "uv", "xcode-select", system="Darwin").stdout.startswith("uv: run")
    (tmp_path / "tools" / "xcode-select").write_text("#!/bin/sh\nexit 0\n")
    assert run(home, "uv", system="Darwin").stdout == "system\n"


def test_what_the_hooks_have_a_copy_of_each_is_the_same():
    """They run by path, so none can import it of another."""

    def copies(start, *names):
        sources = (ast.walk(ast.parse((ROOT / HOOKS / f"{name}.py").read_text())) for name in names)
        return [
            {found for node in nodes if (found := ast.unparse(node)).startswith(start)} for nodes in sources
        ]

    homes = copies("os.path.abspath(os.environ", "session", "receipts", "guard", "approval")
    machines = copies("os.environ.get('CLAUDE_CODE_ENTRYPOINT', '').", "session", "receipts")
    inside = copies("machine or ", "session", "receipts")
    for first, *others in (homes, machines, inside):
        assert first
        assert others == [first] * len(others)
    assert Refused.exit_code == approval.REFUSED
