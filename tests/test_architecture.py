"""The picture of the architecture is the one that the imports give."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_picture_is_drawn_from_the_imports_as_they_are():
    script = ROOT / "docs" / "draw_architecture.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False)
    assert done.returncode == 0, "run `python docs/draw_architecture.py`"
