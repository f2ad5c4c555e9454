"""Exhibits made ready for a page: both shapes of the picture, the live map's data, the CSV inside."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from geomem.numbers import number
from geomem.report import maps
from geomem.report.assets import csv_uri
from geomem.report.examples import ExampleView, views
from geomem.report.figures import AnyExhibit, data_csv, page_svg
from geomem.report.style import MUTED, PALETTE, SOFT
from geomem.runs.exhibits import Bars, Curves, Examples, Heatmap, Map, Profiles, Table

KIND_ORDER = {"curves": 0, "profiles": 0, "heatmap": 1, "bars": 2, "map": 3, "table": 4, "examples": 5}
_VARIABLES = {**{tone: f"--c{slot}" for slot, tone in enumerate(PALETTE)}, MUTED: "--muted", SOFT: "--soft"}


@dataclass(frozen=True)
class Cell:
    """A table cell: its words, whether it is a number ('n'), and what a column is sorted by."""

    text: str
    cls: str = ""
    key: str = ""


@dataclass(frozen=True)
class Item:
    """One figure or table of a page."""

    name: str
    anchor: str
    kind: str
    title: str
    caption: str
    single: bool
    csv: str
    wide: str = ""
    narrow: str = ""
    map: str = ""
    head: list[Cell] = field(default_factory=list[Cell])
    body: list[list[Cell]] = field(default_factory=list[list[Cell]])
    sortable: bool = False
    examples: list[ExampleView] = field(default_factory=list[ExampleView])


def page_item(exhibit: AnyExhibit, *, prefix: str = "", live: bool = True) -> Item:
    """Draw an exhibit for a page. `prefix` keeps the anchors of several runs in one page apart."""
    exhibit = exhibit.model_copy(update={"id": f"{prefix}{exhibit.id}"})
    common: Any = {
        "name": exhibit.id,
        "anchor": f"figure-{exhibit.id}",
        "kind": exhibit.kind,
        "title": exhibit.title,
        "caption": exhibit.caption,
        "csv": csv_uri(data_csv(exhibit)),
    }
    if isinstance(exhibit, Table):
        numeric = _numeric_columns(exhibit)
        head = [Cell(name, "n" if number_ else "") for name, number_ in zip(exhibit.columns, numeric, strict=True)]
        body = [
            [Cell(_words(value), "n" if number_ else "", _sort_key(value))
             for value, number_ in zip(row, numeric, strict=True)]
            for row in exhibit.rows
        ]  # fmt: skip
        return Item(**common, single=False, head=head, body=body, sortable=exhibit.sortable)
    if isinstance(exhibit, Examples):
        return Item(**common, single=False, examples=views(exhibit))
    return Item(
        **common,
        single=_single(exhibit),
        wide=Markup(page_svg(exhibit, "wide")),
        narrow=Markup(page_svg(exhibit, "narrow")),
        map=_map_json(exhibit) if live and isinstance(exhibit, Map) and _is_live(exhibit) else "",
    )


def _is_live(exhibit: Map) -> bool:
    return exhibit.interactive and len(exhibit.labels) <= maps.CROWD


def slug(text: str) -> str:
    """Return `text` as a part of an anchor: letters, digits and '-'."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def script_json(value: Any) -> Markup:
    """Return JSON that is safe between script tags, whatever words it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _single(exhibit: Curves | Profiles | Heatmap | Bars | Map) -> bool:
    """Return whether the wide picture is one text column wide, not the whole page."""
    return isinstance(exhibit, Curves) or (not isinstance(exhibit, Map | Profiles) and len(exhibit.panels) == 1)


def _map_json(exhibit: Map) -> Markup:
    marks = maps.node_marks(exhibit)
    colours = [_VARIABLES.get(tone, tone) for tone in maps.node_colours(exhibit)]
    size = maps.marker_size(len(exhibit.labels)) * 96 / 72
    spotlit = len(colours) > 60 and "--muted" in colours
    sizes = [round(size * (1.35 if spotlit and tone != "--muted" else 1.0), 1) for tone in colours]
    return script_json({
        "id": exhibit.id,
        "panels": [
            {
                "title": panel.title,
                "note": panel.note,
                "x": _column(panel.positions, 0),
                "y": _column(panel.positions, 1),
                "tx": _column(panel.truth, 0) if panel.truth else None,
                "ty": _column(panel.truth, 1) if panel.truth else None,
            }
            for panel in exhibit.panels
        ],
        "labels": exhibit.labels,
        "groups": exhibit.groups,
        "colours": colours,
        "marks": marks,
        "size": size,
        "sizes": sizes,
        "edges": exhibit.edges,
        "paths": exhibit.paths,
        "strands": [(_VARIABLES.get(tone, tone), nodes) for tone, nodes in maps.strands(exhibit)],
        "emphasis": exhibit.emphasis,
        "showEdges": exhibit.show_edges,
        "axes": ", ".join(word for word in (exhibit.x_label, exhibit.y_label) if word),
        "ratio": maps.RATIOS[min(len(exhibit.panels), 3) - 1],
        "key": [(mark, _VARIABLES.get(tone, tone), words) for mark, tone, words in maps.legend(exhibit)],
    })  # fmt: skip


def _column(rows: tuple[tuple[float, ...], ...], index: int) -> list[float | None]:
    return [row[index] if math.isfinite(row[index]) else None for row in rows]


def _numeric_columns(table: Table) -> list[bool]:
    columns = [[row[index] for row in table.rows if row[index] is not None] for index in range(len(table.columns))]
    return [bool(column) and all(isinstance(value, (int, float)) for value in column) for column in columns]


def _sort_key(value: str | int | float | None) -> str:
    return "" if value is None or value != value else str(value)  # noqa: PLR0124


def _words(value: str | int | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else number(value)
