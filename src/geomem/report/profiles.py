"""Draw profiles: many measurements, a small frame each, over one shared axis (the depth of a network)."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from geomem.report.curves import short_line
from geomem.report.style import (
    NARROW_WIDTH,
    SOFT,
    WIDE_WIDTH,
    Shape,
    colour,
    legend_above,
    log_ticks,
    new_figure,
    ticks,
    wrapped,
)
from geomem.runs.exhibits import ProfilePanel, Profiles, Series


def draw(exhibit: Profiles, shape: Shape) -> Figure:
    """Return the figure of an exhibit."""
    count = len(exhibit.panels)
    columns = 1 if shape == "narrow" else min(count, 3)
    lines = -(-count // columns)
    width = NARROW_WIDTH if shape == "narrow" else WIDE_WIDTH
    figure = new_figure(width, 0.3 + (2.0 if shape == "narrow" else 1.8) * lines)
    grid: Any = figure.subplots(lines, columns, squeeze=False)
    slots = _slots(exhibit)
    span = _span(exhibit)
    handles: dict[str, Any] = {}
    for index, axes in enumerate(grid.flat):
        if index >= count:
            axes.set_axis_off()
            continue
        panel = exhibit.panels[index]
        handles |= _panel(axes, panel, slots)
        axes.set_title(wrapped(panel.title, (width - 0.6) / columns - 0.3))
        axes.set_xlim(*span)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(ticks())
        if index + columns >= count:
            axes.set_xlabel(exhibit.x_label)
    shown = {name: handles[name] for name in [*slots, *(name for name in handles if name not in slots)]}
    if len(shown) > 1:
        legend_above(figure, list(shown.values()), list(shown), width)
    return figure


def rows(exhibit: Profiles) -> list[list[Any]]:
    """Return the data as a table: a header, then one row a point; references come without x."""
    table: list[list[Any]] = [["panel", "series", "x", "y", "low", "high"]]
    for panel in exhibit.panels:
        for series in panel.series:
            for index, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
                table.append([panel.title, series.name, x, y, series.low[index] if series.low else "",
                              series.high[index] if series.high else ""])  # fmt: skip
        table.extend([panel.title, reference.name, "", reference.value, "", ""] for reference in panel.references)
    return table


def _slots(exhibit: Profiles) -> dict[str, str]:
    """Return a colour a series name, the same in every panel."""
    found: dict[str, str] = {}
    for panel in exhibit.panels:
        for series in panel.series:
            if series.name not in found:
                found[series.name] = colour(series.colour if series.colour is not None else len(found))
    return found


def _span(exhibit: Profiles) -> tuple[float, float]:
    places = [x for panel in exhibit.panels for series in panel.series for x in series.x]
    low, high = min(places), max(places)
    room = 0.02 * (high - low) or 0.5
    return low - room, high + room


def _panel(axes: Axes, panel: ProfilePanel, slots: dict[str, str]) -> dict[str, Any]:
    handles: dict[str, Any] = {}
    for series in panel.series:
        tone = slots[series.name]
        style = (0, (4, 2)) if series.dashed else "-"
        marker = "o" if len(series.x) == 1 else None
        (line,) = axes.plot(series.x, series.y, color=tone, linestyle=style, linewidth=1.6, marker=marker)
        if series.low is not None and series.high is not None:
            axes.fill_between(series.x, series.low, series.high, color=tone, alpha=0.18, linewidth=0)
        handles[series.name] = short_line(line)
    for reference in panel.references:
        line = axes.axhline(reference.value, color=SOFT, linestyle=(0, (1.5, 2)), linewidth=1.1)
        handles[reference.name] = short_line(line)
    if panel.log_y and all(value > 0 for value in _finite(panel.series)):
        axes.set_yscale("log")
        log_ticks(axes.yaxis, most=4)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_formatter(ticks())
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    return handles


def _finite(series: tuple[Series, ...]) -> list[float]:
    return [value for one in series for value in one.y if math.isfinite(value)] or [0.0]
