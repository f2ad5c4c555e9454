from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import pytest

from geomem.report.figures import AnyExhibit, data_csv, draw, page_svg, write_figures
from geomem.report.maps import CROWD
from geomem.runs.exhibits import Curves, HeatmapPanel, Map, MapPanel, Series, Table
from tests.report.sample_run import (
    accuracy_curves,
    country_map,
    direction_bars,
    leaf_heatmap,
    loss_curves,
    star_map,
    storage_table,
)

PICTURES = [accuracy_curves(), loss_curves(), leaf_heatmap(12), direction_bars(), country_map(30), star_map(arms=12)]


def table(exhibit: AnyExhibit) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data_csv(exhibit))))


@pytest.mark.parametrize("exhibit", PICTURES, ids=lambda exhibit: exhibit.id)
def test_every_kind_is_written_in_every_format_and_twice_the_same(exhibit: AnyExhibit, tmp_path: Path) -> None:
    first = write_figures(tmp_path / "a", exhibit)
    second = write_figures(tmp_path / "b", exhibit)
    assert [path.name for path in first] == [f"{exhibit.id}.{kind}" for kind in ("svg", "png", "pdf", "csv")]
    starts = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.read_bytes().startswith(starts.get(one.suffix, b""))
    pdf, svg = first[2].read_bytes(), first[0].read_text(encoding="utf-8")
    assert b"/FontFile2" in pdf  # TrueType (font type 42), embedded
    assert b"/Type3" not in pdf
    assert "<text" in svg


@pytest.mark.parametrize("exhibit", PICTURES, ids=lambda exhibit: exhibit.id)
@pytest.mark.parametrize("shape", ["wide", "narrow"])
def test_page_pictures_take_their_inks_from_the_page(exhibit: AnyExhibit, shape: str) -> None:
    assert not isinstance(exhibit, Table)
    svg = page_svg(exhibit, "wide" if shape == "wide" else "narrow")
    assert svg.startswith("<svg ")
    assert 'role="img"' in svg
    assert "var(--ink)" in svg
    assert "#1d1d21" not in svg
    assert svg == page_svg(exhibit, "wide" if shape == "wide" else "narrow")


def test_curve_csv_equals_the_data() -> None:
    exhibit = accuracy_curves()
    rows = table(exhibit)
    assert rows[0] == ["series", "x", "y", "low", "high"]
    first = exhibit.series[0]
    mine = [row for row in rows if row[0] == first.name]
    assert [float(row[1]) for row in mine] == list(first.x)
    assert [float(row[2]) for row in mine] == list(first.y)
    assert first.low is not None
    assert [float(row[3]) for row in mine] == list(first.low)
    assert rows[-1] == ["chance", "", "0.004", "", ""]


def test_heatmap_csv_equals_the_data_and_leaves_missing_cells_empty() -> None:
    exhibit = leaf_heatmap(4).model_copy(
        update={"panels": (HeatmapPanel(title="t", matrix=[[1, math.nan], [0.5, 2]]),)}
    )
    assert table(exhibit) == [["panel", "row", "0", "1"], ["t", "0", "1", ""], ["t", "1", "0.5", "2"]]


def test_bar_and_map_csv_equal_the_data() -> None:
    bars = direction_bars()
    assert [float(row[3]) for row in table(bars)[1:]] == [
        *bars.panels[0].series[0].values,
        *bars.panels[0].series[1].values,
    ]
    drawn = country_map(20)
    rows = table(drawn)[1:]
    assert [[float(value) for value in row[4:6]] for row in rows] == [list(row) for row in drawn.panels[0].positions]
    assert drawn.panels[0].truth is not None
    assert [[float(value) for value in row[6:8]] for row in rows] == [list(row) for row in drawn.panels[0].truth]


def test_table_is_data_only(tmp_path: Path) -> None:
    paths = write_figures(tmp_path, storage_table())
    assert [path.name for path in paths] == ["storage.csv"]
    assert table(storage_table())[1] == ["path-star G(250,4)", "751", "131000", "1.8", ""]


def test_a_cell_that_looks_like_a_formula_stays_words() -> None:
    evil = Table(id="t", title="t", columns=("a",), rows=(("=1+1",), (-1.5,)))
    assert table(evil) == [["a"], ["'=1+1"], ["-1.5"]]


def test_a_crowd_is_drawn_as_an_image() -> None:
    count = CROWD + 1
    points = [[math.cos(index), math.sin(index * 1.7)] for index in range(count)]
    labels = tuple(str(index) for index in range(count))
    svg = page_svg(Map(id="big", title="big", panels=(MapPanel(title="", positions=points),), labels=labels), "wide")
    assert "<image" in svg
    assert len(svg) < 2_000_000


def test_odd_data_is_drawn() -> None:
    draw(Curves(id="one", title="one", series=(Series(name="$a_$", x=[1], y=[math.nan]),), percent=True))
    draw(Curves(id="zero", title="zero", series=(Series(name="a", x=[0, 1], y=[0, 0]),), log_y=True, log_x=True))
    flat = MapPanel(title="all in one place", positions=[[0, 0], [0, 0]])
    lost = MapPanel(title="nowhere", positions=[[math.nan, math.nan], [math.nan, 1]])
    draw(Map(id="flat", title="flat", panels=(flat, lost), labels=("a", "b"), edges=((0, 1),)))
