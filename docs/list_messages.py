"""List every message that a person may read, with its place: what raises an error, and what is printed.

Run `python docs/list_messages.py` before a release, and read it as an editor of plain English would; so `help.md`,
`words.toml` and `config.toml` in skillloop/data, which hold the help, the keys of a review, the diary and the settings.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "skillloop"
SAYS = re.compile(
    r"(Error|Refused|Stale|Locked|Missing|Corrupt|Unusable|Finding|Check)$|^(wrong|say|echo|tell)$"
)


def main() -> None:
    """Print one line for each call that says something."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and SAYS.search(ast.unparse(node.func).rpartition(".")[2]):
                said = " | ".join(map(ast.unparse, [*node.args, *(each.value for each in node.keywords)]))
                print(f"{path.relative_to(PACKAGE)}:{node.lineno}: {said}")


if __name__ == "__main__":
    main()
