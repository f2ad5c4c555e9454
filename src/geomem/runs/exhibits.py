"""Exhibits: the typed pictures and verdicts a run leaves behind, and the report draws.

An exhibit holds numbers and words, never pixels: the same file gives the page, the figures and the CSV beside them.
Numbers are kept to six significant digits, which no eye can tell from more and which halves the files; a missing
number is NaN here and `null` in the file. Arrays and tensors are accepted wherever numbers are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias, Union

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from geomem.errors import RunError
from geomem.runs.atomic import write_atomic
from geomem.runs.examples import Examples
from geomem.runs.exhibit_parts import ExhibitBase, Matrix, NodeLists, Nodes, Number, Part, Vector, Words


class Reference(Part):
    """A level drawn as a dashed line across a picture, such as chance."""

    name: str
    value: Number


class Series(Part):
    """A curve: x, y of equal length, optionally a band low..high, a dash, and a palette slot to keep its colour."""

    name: str
    x: Vector
    y: Vector
    low: Vector | None = None
    high: Vector | None = None
    dashed: bool = False
    colour: int | None = None

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        _equal_lengths(f"series '{self.name}'", x=self.x, y=self.y, low=self.low, high=self.high)
        return self


class Curves(ExhibitBase):
    """Numbers over steps or sizes, several series in one frame. `percent`: y in 0..1 is shown as a percentage."""

    kind: Literal["curves"] = "curves"
    series: tuple[Series, ...] = Field(min_length=1)
    references: tuple[Reference, ...] = ()
    x_label: str = "step"
    y_label: str = ""
    log_x: bool = False
    log_y: bool = False
    percent: bool = False


class ProfilePanel(Part):
    """One measurement in a frame of its own: its series, and levels such as chance."""

    title: str
    series: tuple[Series, ...] = Field(min_length=1)
    references: tuple[Reference, ...] = ()
    log_y: bool = False


class Profiles(ExhibitBase):
    """Many measurements over one shared axis, each in a small frame: a depth profile of a network.

    A series name has one colour in all panels.
    """

    kind: Literal["profiles"] = "profiles"
    panels: tuple[ProfilePanel, ...] = Field(min_length=1)
    x_label: str = "layer"


class HeatmapPanel(Part):
    """One matrix (rows, columns) with a title."""

    title: str
    matrix: Matrix = Field(min_length=1)

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        if len({len(row) for row in self.matrix}) != 1 or not self.matrix[0]:
            raise ValueError(f"panel '{self.title}': the rows of the matrix differ in length or are empty")
        return self


class Heatmap(ExhibitBase):
    """Matrices side by side on one colour scale.

    row_names / col_names: a name a row or column, or None. row_groups / col_groups: a class a row or column, equal ones
    adjacent; a line is drawn where the class changes. diverging: the scale is centred on 0.
    """

    kind: Literal["heatmap"] = "heatmap"
    panels: tuple[HeatmapPanel, ...] = Field(min_length=1)
    row_names: Words | None = None
    col_names: Words | None = None
    row_groups: Words | None = None
    col_groups: Words | None = None
    x_label: str = ""
    y_label: str = ""
    value_label: str = ""
    vmin: Number | None = None
    vmax: Number | None = None
    diverging: bool = False

    @model_validator(mode="after")
    def _named(self) -> Self:
        for panel in self.panels:
            rows, columns = len(panel.matrix), len(panel.matrix[0])
            for name, words, size in (
                ("row_names", self.row_names, rows),
                ("row_groups", self.row_groups, rows),
                ("col_names", self.col_names, columns),
                ("col_groups", self.col_groups, columns),
            ):
                if words is not None and len(words) != size:
                    raise ValueError(f"panel '{panel.title}': {name} has {len(words)} entries for {size}")
        return self


class BarSeries(Part):
    """A bar in every category, optionally with an interval low..high."""

    name: str
    values: Vector
    low: Vector | None = None
    high: Vector | None = None
    colour: int | None = None

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        _equal_lengths(f"bars '{self.name}'", values=self.values, low=self.low, high=self.high)
        return self


class BarPanel(Part):
    """Categories and the series standing side by side in each, e.g. λ/λ_max and p/p_max for every eigenvector."""

    title: str
    categories: Words = Field(min_length=1)
    series: tuple[BarSeries, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        for series in self.series:
            if len(series.values) != len(self.categories):
                counts = f"{len(series.values)} values for {len(self.categories)} categories"
                raise ValueError(f"panel '{self.title}': bars '{series.name}' have {counts}")
        return self


class Bars(ExhibitBase):
    """Panels of grouped bars on one scale. `percent`: values in 0..1 are shown as percentages."""

    kind: Literal["bars"] = "bars"
    panels: tuple[BarPanel, ...] = Field(min_length=1)
    references: tuple[Reference, ...] = ()
    x_label: str = ""
    y_label: str = ""
    percent: bool = False


class MapPanel(Part):
    """One placing of the nodes. positions: (n, 2). truth: (n, 2), the true map in the same frame, or None."""

    title: str
    positions: Matrix
    truth: Matrix | None = None
    note: str = ""


class Map(ExhibitBase):
    """Embedding maps: the same nodes placed by one or several models, side by side.

    labels: a name a node. groups: a class a node for colour ('' is drawn muted), or None.
    marks: a class a node for its marker's shape (root, first hop, leaf), or None.
    edges: (E, 2) node pairs, each once. paths: node lists, lit up together on hover.
    emphasis: nodes to label first. show_edges: draw the edges, not only light them up on hover.
    """

    kind: Literal["map"] = "map"
    interactive: bool = True
    panels: tuple[MapPanel, ...] = Field(min_length=1)
    labels: Words = Field(min_length=1)
    groups: Words | None = None
    marks: Words | None = None
    edges: NodeLists = ()
    paths: NodeLists = ()
    emphasis: Nodes = ()
    show_edges: bool = True
    x_label: str = ""
    y_label: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        count = len(self.labels)
        for panel in self.panels:
            for name, rows in (("positions", panel.positions), ("truth", panel.truth)):
                if rows is not None and (len(rows) != count or any(len(row) != 2 for row in rows)):
                    raise ValueError(f"panel '{panel.title}': {name} must be ({count}, 2), one row a label")
        for name, words in (("groups", self.groups), ("marks", self.marks)):
            if words is not None and len(words) != count:
                raise ValueError(f"{name} has {len(words)} entries for {count} nodes")
        for name, lists in (("edges", self.edges), ("paths", self.paths), ("emphasis", (self.emphasis,))):
            if any(not 0 <= node < count for nodes in lists for node in nodes):
                raise ValueError(f"{name} names a node outside 0..{count - 1}")
        if any(len(edge) != 2 for edge in self.edges):
            raise ValueError("edges must be pairs of nodes")
        return self

    def neighbours(self) -> list[list[int]]:
        """Return for each node its neighbours in rising order (edges taken in both directions, self-edges left out)."""
        found: list[set[int]] = [set() for _ in self.labels]
        for source, target in self.edges:
            if source != target:
                found[source].add(target)
                found[target].add(source)
        return [sorted(nodes) for nodes in found]


Cell: TypeAlias = Union[str, int, float, None]


class Table(ExhibitBase):
    """Words and numbers in rows; a float is shown with sensible digits, None as an empty cell.

    sortable: a click on the head of a column sorts by it (the page reads in full without).
    """

    kind: Literal["table"] = "table"
    sortable: bool = False
    columns: Words = Field(min_length=1)
    rows: tuple[tuple[Cell, ...], ...]

    @model_validator(mode="after")
    def _full_rows(self) -> Self:
        for index, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"row {index} has {len(row)} cells for {len(self.columns)} columns")
        return self


Exhibit: TypeAlias = Annotated[
    Union[Curves, Profiles, Heatmap, Bars, Map, Table, Examples], Field(discriminator="kind")
]
VerdictWord: TypeAlias = Literal["supported", "contradicted", "inconclusive", "not-run"]


class Measured(Part):
    """The number a verdict rests on: its name, value, interval and the value of every seed."""

    name: str = ""
    value: Number
    low: Number | None = None
    high: Number | None = None
    seeds: int = 1
    values: Vector = ()
    percent: bool = False


class Verdict(Part):
    """One claim of a study and what became of it. `measured` is None when the claim was not run."""

    claim: str
    statement: str
    source: str = ""
    reported: str = ""
    threshold: str = ""
    verdict: VerdictWord
    measured: Measured | None = None
    experiment: str = ""
    note: str = ""


_EXHIBIT: TypeAdapter[Any] = TypeAdapter(Exhibit)
_VERDICTS: TypeAdapter[list[Verdict]] = TypeAdapter(list[Verdict])


def write_exhibit(directory: Path, exhibit: ExhibitBase) -> Path:
    """Write an exhibit as `directory/<id>.json`, replacing an earlier one of the same id. Returns the path."""
    path = directory / f"{exhibit.id}.json"
    write_atomic(path, exhibit.model_dump_json())
    return path


def read_exhibits(directory: Path) -> list[Curves | Profiles | Heatmap | Bars | Map | Table | Examples]:
    """Read every exhibit of a directory, by order then id; [] when there is none.

    Raises RunError naming the file that cannot be read.
    """
    found = [_parse(_EXHIBIT, path) for path in sorted(directory.glob("*.json"))]
    return sorted(found, key=lambda exhibit: (exhibit.order, exhibit.id))


def write_verdicts(path: Path, verdicts: Iterable[Verdict]) -> Path:
    """Write verdicts as a JSON list. Returns the path."""
    rows = [json.loads(verdict.model_dump_json()) for verdict in verdicts]
    write_atomic(path, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    return path


def read_verdicts(path: Path) -> list[Verdict]:
    """Read the verdicts of a run; [] when the file is not there. Raises RunError when it cannot be read."""
    return _parse(_VERDICTS, path) if path.exists() else []


def _parse(adapter: TypeAdapter[Any], path: Path) -> Any:
    try:
        return adapter.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{path}: not a valid file of this version: {where}: {first['msg']}") from None
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from None


def _equal_lengths(what: str, **columns: Vector | None) -> None:
    lengths = {name: len(column) for name, column in columns.items() if column is not None}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"{what}: lengths differ ({counts})")
