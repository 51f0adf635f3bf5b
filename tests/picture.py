#!/usr/bin/env python3
"""Draw the README's picture: the terminal output of `skillloop demo`, as SVG.

    python tests/picture.py            # writes docs/pictures/demo.svg

A test draws it again and compares, so the picture cannot show what the program does not print.
"""

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
PICTURE = PICTURES / "demo.svg"
WIDTH = 100


def svg(screen: str, title: str, name: str, width: int = WIDTH, most: int = 900) -> str:
    """A terminal's screen with its colours as SVG, at most so many pixels wide, in the reader's own fixed font."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen))
    drawn = console.export_svg(title=title, unique_id=name)
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)  # no font is loaded from elsewhere
    wide, high = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn).groups())
    return drawn.replace("<svg ", f'<svg width="{most}" height="{high * most / wide:.0f}" ', 1)


def draw() -> str:
    """The SVG of a fresh run."""
    run = subprocess.run(
        [sys.executable, "-m", "skillloop.cli", "--color", "always", "demo"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "COLUMNS": str(WIDTH), "HOME": "/nonexistent"},
    )
    return svg(run.stdout.strip("\n"), "skillloop demo", "demo")


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    print(f"wrote {PICTURE}")
