"""Draw architecture.svg: the folders of skillloop by level, and who imports whom, read from the imports as they are.

    python docs/draw_architecture.py            write the picture beside this file
    python docs/draw_architecture.py --check    exit 1 where it would change

The levels are those of `.importlinter`. An arrow that follows from others (a path leads there anyway) is left out.
"""

import ast
import configparser
import html
import sys
from pathlib import Path

import grimp

HERE = Path(__file__).parent
ROOT = HERE.parent
PICTURE = HERE / "architecture.svg"

WIDTH, ROW, BOX, GAP, TOP = 1000, 76, 46, 14, 20
MARKER = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="#8a94a6"/></marker></defs>'
)
EVERYWHERE = ("errors", "model", "skillpath")
"""Nouns that nearly every folder imports: arrows to them would only hide the others."""


def levels() -> list[list[str]]:
    """The rows of the picture, highest first, as `.importlinter` lists them."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    rows = parser["importlinter:contract:levels"]["layers"].split("\n")
    return [[name.strip() for name in row.replace(":", "|").split("|")] for row in rows if row.strip()]


def purpose(name: str) -> str:
    """The first sentence of a folder's or module's docstring, short enough for its box."""
    path = ROOT / "skillloop" / name
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n")[0]
    return text.split(". ")[0].rstrip(".")


def arrows(names: list[str]) -> list[tuple[str, str]]:
    """Pairs (importer, imported) without those that a longer path already implies."""
    graph = grimp.build_graph("skillloop", include_external_packages=False)
    below: dict[str, set[str]] = {name: set() for name in names}
    for module in graph.modules:
        for target in graph.find_modules_directly_imported_by(module):
            one, other = module.split(".")[1:2], target.split(".")[1:2]
            if one and other and one != other and one[0] in below and other[0] not in EVERYWHERE:
                below[one[0]].add(other[0])

    def reach(name: str) -> set[str]:
        return below[name] | {far for near in below[name] for far in reach(near)}

    return [
        (name, target)
        for name in names
        for target in sorted(below[name])
        if not any(target in reach(near) for near in below[name] if near != target)
    ]


def wrapped(text: str, width: int) -> list[str]:
    """The text in at most two lines of so many characters."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:2] if len(lines) <= 2 else [lines[0], lines[1][: width - 1].rstrip() + "…"]


def draw() -> str:
    """The picture as SVG."""
    rows = levels()
    place: dict[str, tuple[float, float, float]] = {}  # name: left, top, width
    for number, row in enumerate(rows):
        width = min(300.0, (WIDTH - 40 - GAP * (len(row) - 1)) / len(row))
        left = (WIDTH - (width * len(row) + GAP * (len(row) - 1))) / 2
        for position, name in enumerate(row):
            place[name] = (left + position * (width + GAP), TOP + number * ROW, width)
    height = TOP * 2 + ROW * len(rows) - (ROW - BOX)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        MARKER,
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for one, other in arrows(list(place)):
        left, top, width = place[one]
        to_left, to_top, to_width = place[other]
        middle = (left + width / 2, top + BOX, to_left + to_width / 2, to_top)
        bend = (middle[1] + middle[3]) / 2
        parts.append(
            f'<path d="M{middle[0]:.0f} {middle[1]} C{middle[0]:.0f} {bend:.0f} {middle[2]:.0f} {bend:.0f} '
            f'{middle[2]:.0f} {middle[3]}" fill="none" stroke="#8a94a6" marker-end="url(#tip)"/>'
        )
    for name, (left, top, width) in place.items():
        parts.append(
            f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{BOX}" rx="5" fill="#eef3fb" stroke="#5b7db1"/>'
            f'<text x="{left + 8:.0f}" y="{top + 15}" font-size="13" font-weight="bold" fill="#1c2a44">{name}</text>'
        )
        for number, line in enumerate(wrapped(purpose(name), int(width / 5.9))):
            parts.append(
                f'<text x="{left + 8:.0f}" y="{top + 28 + 12 * number}" font-size="10" fill="#44506a">{html.escape(line)}</text>'
            )
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    """Write the picture, or with --check compare it."""
    picture = draw()
    if "--check" in sys.argv[1:]:
        return int(not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != picture)
    PICTURE.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
