"""Imports point down, also in `TYPE_CHECKING` blocks, and each heavy library has one door."""

import ast
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
    "ray": {"search"},
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


def _printed(path):
    """What is printed by a call in a file that is no constant, as the source has it."""
    for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
        does, what = ast.unparse(call.func), [ast.unparse(each) for each in call.args[:1]]
        prints = does in {"print", "click.echo", "click.secho"} or does.endswith(
            (".print", "stdout.write", "stderr.write")
        )
        if prints and what and not isinstance(call.args[0], ast.Constant):
            yield what[0]


def test_whatever_is_printed_passes_one_place():
    """`redact.shown`, in which `App.say`, `render` and `cli._say` end, or `App.emit`; what is drawn of ours alone is named."""
    ours = {
        "json.dumps(told, indent=2)",
        "SHELLS[shell](root, {}, 'skillloop', '_SKILLLOOP_COMPLETE').source()",
        "key if key.isprintable() else '?'",
    }
    drawn = ("render.", "plain(", "shown(")
    for path in [
        *(ROOT / "skillloop" / "commands").glob("*.py"),
        *(ROOT / "skillloop" / "render").glob("*.py"),
    ]:
        own = {"text"} if path.name == "options.py" else set()  # what `emit` has escaped
        loose = [what for what in _printed(path) if what not in ours | own and not what.startswith(drawn)]
        assert loose == [], path
