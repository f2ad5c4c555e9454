"""Draw curves: numbers over steps with bands over seeds and chance as a dashed line."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from geomem.numbers import number
from geomem.report.style import (
    NARROW_WIDTH,
    SINGLE_WIDTH,
    SOFT,
    Shape,
    colour,
    legend_above,
    level_scale,
    log_ticks,
    new_figure,
    ticks,
)
from geomem.runs.exhibits import Curves, Series


def draw(exhibit: Curves, shape: Shape) -> Figure:
    """Return the figure of an exhibit."""
    width, height = (SINGLE_WIDTH, 3.6) if shape == "wide" else (NARROW_WIDTH, 2.9)
    figure = new_figure(width, height)
    axes = figure.add_subplot()
    handles: list[Any] = []
    for index, whole in enumerate(exhibit.series):
        series = _positive(whole) if exhibit.log_x else whole
        tone = colour(series.colour if series.colour is not None else index)
        style = (0, (4, 2)) if series.dashed else "-"
        marker = "o" if len(series.x) <= 12 else None
        (line,) = axes.plot(series.x, series.y, color=tone, linestyle=style, marker=marker, markersize=3.5)
        if series.low is not None and series.high is not None:
            axes.fill_between(series.x, series.low, series.high, color=tone, alpha=0.18, linewidth=0)
        handles.append(line)
    labels = [series.name for series in exhibit.series]
    for reference in exhibit.references:
        line = axes.axhline(reference.value, color=SOFT, linestyle=(0, (1.5, 2)), linewidth=1.3)
        handles.append(line)
        labels.append(f"{reference.name} {number(reference.value, percent=exhibit.percent)}")
    _scales(exhibit, axes, 5 if shape == "wide" else 3)
    axes.set_xlabel(exhibit.x_label)
    axes.set_ylabel(exhibit.y_label)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    legend_above(figure, [short_line(handle) for handle in handles], labels, width)
    return figure


def _positive(series: Series) -> Series:
    """Return the points with x > 0: on a logarithmic axis step 0 would be drawn as a line from the left edge."""
    kept = [index for index, x in enumerate(series.x) if x > 0]

    def pick(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
        return None if values is None else tuple(values[index] for index in kept)

    x, y = pick(series.x) or (), pick(series.y) or ()
    return series.model_copy(update={"x": x, "y": y, "low": pick(series.low), "high": pick(series.high)})


def rows(exhibit: Curves) -> list[list[Any]]:
    """Return the data as a table: a header, then one row a point; references come as series without x."""
    table: list[list[Any]] = [["series", "x", "y", "low", "high"]]
    for series in exhibit.series:
        for index, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
            table.append([series.name, x, y, series.low[index] if series.low else "",
                          series.high[index] if series.high else ""])  # fmt: skip
    table.extend([reference.name, "", reference.value, "", ""] for reference in exhibit.references)
    return table


def _scales(exhibit: Curves, axes: Any, x_ticks: int) -> None:
    if exhibit.log_x and any(value > 0 for series in exhibit.series for value in series.x):
        axes.set_xscale("log")
        log_ticks(axes.xaxis, most=x_ticks)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(x_ticks))
        axes.xaxis.set_major_formatter(ticks())
    if exhibit.log_y and any(value > 0 for series in exhibit.series for value in series.y):
        axes.set_yscale("log")
        log_ticks(axes.yaxis, most=6, percent=exhibit.percent)
        return
    levels = [value for series in exhibit.series for value in (*series.y, *(series.high or ()))]
    # A level such as chance is not to lie along the top of the frame; but a share has no room above 100 %.
    most = 1.0 if exhibit.percent else math.inf
    room = [max(line.value, min(2 * line.value, most)) for line in exhibit.references]
    level_scale(axes, [*levels, *room], percent=exhibit.percent)


def short_line(line: Any) -> Line2D:
    """Return a line as a legend shows it: without its markers."""
    return Line2D([], [], color=line.get_color(), linestyle=line.get_linestyle(), linewidth=line.get_linewidth())
