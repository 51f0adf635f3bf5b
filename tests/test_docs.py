"""The pages that are written from the code are as the code is now."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
SPEC = importlib.util.spec_from_file_location("write_reference", DOCS / "write_reference.py")
WRITER = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(WRITER)


@pytest.mark.parametrize("page", ["configuration.md", "commands.md", "json.md"])
def test_the_reference_is_what_the_code_says(page):
    wanted = WRITER.pages()[DOCS / page]
    assert (DOCS / page).read_text("utf-8") == wanted, "run: python docs/write_reference.py"
