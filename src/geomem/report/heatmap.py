"""Draw matrices side by side on one colour scale."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from geomem.report.style import HAIR, NARROW_WIDTH, PAPER, SINGLE_WIDTH, WIDE_WIDTH, Shape, new_figure, ticks, wrapped
from geomem.runs.exhibits import Heatmap, HeatmapPanel, Words

MOST_NAMES = 20
"""More rows than this and names would touch: only the groups are named."""


TALLEST = 1.6
"""Height of a panel over its width, at most."""
LOWEST_BAR = 66
"""Points that the bar of a scale has at least."""
LINE = 11
"""Points that a line of a name takes."""


def draw(exhibit: Heatmap, shape: Shape) -> Figure:
    """Return the figure of an exhibit."""
    count = len(exhibit.panels)
    columns = 1 if shape == "narrow" else min(count, 3)
    lines = -(-count // columns)
    width = NARROW_WIDTH if shape == "narrow" else (WIDE_WIDTH if columns > 1 else SINGLE_WIDTH)
    first = exhibit.panels[0].matrix
    panel = (width - 1.9) / columns if columns > 1 else (2.15 if shape == "narrow" else 4.2)
    figure = new_figure(width, lines * (panel * min(TALLEST, max(0.35, len(first) / len(first[0]))) + 0.85))
    grid: Any = figure.subplots(lines, columns, squeeze=False)
    low, high = _limits(exhibit)
    image: Any = None
    for index, axes in enumerate(grid.flat):
        if index >= count:
            axes.set_axis_off()
            continue
        part = exhibit.panels[index]
        matrix = np.ma.masked_invalid(np.asarray(part.matrix))
        cmap = "RdBu_r" if exhibit.diverging else "viridis"
        image = axes.imshow(matrix, cmap=cmap, vmin=low, vmax=high, interpolation="none", aspect="equal")
        axes.set_title(wrapped(part.title, panel - 0.3))
        _names(axes, exhibit, part, panel - 0.2, first_column=index % columns == 0)
    last: Axes = grid.flat[columns - 1]
    # A flat map would press the numbers of its scale together, so the bar may be higher than the map.
    height = min(len(part.matrix) * _cell(part, panel - 0.2) for part in exhibit.panels)
    span = max(1.0, LOWEST_BAR / height)
    place = last.inset_axes((1.04, (1 - span) / 2, 0.05, span))
    bar: Any = figure.colorbar(image, cax=place, label=exhibit.value_label)
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_locator(MaxNLocator(max(2, min(5, int(span * height / (2 * LINE))))))
    bar.ax.yaxis.set_major_formatter(ticks())
    return figure


def rows(exhibit: Heatmap) -> list[list[Any]]:
    """Return the data as a table: a header, then one row a matrix row."""
    widest = max(len(panel.matrix[0]) for panel in exhibit.panels)
    names = list(exhibit.col_names or range(widest))
    table: list[list[Any]] = [["panel", "row", *names]]
    for panel in exhibit.panels:
        for index, row in enumerate(panel.matrix):
            table.append([panel.title, exhibit.row_names[index] if exhibit.row_names else index, *row])
    return table


def _limits(exhibit: Heatmap) -> tuple[float, float]:
    values = [value for panel in exhibit.panels for row in panel.matrix for value in row if math.isfinite(value)]
    low = exhibit.vmin if exhibit.vmin is not None else min(values, default=0.0)
    high = exhibit.vmax if exhibit.vmax is not None else max(values, default=1.0)
    if exhibit.diverging:
        high = max(abs(low), abs(high)) or 1.0
        low = -high
    return (low, high) if high > low else (low, low + 1.0)


def _names(axes: Axes, exhibit: Heatmap, part: HeatmapPanel, width: float, *, first_column: bool) -> None:
    for spine in axes.spines.values():
        spine.set(visible=True, edgecolor=HAIR)
    axes.tick_params(length=0)
    _axis(axes, "x", (exhibit.col_names, exhibit.col_groups), len(part.matrix[0]), width)
    height = len(part.matrix) * _cell(part, width) / 72
    _axis(axes, "y", (exhibit.row_names, exhibit.row_groups), len(part.matrix), height)
    axes.set_xlabel(exhibit.x_label)
    if first_column:
        axes.set_ylabel(exhibit.y_label)
    else:
        axes.set_yticklabels([])


def _cell(part: HeatmapPanel, width: float) -> float:
    """Return the side of a cell in points: cells are square, in a panel `width` inches wide and at most 1.6 as high."""
    return width * 72 * min(1 / len(part.matrix[0]), TALLEST / len(part.matrix))


def _axis(axes: Axes, side: str, words_of: tuple[Words | None, Words | None], size: int, width: float) -> None:
    """Name rows or columns one by one where there are few, else their groups, else nothing."""
    names, groups = words_of
    along: Any = axes.xaxis if side == "x" else axes.yaxis
    if names and (size <= MOST_NAMES or all(name.isdigit() for name in names)):
        # Of many numbers every k-th says what the others are, as many as find room.
        step = math.ceil(size * LINE / (width * 72)) if all(name.isdigit() for name in names) else 1
        edges, words = list(range(size + 1)), [_cut(name) if i % step == 0 else "" for i, name in enumerate(names)]
    elif groups and len(set(groups)) <= MOST_NAMES:
        edges = [0, *(index for index in range(1, size) if groups[index] != groups[index - 1]), size]
        # A group too small to hold a line of text stays unnamed.
        words = [_cut(groups[start]) if end - start >= size / MOST_NAMES else "" for start, end in pairwise(edges)]
        for edge in edges[1:-1]:
            (axes.axvline if side == "x" else axes.axhline)(edge - 0.5, color=PAPER, linewidth=1.0)
    else:
        along.set_ticks([])
        return
    spans = [(end - start) / size * width * 72 for start, end in pairwise(edges)]
    level = side == "y" or all(len(word) * 8.5 * 0.6 < span for word, span in zip(words, spans, strict=True))
    centres = [(start + end - 1) / 2 for start, end in pairwise(edges)]
    along.set_ticks(centres, labels=words, rotation=0 if level else 90)


def _cut(name: str, most: int = 14) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
