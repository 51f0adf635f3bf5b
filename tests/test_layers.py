"""Imports point down: each module may import only from the levels below its own, and heavy libraries have one door."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "skillloop"

LEVELS = (
    ("inbox", "errors", "loop", "model", "words"),
    (
        "files",
        "merge",
        "transcript",
        "skillfile",
        "disagreements",
        "redact",
        "approval",
        "receipts",
        "sandbox",
    ),
    ("config", "excerpt"),
    ("gate", "store", "llm"),
    ("draft", "cases", "history", "outcomes", "memory", "measures", "constraints"),
    ("drafting", "replay", "judging", "doubt"),
    ("proposals",),
    ("problems",),
    ("worker", "jobs", "sweep", "watch", "render", "report", "environment"),
    ("commands",),
    ("cli",),
)
LEVEL = {name: number for number, names in enumerate(LEVELS) for name in names}

DOORS = {
    "sqlite3": {"store"},
    "anthropic": {"llm"},
    "jinja2": {"draft", "report", "llm"},
    "rich": {"render"},
    "watchdog": {"watch"},
    "optuna": {"problems"},
    "ray": {"problems"},
    "click": {"commands", "cli"},
}

FILES = sorted(ROOT.rglob("*.py"))


def noun(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path):
    """Every import outside `if TYPE_CHECKING`, as dotted names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    mine = noun(path)
    if mine == "__init__":
        assert not list(imports(path))
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "skillloop" and len(parts) > 1 and parts[1] in LEVEL and parts[1] != mine:
            assert LEVEL[parts[1]] <= LEVEL[mine], f"{path.name} imports {name}, which stands above it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_libraries_have_one_door(path):
    for name in imports(path):
        library = name.split(".")[0]
        assert library not in DOORS or noun(path) in DOORS[library], f"{path.name} imports {library}"


def test_every_module_has_a_level():
    assert {noun(path) for path in FILES} - {"__init__"} <= set(LEVEL)
