"""How figures look: one palette, one set of inks, one size for wide screens and one for phones.

Inks are exact colours no data uses, so that the page can swap them for its own and follow dark and light.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from geomem.numbers import number

INK = "#1d1d21"
SOFT = "#62626b"
HAIR = "#dcdce1"
PAPER = "#fefefe"

# Okabe and Ito's colours that read on white and on black; order chosen so that the first few differ most.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#999933")
MUTED = "#9b9ba6"

Shape = Literal["wide", "narrow"]
SINGLE_WIDTH = 7.0
WIDE_WIDTH = 10.0
NARROW_WIDTH = 3.65
"""Widths in inches at 96 px an inch: a column of text, the whole page, a phone."""

_RC: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 9,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.7,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.grid": False,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "grid.color": HAIR,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "text.parse_math": False,  # a label is a name, never a formula
    "text.usetex": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.6,
    "legend.borderpad": 0.0,
    "legend.borderaxespad": 0.2,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "geomem",
    "pdf.fonttype": 42,
    "pdf.compression": 6,
    "ps.fonttype": 42,
    "path.simplify": True,
}


@contextmanager
def figure_style() -> Generator[None]:
    """Draw and save inside this, so that nobody's matplotlib settings change ours, nor ours theirs."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure (inches) whose parts are laid out without overlapping."""
    figure = Figure(figsize=(width, height), dpi=144, layout="constrained")
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.05, h_pad=0.05, wspace=0.05, hspace=0.08)  # pyright: ignore[reportCallIssue]
    return figure


def colour(slot: int) -> str:
    """Return the palette colour of a slot; slots repeat after the eighth."""
    return PALETTE[slot % len(PALETTE)]


def group_colours(groups: list[str]) -> dict[str, str]:
    """Return a colour a group, in order of appearance; '' is muted.

    Of more groups than colours (the arms of a star), eight spread evenly over the list are coloured, the rest muted:
    a few strands that can be followed tell more than confetti.
    """
    names = [name for name in dict.fromkeys(groups) if name]
    found = dict.fromkeys([*names, ""], MUTED)
    count = min(len(names), len(PALETTE))
    for slot in range(count):
        found[names[slot * len(names) // count]] = PALETTE[slot]
    return found


def wrapped(text: str, width: float, size: float = 9.5) -> str:
    """Break a title so that it fits `width` inches at `size` points."""
    characters = max(8, int(width * 72 / (size * 0.64)))
    return "\n".join(textwrap.wrap(text, characters)) or text


def legend_above(figure: Figure, handles: list[Any], labels: list[str], width: float) -> None:
    """Put one legend above the axes, in as many columns as surely fit; the figure grows by its height."""
    if not handles:
        return
    labels = [textwrap.shorten(label, max(20, int(width * 10)), placeholder="…") for label in labels]
    longest = max(len(label) for label in labels) * 9 * 0.62 / 72 + 0.55
    columns = max(1, min(len(labels), int((width - 0.2) / longest)))
    figure.set_figheight(figure.get_figheight() + 0.2 * -(-len(labels) // columns))
    figure.legend(handles, labels, loc="outside upper left", ncols=columns)


def ticks(*, percent: bool = False) -> FuncFormatter:
    """Return a formatter that writes ticks as the report writes numbers."""

    def write(value: float, _: int | None) -> str:
        return number(round(value, 12), percent=percent)

    return FuncFormatter(write)


def log_ticks(axis: Axis, *, most: int, percent: bool = False) -> None:
    """Number a logarithmic axis in plain numbers: decades, and 2 and 5 between them where the axis is short."""
    low, high = axis.get_view_interval()
    decades = math.log10(high / low) if low > 0 else 0.0
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 2 else (1.0,), numticks=most))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(ticks(percent=percent))


def level_scale(axes: Axes, values: Iterable[float], *, percent: bool) -> None:
    """Number the y axis of levels that are read against 0 and, for a percentage, against 100."""
    if percent:
        top = max((value for value in values if math.isfinite(value)), default=1.0)
        limit = 1.0 if top > 0.3 else max(top * 1.15, 1e-9)
        axes.set_ylim(-0.025 * limit, max(1.03 * limit, 1.01 * top))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(ticks(percent=percent))


def bare(axes: Axes) -> None:
    """Take ticks and labels away and leave a faint frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, edgecolor=HAIR)
