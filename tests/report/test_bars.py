from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.patches import Rectangle

from geomem.report.figures import draw
from geomem.runs.exhibits import BarPanel, Bars, BarSeries
from tests.report.sample_run import eigen_bars


def test_bars_are_as_high_as_the_data_and_coloured_alike_in_every_panel() -> None:
    exhibit = eigen_bars()
    figure = draw(exhibit)
    colours = []
    for axes, panel in zip(figure.axes, exhibit.panels, strict=True):
        bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        heights = [value for series in panel.series for value in series.values]
        assert [bar.get_height() for bar in bars] == pytest.approx(heights)
        colours.append((bars[0].get_facecolor(), bars[-1].get_facecolor()))
    assert len(set(colours)) == 1
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


@pytest.mark.parametrize("shape", ["wide", "narrow"])
@pytest.mark.parametrize("count", [2, 8, 40])
def test_category_names_do_not_touch(shape: str, count: int) -> None:
    names = tuple(f"condition number {index}" for index in range(count))
    series = (BarSeries(name="a", values=[1.0] * count),)
    exhibit = Bars(id="b", title="b", panels=(BarPanel(title="p", categories=names, series=series),))
    figure = draw(exhibit, "wide" if shape == "wide" else "narrow")
    boxes = [text.get_window_extent() for text in figure.axes[0].get_xticklabels() if text.get_text()]
    assert boxes
    assert all(left.x1 <= right.x0 + 0.5 for left, right in pairwise(boxes))
