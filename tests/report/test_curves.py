from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from geomem.report.curves import rows
from geomem.report.figures import draw
from geomem.report.style import PALETTE
from geomem.runs.exhibits import Curves, Reference, Series
from tests.report.sample_run import accuracy_curves


def test_lines_bands_and_chance_are_where_the_data_is() -> None:
    exhibit = accuracy_curves()
    (axes,) = draw(exhibit).axes
    lines = axes.get_lines()
    assert len(lines) == len(exhibit.series) + 1
    for line, series in zip(lines, exhibit.series, strict=False):
        np.testing.assert_allclose(np.asarray(line.get_ydata()), series.y)
    assert list(np.asarray(lines[-1].get_ydata())) == [0.004, 0.004]
    assert len(axes.collections) == len(exhibit.series)
    assert lines[1].get_linestyle() == "--"


def test_accuracy_is_read_against_a_hundred_and_small_ones_against_chance() -> None:
    (axes,) = draw(accuracy_curves()).axes
    assert axes.get_ylim()[1] == pytest.approx(1.03)
    series = (Series(name="a", x=[0, 1], y=[0.001, 0.002]),)
    small = Curves(id="s", title="s", series=series, references=(Reference(name="chance", value=0.004),), percent=True)
    (axes,) = draw(small).axes
    assert 0.004 < axes.get_ylim()[1] < 0.05


def test_a_colour_can_be_kept_across_figures() -> None:
    series = (Series(name="a", x=[0, 1], y=[0, 1], colour=4),)
    (axes,) = draw(Curves(id="c", title="c", series=series)).axes
    assert to_hex(axes.get_lines()[0].get_color()) == PALETTE[4]


def test_log_axes_are_numbered_in_plain_numbers() -> None:
    series = (Series(name="a", x=[1, 1000], y=[1, 0.01]),)
    figure = draw(Curves(id="c", title="c", series=series, log_x=True, log_y=True))
    words = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert "10" in words
    assert not any("$" in word for word in words)


def test_step_zero_is_left_out_of_a_logarithmic_axis() -> None:
    exhibit = Curves(
        id="c", title="t", series=(Series(name="s", x=(0, 1, 10), y=(0.5, 0.1, 0.2), low=(0, 0, 0), high=(1, 1, 1)),),
        log_x=True,
    )  # fmt: skip
    (line,) = draw(exhibit, "wide").axes[0].get_lines()
    assert list(line.get_xdata()) == [1, 10]
    assert [row[1] for row in rows(exhibit)[1:]] == [0, 1, 10]


def test_a_high_level_gives_a_share_no_room_above_all() -> None:
    series = (Series(name="a", x=(0, 1), y=(0.0, 0.7)),)
    levels = (Reference(name="uniform", value=0.82),)
    share = Curves(id="s", title="s", series=series, references=levels, percent=True)
    assert draw(share).axes[0].get_ylim()[1] < 1.05
