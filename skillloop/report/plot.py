"""Small plots as inline SVG: axes, lines, steps, dots, bands. Data in, markup out; no library."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

Point = tuple[float, float]
MARGIN = (14.0, 14.0, 34.0, 62.0)  # top, right, bottom, left, in SVG units


@dataclass(slots=True)
class Plot:
    """One pair of axes over given ranges. Marks are drawn in the order in which they are added."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: float = 860.0
    height: float = 360.0
    labels: tuple[str, str] = ("", "")
    axes: bool = True
    marks: list[str] = field(default_factory=list)

    def at(self, point: Point) -> tuple[float, float]:
        """Return where a data point lies in the picture."""
        top, right, bottom, left = MARGIN
        across = (point[0] - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (point[1] - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        return left + across * (self.width - left - right), self.height - bottom - up * (
            self.height - top - bottom
        )

    def line(self, points: Iterable[Point], kind: str) -> None:
        """Add straight lines through the points."""
        drawn = " ".join("{:.1f},{:.1f}".format(*self.at(p)) for p in points)
        self.marks.append(f'<polyline class="{kind}" points="{drawn}"/>')

    def steps(self, points: Sequence[Point], kind: str) -> None:
        """Add a line that stays level until the next point."""
        corners = [c for a, b in pairwise(points) for c in (a, (b[0], a[1]))]
        self.line([*corners, *points[-1:]], kind)

    def band(self, low: float, high: float, kind: str) -> None:
        """Add a level band over the whole width, cut off at the axes."""
        low, high = max(low, self.y[0]), min(high, self.y[1])
        (left, top), (right, bottom) = self.at((self.x[0], high)), self.at((self.x[1], low))
        self.marks.append(
            f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"/>'
        )

    def dot(self, point: Point, kind: str, title: str) -> None:
        """Add a dot that shows its title when pointed at."""
        x, y = self.at(point)
        self.marks.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(title)}</title></circle>'
        )

    def text(self, point: Point, words: str) -> None:
        """Add words to the right of a point, a little above it."""
        x, y = self.at(point)
        end = ' text-anchor="end"' if x > self.width * 0.7 else ""
        self.marks.append(f'<text class="note"{end} x="{x:.1f}" y="{y - 8:.1f}">{escape(words)}</text>')

    def svg(self) -> str:
        """Return the whole picture."""
        frame = []
        if self.axes:
            for value in ticks(*self.y):
                (left, y), (right, _) = self.at((self.x[0], value)), self.at((self.x[1], value))
                frame.append(
                    f'<line class="grid" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
                )
                frame.append(_label(f"{value:.6g}", "tick", "end", left - 6, y + 4))
            for value in ticks(*self.x):
                x, y = self.at((value, self.y[0]))
                frame.append(_label(f"{value:.6g}", "tick", "middle", x, y + 16))
            frame.append(_label(self.labels[0], "axis", "middle", self.width / 2, self.height - 4))
            turned = f"translate(12 {self.height / 2:.0f}) rotate(-90)"
            frame.append(
                f'<text class="axis" text-anchor="middle" transform="{turned}">{escape(self.labels[1])}</text>'
            )
        size = f"0 0 {self.width:.0f} {self.height:.0f}"
        return "".join([f'<svg viewBox="{size}" role="img">', *frame, *self.marks, "</svg>"])


def _label(words: str, kind: str, anchor: str, x: float, y: float) -> str:
    return f'<text class="{kind}" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return about so many round values between two: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def around(values: Sequence[float], room: float = 0.06) -> tuple[float, float]:
    """Return a range that holds the values, with a little room."""
    low, high = min(values), max(values)
    space = room * (high - low) or 0.01 * (abs(high) or 1)
    return low - space, high + space
