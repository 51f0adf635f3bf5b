#!/usr/bin/env python3
"""Draw the README's picture: the terminal output of `skillloop demo`, as SVG.

    python tests/picture.py            # writes tests/data/demo.svg

A test draws it again and compares, so the picture cannot show what the program does not print.
"""

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent / "data" / "demo.svg"
WIDTH = 118


def draw() -> str:
    """The SVG of a fresh run, with the temporary folder shown as ~ and without times and ids that differ."""
    run = subprocess.run(
        [sys.executable, "-m", "skillloop.cli", "--color", "always", "demo"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "COLUMNS": str(WIDTH), "HOME": "/nonexistent"},
    )
    shown = re.sub(r"/\S*/skillloop-demo-\w+", "~", run.stdout)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown.strip("\n")))
    return console.export_svg(title="skillloop demo", unique_id="demo")


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    print(f"wrote {PICTURE}")
