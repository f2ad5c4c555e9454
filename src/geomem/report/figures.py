"""Draw any exhibit, and write it as SVG, PNG and PDF with its data as CSV beside it.

The same exhibit always gives the same bytes: no dates, no random ids.
"""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, Union

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from geomem.report import bars, curves, examples, heatmap, maps, profiles
from geomem.report.style import PAPER, Shape, figure_style
from geomem.report.svg import for_page
from geomem.runs.atomic import write_atomic
from geomem.runs.exhibits import Bars, Curves, Examples, Heatmap, Map, Profiles, Table

AnyExhibit: TypeAlias = Union[Curves, Profiles, Heatmap, Bars, Map, Table, Examples]
Drawn: TypeAlias = Union[Curves, Profiles, Heatmap, Bars, Map]

FORMATS = ("svg", "png", "pdf")


def draw(exhibit: Drawn, shape: Shape = "wide") -> Figure:
    """Return the matplotlib figure of an exhibit, for a wide page or for a phone."""
    with figure_style(), _unknown_glyphs_are_fine():
        return _draw(exhibit, shape)


def data_csv(exhibit: AnyExhibit) -> str:
    """Return the numbers of an exhibit as CSV with a header (UTF-8, '.' as decimal point)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in _rows(exhibit))
    return buffer.getvalue()


def write_figures(directory: Path, exhibit: AnyExhibit) -> list[Path]:
    """Write `<id>.svg`, `.png`, `.pdf` and `.csv` (a table, examples: `.csv` only) and return their paths."""
    path = directory / f"{exhibit.id}.csv"
    write_atomic(path, data_csv(exhibit))
    if isinstance(exhibit, Table | Examples):
        return [path]
    with figure_style(), _unknown_glyphs_are_fine():
        mpl.rcParams["svg.hashsalt"] = exhibit.id
        figure = _draw(exhibit, "wide")
        return [*(_save(figure, directory / f"{exhibit.id}.{kind}", kind) for kind in FORMATS), path]


def figure_bytes(exhibit: Drawn, kind: str) -> bytes:
    """Return an exhibit as the content of one file; kind is one of `FORMATS`."""
    with figure_style(), _unknown_glyphs_are_fine():
        mpl.rcParams["svg.hashsalt"] = exhibit.id
        return _bytes(_draw(exhibit, "wide"), kind)


def sheet_bytes(make: Callable[[], Figure], name: str, kind: str) -> bytes:
    """Return a figure that `make` draws by itself, in our style, as the content of one file; `name` salts its ids."""
    with figure_style(), _unknown_glyphs_are_fine():
        mpl.rcParams["svg.hashsalt"] = name
        return _bytes(_laid_out(make()), kind)


def page_svg(exhibit: Drawn, shape: Shape) -> str:
    """Return an SVG element for use inside an HTML page: it takes its inks from the page, so it follows dark and light.

    Its ids start with the exhibit's id and the shape, so that many can live in one page.
    """
    with figure_style(), _unknown_glyphs_are_fine():
        mpl.rcParams["svg.hashsalt"] = f"{exhibit.id}-{shape}"
        figure = _draw(exhibit, shape)
        return for_page(_bytes(figure, "svg").decode(), f"{exhibit.id}-{shape}", exhibit.title)


def _draw(exhibit: Drawn, shape: Shape) -> Figure:
    return _laid_out(_drawn(exhibit, shape))


def _laid_out(figure: Figure) -> Figure:
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once; every format is the same picture
    return figure


def _drawn(exhibit: Drawn, shape: Shape) -> Figure:
    if isinstance(exhibit, Curves):
        return curves.draw(exhibit, shape)
    if isinstance(exhibit, Profiles):
        return profiles.draw(exhibit, shape)
    if isinstance(exhibit, Heatmap):
        return heatmap.draw(exhibit, shape)
    if isinstance(exhibit, Bars):
        return bars.draw(exhibit, shape)
    return maps.draw(exhibit, shape)


def _rows(exhibit: AnyExhibit) -> list[list[Any]]:
    if isinstance(exhibit, Curves):
        return curves.rows(exhibit)
    if isinstance(exhibit, Profiles):
        return profiles.rows(exhibit)
    if isinstance(exhibit, Heatmap):
        return heatmap.rows(exhibit)
    if isinstance(exhibit, Bars):
        return bars.rows(exhibit)
    if isinstance(exhibit, Map):
        return maps.rows(exhibit)
    if isinstance(exhibit, Examples):
        return examples.rows(exhibit)
    return [list(exhibit.columns), *(list(row) for row in exhibit.rows)]


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    # A spreadsheet runs a cell that starts like a formula; a name from a user's file must stay a name.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value


def _save(figure: Figure, path: Path, kind: str) -> Path:
    write_atomic(path, _bytes(figure, kind))
    return path


def _bytes(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    nothing = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}[kind]
    paper = PAPER if kind == "png" else "none"
    figure.savefig(buffer, format=kind, metadata=nothing, dpi=200 if kind == "png" else 144, facecolor=paper)
    return buffer.getvalue()


@contextmanager
def _unknown_glyphs_are_fine() -> Generator[None]:
    """Names in scripts the drawing font lacks: the page and the SVG still show them, in the reader's own fonts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support .* natively")
        yield
