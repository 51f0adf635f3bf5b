"""Imports point down, also in `TYPE_CHECKING` blocks, and each heavy library has one door."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent

DOORS = {
    "sqlite3": {"store"},
    "anthropic": {"llm"},
    "jinja2": {"propose", "report", "llm"},
    "rich": {"render"},
    "watchdog": {"worker"},
    "optuna": {"bench"},
    "ray": {"bench"},
    "click": {"commands", "cli"},
}


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("skillloop", include_external_packages=True, exclude_type_checking_imports=True)


def test_the_contracts_on_imports_hold():
    script = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([script, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("library", DOORS)
def test_heavy_libraries_have_one_door(graph, library):
    if library not in graph.modules:  # optional and not installed: nothing can import it
        return
    importers = {name.split(".")[1] for name in graph.find_modules_that_directly_import(library)}
    assert importers <= DOORS[library]
