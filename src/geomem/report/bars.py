"""Draw grouped bars in panels on one scale, such as eigenvalues beside what the embeddings keep of each direction."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from geomem.numbers import number
from geomem.report.style import (
    INK,
    NARROW_WIDTH,
    SINGLE_WIDTH,
    SOFT,
    WIDE_WIDTH,
    Shape,
    colour,
    legend_above,
    level_scale,
    new_figure,
    wrapped,
)
from geomem.runs.exhibits import Bars


def draw(exhibit: Bars, shape: Shape) -> Figure:
    """Return the figure of an exhibit."""
    count = len(exhibit.panels)
    columns = 1 if shape == "narrow" else min(count, 2)
    lines = -(-count // columns)
    width = NARROW_WIDTH if shape == "narrow" else (WIDE_WIDTH if columns > 1 else SINGLE_WIDTH)
    figure = new_figure(width, 0.2 + lines * (2.5 if count > 1 else 3.2))
    grid: Any = figure.subplots(lines, columns, squeeze=False, sharey=True)
    slots = _slots(exhibit)
    for index, axes in enumerate(grid.flat):
        if index >= count:
            axes.set_axis_off()
            continue
        _panel(axes, exhibit, index, slots, (width - 0.6) / columns)
        if index % columns == 0:
            axes.set_ylabel(exhibit.y_label)
        if index + columns >= count:
            axes.set_xlabel(exhibit.x_label)
    handles: list[Any] = [Patch(facecolor=tone) for tone in slots.values()]
    labels = list(slots)
    for reference in exhibit.references:
        handles.append(Line2D([], [], color=SOFT, linestyle=(0, (1.5, 2)), linewidth=1.3))
        labels.append(f"{reference.name} {number(reference.value, percent=exhibit.percent)}")
    if len(labels) > 1:
        legend_above(figure, handles, labels, width)
    return figure


def rows(exhibit: Bars) -> list[list[Any]]:
    """Return the data as a table: a header, then one row a bar."""
    table: list[list[Any]] = [["panel", "category", "series", "value", "low", "high"]]
    for panel in exhibit.panels:
        for series in panel.series:
            for index, category in enumerate(panel.categories):
                table.append([panel.title, category, series.name, series.values[index],
                              series.low[index] if series.low else "",
                              series.high[index] if series.high else ""])  # fmt: skip
    return table


def _slots(exhibit: Bars) -> dict[str, str]:
    """Return a colour a series name, the same in every panel."""
    found: dict[str, str] = {}
    for panel in exhibit.panels:
        for series in panel.series:
            if series.name not in found:
                found[series.name] = colour(series.colour if series.colour is not None else len(found))
    return found


def _panel(axes: Axes, exhibit: Bars, index: int, slots: dict[str, str], width: float) -> None:
    panel = exhibit.panels[index]
    places = np.arange(len(panel.categories))
    thick = 0.78 / len(panel.series)
    for rank, series in enumerate(panel.series):
        centres = places + (rank - (len(panel.series) - 1) / 2) * thick
        axes.bar(centres, series.values, width=thick * 0.94, color=slots[series.name], linewidth=0)
        if series.low is not None and series.high is not None:
            middle, low, high = (np.asarray(part) for part in (series.values, series.low, series.high))
            spans = np.maximum(np.stack([middle - low, high - middle]), 0)
            axes.errorbar(centres, middle, yerr=spans, fmt="none", ecolor=INK, elinewidth=1, capsize=1.5)
    for reference in exhibit.references:
        axes.axhline(reference.value, color=SOFT, linestyle=(0, (1.5, 2)), linewidth=1.3)
    axes.axhline(0, color=SOFT, linewidth=0.7)
    if len(exhibit.panels) > 1:  # a single one is named by the exhibit itself
        axes.set_title(wrapped(panel.title, width - 0.4))
    _categories(axes, panel.categories, width)
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    levels = [value for part in exhibit.panels for bars in part.series for value in (*bars.values, *(bars.high or ()))]
    level_scale(axes, levels, percent=exhibit.percent)


def _categories(axes: Axes, categories: tuple[str, ...], width: float) -> None:
    """Name the categories: level where they fit, upright where they do not, every k-th where even that is too much."""
    room = (width - 0.6) * 72 / len(categories)
    longest = max(len(name) for name in categories) * 8.5 * 0.66
    if longest <= room - 3:
        axes.set_xticks(range(len(categories)), labels=categories)
        return
    if max(len(name) for name in categories) <= 3:
        step = max(1, int(-(-longest // max(room - 3, 1))))
        axes.set_xticks(range(0, len(categories), step), labels=categories[::step])
        return
    if room >= 40:
        names = [wrapped(name, room / 72, 8.5) for name in categories]
        if all(len(line) * 8.5 * 0.66 <= room - 2 for name in names for line in name.split("\n")):
            axes.set_xticks(range(len(categories)), labels=names)
            return
    step = max(1, int(-(-11 // room)))
    names = [name if len(name) <= 18 else name[:17] + "…" for name in categories[::step]]
    axes.set_xticks(range(0, len(categories), step), labels=names, rotation=90)
