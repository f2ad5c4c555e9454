from __future__ import annotations

import pytest
from matplotlib.colors import to_hex

from geomem.report.figures import draw
from geomem.report.profiles import rows
from geomem.report.style import PALETTE
from geomem.runs.exhibits import ProfilePanel, Profiles, Reference, Series


def _profiles() -> Profiles:
    def series(name: str, scale: float, low: bool = False) -> Series:
        y = (scale, 2 * scale, 3 * scale)
        bounds = {"low": tuple(v - 0.1 for v in y), "high": tuple(v + 0.1 for v in y)} if low else {}
        return Series(name=name, x=(0, 1, 2), y=y, **bounds)

    return Profiles(
        id="p",
        title="p",
        panels=(
            ProfilePanel(title="rank", series=(series("model", 5, low=True), series("twin", 7)),
                         references=(Reference(name="chance", value=20),)),
            ProfilePanel(title="size", series=(series("twin", 0.01),), log_y=True),
            ProfilePanel(title="zeros", series=(series("model", 0.0),), log_y=True),
        ),
    )  # fmt: skip


def test_every_measurement_has_a_frame_over_the_same_axis() -> None:
    figure = draw(_profiles())
    frames = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in frames] == ["rank", "size", "zeros"]
    assert len({axes.get_xlim() for axes in frames}) == 1
    assert frames[1].get_yscale() == "log"
    assert frames[2].get_yscale() == "linear"  # zeros have no logarithm
    assert len(frames[0].collections) == 1
    assert list(frames[0].get_lines()[-1].get_ydata()) == [20, 20]


def test_a_series_has_one_colour_in_all_frames_and_one_entry_in_the_legend() -> None:
    figure = draw(_profiles())
    frames = [axes for axes in figure.axes if axes.axison]
    assert to_hex(frames[0].get_lines()[1].get_color()) == to_hex(frames[1].get_lines()[0].get_color()) == PALETTE[1]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["model", "twin", "chance"]


@pytest.mark.parametrize("shape", ["wide", "narrow"])
def test_both_shapes_can_be_drawn(shape: str) -> None:
    figure = draw(_profiles(), shape)  # type: ignore[arg-type]
    widths = {axes.get_position().x0 for axes in figure.axes if axes.axison}
    assert (len(widths) == 1) == (shape == "narrow")


def test_the_data_is_a_table_of_points_and_levels() -> None:
    table = rows(_profiles())
    assert table[0] == ["panel", "series", "x", "y", "low", "high"]
    assert table[1] == ["rank", "model", 0, 5, 4.9, 5.1]
    assert ["rank", "chance", "", 20, "", ""] in table
    assert len(table) == 1 + 3 * 4 + 1
