"""The zygote as a fixture, and worlds to break."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import world as worlds


class Zygote:
    """Runs acts in children of a warmed-up process; see zygote.py."""

    def __init__(self, process, folder):
        self.process = process
        self.log = folder / "strace.log"

    def run(self, act, world, *, strace=None, patch=None, limit=None):
        """The child's exit code and message."""
        request = {
            "act": act,
            "world": str(world.folder),
            "strace": strace,
            "log": str(self.log),
            "patch": patch,
            "limit": limit,
        }
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        if reply["code"] is None:
            pytest.skip(f"strace cannot trace here: {reply['message'].strip()[:200]}")
        return reply["code"], reply["message"]


@pytest.fixture
def memory():
    """A folder where a sync costs nothing. Nothing here depends on the disk: what is unsynced is modelled."""
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        yield Path(folder)


@pytest.fixture
def tmp_path(memory):
    """A folder of the test's own in it."""
    path = memory / "tmp"
    path.mkdir()
    return path


@pytest.fixture
def zygote(memory):
    here = Path(__file__).parent
    command = [sys.executable, str(here / "zygote.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Zygote(process, memory)
        process.stdin.close()


@pytest.fixture
def tracing(zygote):
    """The zygote, where strace is installed."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed; test_points.py covers the numbered fault points")
    return zygote


@pytest.fixture
def template(memory, request):
    """A world to copy from, "linked" or not. Copies must lie at `scene`, since the store knows skills by their path."""
    made = worlds.make(memory / "scene", linked=getattr(request, "param", "") == "linked")
    made.folder.rename(memory / "template")
    return worlds.World(memory / "template")


@pytest.fixture
def scene(memory):
    return memory / "scene"


def pytest_terminal_summary(terminalreporter):
    """Print what was counted, for the README."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "faults":
                terminalreporter.write_line(f"faults: {value}")
