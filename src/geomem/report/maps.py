"""Draw embedding maps: the same nodes as several models placed them, coloured by class, named where there is room."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from geomem.report.placement import Box, place
from geomem.report.style import (
    INK,
    MUTED,
    NARROW_WIDTH,
    PALETTE,
    PAPER,
    SOFT,
    WIDE_WIDTH,
    Shape,
    bare,
    group_colours,
    legend_above,
    new_figure,
    wrapped,
)
from geomem.runs.exhibits import Map, MapPanel

MARKERS = ("o", "s", "^", "D", "v", "P")
_AREA = (1.0, 0.8, 1.15, 0.7, 1.15, 1.2)  # areas that look alike
CROWD = 3000
"""Larger maps are drawn as an image inside the SVG and do not move: a page must stay light."""
RATIOS = (0.62, 0.76, 0.95)
"""Height over width of a panel when one, two or three stand side by side."""
NAMES_UP_TO = 250
"""Larger maps name only the nodes the study emphasises; hovering names the rest."""
_LABEL_SIZE = 7.5


def draw(exhibit: Map, shape: Shape) -> Figure:
    """Return the figure of an exhibit."""
    count = len(exhibit.panels)
    columns = 1 if shape == "narrow" else min(count, 3)
    lines = -(-count // columns)
    width = NARROW_WIDTH if shape == "narrow" else WIDE_WIDTH
    panel = width / columns
    handles, labels = _legend(exhibit)
    figure = new_figure(width, lines * (panel * (1.0 if shape == "narrow" else RATIOS[columns - 1]) + 0.45))
    grid: Any = figure.subplots(lines, columns, squeeze=False)
    for index, axes in enumerate(grid.flat):
        if index >= count:
            axes.set_axis_off()
            continue
        _panel(axes, exhibit, exhibit.panels[index], panel)
    legend_above(figure, handles, labels, width)
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    for part, axes in zip(exhibit.panels, grid.flat, strict=False):
        _fit(axes, part)
        _name_nodes(axes, exhibit, part, canvas.get_renderer())
    return figure


def rows(exhibit: Map) -> list[list[Any]]:
    """Return the data as a table: a header, then one row a node and panel."""
    table: list[list[Any]] = [["panel", "node", "label", "group", "x", "y", "true_x", "true_y"]]
    for panel in exhibit.panels:
        for node, (x, y) in enumerate(panel.positions):
            truth = panel.truth[node] if panel.truth else ("", "")
            group = exhibit.groups[node] if exhibit.groups else ""
            table.append([panel.title, node, exhibit.labels[node], group, x, y, *truth])
    return table


def node_colours(exhibit: Map) -> list[str]:
    """Return a colour a node."""
    if exhibit.groups is None:
        return [PALETTE[0]] * len(exhibit.labels)
    tones = group_colours(list(exhibit.groups))
    return [tones[group] for group in exhibit.groups]


def strands(exhibit: Map) -> list[tuple[str, list[int]]]:
    """Return (colour, nodes) of the paths whose nodes all share a coloured group (nodes of group '' aside).

    None when they would be too many to follow.
    """
    if exhibit.groups is None:
        return []
    tones = group_colours(list(exhibit.groups))
    found: list[tuple[str, list[int]]] = []
    for path in exhibit.paths:
        shared = {exhibit.groups[node] for node in path} - {""}
        if len(shared) == 1 and tones[next(iter(shared))] != MUTED:
            found.append((tones[next(iter(shared))], list(path)))
    return found if len(found) <= 3 * len(PALETTE) else []


def node_marks(exhibit: Map) -> list[int]:
    """Return the index of a marker's shape a node."""
    if exhibit.marks is None:
        return [0] * len(exhibit.labels)
    kinds = {mark: index % len(MARKERS) for index, mark in enumerate(dict.fromkeys(exhibit.marks))}
    return [kinds[mark] for mark in exhibit.marks]


def marker_size(count: int) -> float:
    """Return the diameter of a marker in points: small in a crowd."""
    return float(np.clip(60 / np.sqrt(max(count, 1)), 2.6, 7.0))


def _panel(axes: Axes, exhibit: Map, panel: MapPanel, width: float) -> None:
    positions = np.asarray(panel.positions)
    title = wrapped(panel.title, width - 0.3)
    if title:
        axes.set_title(title)
    bare(axes)
    if panel.note or exhibit.x_label:
        axes.set_xlabel(wrapped(panel.note or exhibit.x_label, width - 0.3, 9))
    axes.set_ylabel(exhibit.y_label)
    if exhibit.show_edges and exhibit.edges:
        ends = np.asarray(exhibit.edges)
        _segments(axes, positions[ends[:, 0]], positions[ends[:, 1]], MUTED, 0.35)
    for tone, nodes in strands(exhibit):
        axes.plot(*positions[nodes].T, color=tone, alpha=0.75, linewidth=1.1, zorder=1.5)
    size = marker_size(len(positions))
    if panel.truth is not None:
        truth = np.asarray(panel.truth)
        _segments(axes, truth, positions, SOFT, 0.5)
        axes.plot(truth[:, 0], truth[:, 1], linestyle="", marker="o", markersize=size * 0.7, color="none",
                  markeredgecolor=SOFT, markeredgewidth=0.6)  # fmt: skip
    _dots(axes, positions, np.asarray(node_colours(exhibit)), np.asarray(node_marks(exhibit)), size)


def _dots(axes: Axes, positions: NDArray[Any], tones: NDArray[Any], marks: NDArray[Any], size: float) -> None:
    """Draw the nodes, one collection a marker's shape, muted nodes below the others."""
    spotlit = len(positions) > 60 and bool((tones == MUTED).any())  # a few coloured among many: let them be seen
    for muted in (True, False):
        for mark in sorted(set(marks.tolist())):
            chosen = (marks == mark) & ((tones == MUTED) == muted)
            if not chosen.any():
                continue
            area = _AREA[mark] * size**2 * (1.8 if spotlit and not muted else 1.0)
            x, y = positions[chosen].T
            axes.scatter(x, y, s=area, c=tones[chosen].tolist(), marker=MARKERS[mark], edgecolors=PAPER, zorder=2,
                         linewidths=0.4, clip_on=False, alpha=0.75 if muted else 1.0,
                         rasterized=len(positions) > CROWD)  # fmt: skip


def _segments(axes: Axes, starts: NDArray[Any], ends: NDArray[Any], tone: str, alpha: float) -> None:
    """Draw many segments as one line with gaps: one path in the file instead of thousands."""
    gaps = np.full_like(starts, np.nan)
    line = np.stack([starts, ends, gaps], axis=1).reshape(-1, 2)
    axes.plot(line[:, 0], line[:, 1], color=tone, alpha=alpha, linewidth=0.6, zorder=1, rasterized=len(starts) > CROWD)


def _fit(axes: Axes, panel: MapPanel) -> None:
    """Set limits that show every node, one unit across as long as one unit up. Needs the finished layout."""
    points = np.asarray(panel.positions)
    if panel.truth is not None:
        points = np.concatenate([points, np.asarray(panel.truth)])
    points = points[np.isfinite(points).all(axis=1)]
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(2), np.ones(2))
    box = axes.get_window_extent()
    size = np.array([box.width, box.height])
    unit = float(((high - low) / size).max()) * 1.1 or float(1 / size.min())
    (left, bottom), (right, top) = (low + high - unit * size) / 2, (low + high + unit * size) / 2
    axes.set_xlim(float(left), float(right))
    axes.set_ylim(float(bottom), float(top))


def _name_nodes(axes: Axes, exhibit: Map, panel: MapPanel, renderer: RendererAgg) -> None:
    positions = np.asarray(panel.positions)
    scale = 72 / axes.figure.dpi
    points = axes.transData.transform(positions) * scale
    drawn = axes.get_window_extent()
    frame = Box(drawn.x0 * scale + 2, drawn.y0 * scale + 2, drawn.x1 * scale - 2, drawn.y1 * scale - 2)
    order = [node for node in dict.fromkeys(exhibit.emphasis) if np.isfinite(points[node]).all()]
    emphasised = frozenset(order)
    if len(positions) <= NAMES_UP_TO:
        order += [node for node in range(len(positions)) if node not in emphasised and np.isfinite(points[node]).all()]
    sizes = {node: _extent(renderer, exhibit.labels[node], scale) for node in order}
    inverse = axes.transData.inverted()
    if panel.truth is not None:
        points = np.concatenate([points, axes.transData.transform(np.asarray(panel.truth)) * scale])
    for node, box in place(points, sizes, order, frame, must=emphasised).items():
        x, y = inverse.transform(((box.left + box.right) / 2 / scale, (box.bottom + box.top) / 2 / scale))
        axes.text(float(x), float(y), _shown(exhibit.labels[node]), ha="center", va="center", fontsize=_LABEL_SIZE,
                  color=INK, in_layout=False, zorder=5)  # fmt: skip


def _shown(label: str, most: int = 22) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


def _extent(renderer: RendererAgg, label: str, scale: float) -> tuple[float, float]:
    """Return width and height of a label in points, a little generous: the page may use another font."""
    font = FontProperties(size=_LABEL_SIZE)
    width, _, _ = renderer.get_text_width_height_descent(_shown(label), font, ismath=False)
    return width * scale * 1.04 + 1, _LABEL_SIZE * 1.2


def legend(exhibit: Map) -> list[tuple[int, str, str]]:
    """Return (marker, colour, words) for every entry; marker -1 is the ring of a true place."""
    entries: list[tuple[int, str, str]] = []
    groups = [name for name in dict.fromkeys(exhibit.groups or ()) if name]
    if 1 - ("" in (exhibit.groups or ())) < len(groups) <= len(PALETTE):
        tones = group_colours(list(exhibit.groups or ()))
        entries += [(0, tones[name], name) for name in groups]
    kinds = list(dict.fromkeys(exhibit.marks or ()))
    if len(kinds) > 1:
        entries += [(index % len(MARKERS), SOFT, name) for index, name in enumerate(kinds) if name]
    if len(groups) > len(PALETTE):
        entries.append((0, MUTED, f"the other {len(groups) - len(PALETTE)} groups"))
    if any(panel.truth is not None for panel in exhibit.panels):
        entries.append((-1, SOFT, "true place"))
    return entries


def _legend(exhibit: Map) -> tuple[list[Any], list[str]]:
    entries = legend(exhibit)
    return [_dot(mark, tone) for mark, tone, _ in entries], [words for _, _, words in entries]


def _dot(mark: int, tone: str) -> Line2D:
    if mark < 0:
        return Line2D([], [], linestyle="", marker="o", markersize=5, color="none", markeredgecolor=tone)
    return Line2D([], [], linestyle="", marker=MARKERS[mark], markersize=6, color=tone, markeredgewidth=0)
