"""Shared fixtures. A test that forgets to name a home fails loudly instead of touching the developer's own."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from transcripts import SKILL

from skillloop.store import Store

# How long an example takes, or takes to make, says more of the machine than of the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

# A shell that starts us in the background lets us, and every process that we start, ignore Ctrl-C: we test it.
signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process that we start compiles everything anew


LONG = (
    *(
        "evaluate",
        "evolve",
        "experiments",
        "faults",
        "golden",
        "pipeline/test_model_stage",
        "pipeline/test_session",
    ),
    *("llm/test_budget", "hosts/test_records", "store/test_backup", "store/test_rebuild"),
    *("text/test_redact", "skills/test_merge", "propose/test_context"),
    *(
        "test_attacks",
        "test_commands",
        "test_uninstall",
        "test_watch",
        "test_worker",
        "test_readme",
        "test_json",
    ),
)
"""Folders and files whose tests start processes, or take about a second each: the fast lane leaves them out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `LONG`, so that the fast lane is one expression."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix().startswith(LONG):
            item.add_marker(pytest.mark.long)


@pytest.fixture(autouse=True)
def _no_default_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Point every default location at an empty folder, so that nothing of the person's is read or written."""
    empty = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(empty))
    monkeypatch.setenv("SKILLLOOP_HOME", str(empty / ".skillloop"))
    for name in ("CLAUDE_CONFIG_DIR", "CLAUDECODE", "CLAUDE_CODE_CHILD_SESSION", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path):
    """A folder that plays $SKILLLOOP_HOME."""
    path = tmp_path / "skillloop-home"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def store(home):
    """An empty history in that home."""
    with Store.open(home) as opened:
        yield opened


@pytest.fixture
def skill(tmp_path):
    """The SKILL.md of a person's own skill "research"."""
    path = tmp_path / ".claude" / "skills" / "research" / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_text(SKILL)
    return path
