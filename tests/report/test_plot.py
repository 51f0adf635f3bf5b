"""Plots: round ticks, and points where they belong."""

from skillloop.report.run import Plot, around, ticks


def test_ticks_are_round_and_inside():
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(1.2345, 1.2399) == [1.236, 1.238]
    assert ticks(1, 1) == [1]


def test_a_plot_puts_points_where_they_belong():
    plot = Plot((0, 10), (0, 1), axes=False)
    left, bottom = plot.at((0, 0))
    right, top = plot.at((10, 1))
    assert (left, right) == (62, 846)
    assert (top, bottom) == (14, 326)
    assert around([1.0, 2.0])[0] < 1
