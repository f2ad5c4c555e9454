"""Draw a context matrix on one sheet: support sizes, singular values, and a part of the support."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from geomem.report.figures import sheet_bytes
from geomem.report.style import HAIR, WIDE_WIDTH, colour, log_ticks, new_figure
from geomem.runs.exhibits import Curves, Heatmap

_LONGEST_NAME = 14


def contexts_sheet(sizes: Curves, spectrum: Curves, support: Heatmap, kind: str) -> bytes:
    """Return the sheet as the content of one file; kind is 'svg', 'png' or 'pdf'."""
    return sheet_bytes(lambda: _sheet(sizes, spectrum, support), support.id, kind)


def _sheet(sizes: Curves, spectrum: Curves, support: Heatmap) -> Figure:
    figure = new_figure(WIDE_WIDTH, 5.2)
    halves: Any = figure.subfigures(1, 2, width_ratios=[1, 1.7])
    left, right = halves
    upper, lower = left.subplots(2, 1)
    _curve(upper, sizes, dots=True)
    _curve(lower, spectrum, dots=False)
    _support(right.subplots(), support)
    return figure


def _curve(axes: Axes, exhibit: Curves, *, dots: bool) -> None:
    (series,) = exhibit.series
    few = len(series.x) < 3
    axes.plot(series.x, series.y, color=colour(0), linestyle="none" if dots or few else "-",
              marker="o" if dots or few else None, markersize=3)  # fmt: skip
    axes.set_title(exhibit.title)
    axes.set_xlabel(exhibit.x_label)
    axes.set_ylabel(exhibit.y_label)
    if min(series.y) > 0:
        axes.set_xscale("log")
        axes.set_yscale("log")
        log_ticks(axes.xaxis, most=4)
        log_ticks(axes.yaxis, most=4)
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def _support(axes: Axes, exhibit: Heatmap) -> None:
    matrix = np.asarray(exhibit.panels[0].matrix)
    rows, columns = matrix.shape
    cells = np.ma.masked_equal(matrix, 0)
    axes.imshow(cells, cmap=ListedColormap([colour(0)]), interpolation="none", aspect="auto")
    axes.hlines(np.arange(1, rows) - 0.5, -0.5, columns - 0.5, color=HAIR, linewidth=0.4)
    axes.vlines(np.arange(1, columns) - 0.5, -0.5, rows - 0.5, color=HAIR, linewidth=0.4)
    axes.set_title(exhibit.title)
    axes.set_xlabel(exhibit.x_label)
    axes.set_ylabel(exhibit.y_label)
    axes.set_xticks([])
    names = [_cut(" ".join(name.split()) or repr(name)) for name in exhibit.row_names or ()]
    axis: Any = axes.yaxis
    axis.set_ticks(range(len(names)), labels=names)
    axes.tick_params(axis="y", labelsize=7.5)
    for spine in axes.spines.values():
        spine.set(visible=True, edgecolor=HAIR)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
