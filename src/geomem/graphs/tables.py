"""Edges and nodes out of text: whitespace-separated edge lists and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from geomem.errors import InputError, nearest
from geomem.graphs.assemble import NodeTable, Pairs, coordinates_in


@dataclass(frozen=True)
class Table:
    """Rows with named columns, and the line each row starts on."""

    where: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str) -> list[str]:
        """Return one column. Raises InputError for an unknown one, with the nearest and all that there are."""
        if name not in self.header:
            guess = nearest(name, self.header)
            hint = f"did you mean '{guess}'? " if guess else ""
            raise InputError(f"{self.where}: no column '{name}'; {hint}columns: {', '.join(self.header)}")
        index = self.header.index(name)
        return [row[index] for row in self.rows]


def read_csv(text: str, where: str) -> Table:
    """Read comma-separated text with a header line; cells are stripped and blank lines passed over.

    Raises InputError for no header, another separator, broken quotes, and a row whose length is not the header's.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[tuple[int, list[str]]] = []
    while True:
        line = reader.line_num + 1
        try:
            record = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            raise InputError(f"{where} line {line}: broken CSV ({error})") from None
        if any(record):
            records.append((line, record))
    if not records:
        raise InputError(f"{where}: empty; the first line must name the columns")
    header = records[0][1]
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise InputError(f"{where} line {records[0][0]}: columns are separated by {name}; use commas")
    _check_even(where, records, f"the header names {len(header)}")
    return Table(where, header, [row for _, row in records[1:]], [line for line, _ in records[1:]])


def read_edge_list(text: str, where: str, source: str, target: str) -> Pairs:
    """Read one edge a line: two names, then columns that are not used (weights, times), as many on every line.

    Names are separated by white space, or by tabs alone in a line of a `.tsv` that has one. Blank lines and lines that
    start with # or % are passed over. A first line that holds both the `source` and the `target` name is a header.
    Raises InputError for a line with one name, and for one with more or fewer columns than the first.
    """
    tabs = where.lower().endswith((".tsv", ".tab"))
    records: list[tuple[int, list[str]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.strip()
        if not content or content[0] in "#%":
            continue
        by_tab = tabs and "\t" in content
        records.append((number, [cell.strip() for cell in content.split("\t")] if by_tab else content.split()))
    if not records:
        raise InputError(f"{where}: no edges")
    number, first = records[0]
    if len(first) < 2:
        raise InputError(f"{where} line {number}: expected two names, got {' '.join(first)!r}")
    _check_even(where, records, f"line {number} has {len(first)}")
    if source in first and target in first:
        table = Table(where, first, [row for _, row in records[1:]], [line for line, _ in records[1:]])
        return edge_pairs(table, source, target)
    lines = [line for line, _ in records]
    return _pairs(where, [row[0] for _, row in records], [row[1] for _, row in records], lines)


def edge_pairs(table: Table, source: str, target: str) -> Pairs:
    """Take the edges out of two columns. Raises InputError for a missing column, an empty name, or no rows."""
    sources, targets = table.column(source), table.column(target)
    if not sources:
        raise InputError(f"{table.where}: no edges")
    return _pairs(table.where, sources, targets, table.lines)


def node_table(table: Table) -> NodeTable:
    """Take nodes out of the columns `label`, and `group`, `x` and `y` or `lat` and `lon` where there are such.

    Raises InputError for a missing or repeated label, and for coordinates that are not numbers.
    """
    labels = table.column("label")
    places = [f"{table.where} line {line}" for line in table.lines]
    if not labels:
        raise InputError(f"{table.where}: no nodes")
    seen: dict[str, int] = {}
    for label, place, line in zip(labels, places, table.lines, strict=True):
        if not label:
            raise InputError(f"{place}: empty label")
        if label in seen:
            raise InputError(f"{place}: node {label!r} repeats line {seen[label]}")
        seen[label] = line
    columns = {name: table.column(name) for name in ("x", "y", "lat", "lon") if name in table.header}
    coordinates, kind = coordinates_in(columns, places)
    groups = table.column("group") if "group" in table.header else None
    return NodeTable(table.where, labels, groups, coordinates, kind)


def _pairs(where: str, sources: Sequence[str], targets: Sequence[str], lines: Sequence[int]) -> Pairs:
    for source, target, line in zip(sources, targets, lines, strict=True):
        if not source or not target:
            raise InputError(f"{where} line {line}: an edge needs two names, got {source!r} and {target!r}")
    return Pairs(where, sources, targets, lines)


def _check_even(where: str, records: Sequence[tuple[int, list[str]]], expected: str) -> None:
    width = len(records[0][1])
    for line, record in records:
        if len(record) != width:
            raise InputError(f"{where} line {line}: {len(record)} columns where {expected}")
