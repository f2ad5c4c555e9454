"""From named pairs, whatever file or object they came from, to a checked `Graph`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geomem.errors import InputError, nearest
from geomem.graphs.graph import Graph, check_size

OnSelfLoop = Literal["error", "drop", "keep"]
OnDuplicate = Literal["error", "drop"]

_GUESSABLE = 20_000

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


@dataclass(frozen=True)
class Pairs:
    """Edges by name. `where` is the file or object; `lines` (E,) the line of each edge, or None where there is none."""

    where: str
    sources: Sequence[str]
    targets: Sequence[str]
    lines: Sequence[int] | None = None

    def place(self, index: int) -> str:
        """Say where an edge stands."""
        return self.where if self.lines is None else f"{self.where} line {self.lines[index]}"


@dataclass(frozen=True)
class NodeTable:
    """What is known of nodes by name: groups and coordinates (N, k), each None where unknown."""

    where: str
    labels: Sequence[str]
    groups: Sequence[str] | None = None
    coordinates: NDArray[np.float64] | None = None
    coordinate_kind: Literal["plane", "sphere"] = "plane"


def assemble(
    name: str, pairs: Pairs, nodes: NodeTable | None, on_self_loop: OnSelfLoop, on_duplicate: OnDuplicate
) -> Graph:
    """Number the nodes and check the edges.

    Ids follow the numbers when every label is a whole number, and otherwise first appearance (in the node table where
    there is one). A node whose only edge was dropped stays. Raises InputError for no edges, a self-loop or a repeated
    edge where not allowed, and an edge to a node that is missing in the node table.
    """
    if len(pairs.sources) == 0:
        raise InputError(f"{pairs.where}: no edges")
    listed = list(nodes.labels) if nodes else []
    id_of = dict(zip(listed, range(len(listed)), strict=True))
    if nodes:
        _check_known(pairs, nodes, id_of)
    # A dict keeps the order of first appearance, edge by edge, source before target.
    mentioned = (label for pair in zip(pairs.sources, pairs.targets, strict=True) for label in pair)
    labels = listed or list(dict.fromkeys(mentioned))
    order = _numeric_order(labels)
    labels = [labels[index] for index in order]
    id_of = dict(zip(labels, range(len(labels)), strict=True))
    ends = [[id_of[label] for label in side] for side in (pairs.sources, pairs.targets)]
    check_size(pairs.where, len(labels), len(pairs.sources))
    edges = _checked(pairs, np.array(ends, dtype=np.int64).T, on_self_loop, on_duplicate)
    numbered = labels == [str(index) for index in range(len(labels))]
    groups = nodes.groups if nodes else None
    coordinates = nodes.coordinates if nodes else None
    return Graph(
        name=name,
        num_nodes=len(labels),
        edges=edges,
        labels=None if numbered else tuple(labels),
        coordinates=None if coordinates is None else coordinates[order],
        coordinate_kind=nodes.coordinate_kind if nodes else "plane",
        groups=None if groups is None else tuple(groups[index] for index in order),
    )


def coordinates_in(
    columns: Mapping[str, Sequence[object]], places: Sequence[str]
) -> tuple[NDArray[np.float64] | None, Literal["plane", "sphere"]]:
    """Read `x`, `y` or `lat`, `lon` out of named columns, each (N,), as (N, 2) numbers and their kind.

    `places` (N,) says where each row stands. Raises InputError, naming the row, for half a pair, both pairs, a value
    that is not a finite number, and a latitude or longitude (degrees) out of range.
    """
    where = places[0] if places else "nodes"
    have = [pair for pair in (("x", "y"), ("lat", "lon")) if pair[0] in columns or pair[1] in columns]
    if not have:
        return None, "plane"
    if len(have) == 2:
        raise InputError(f"{where}: has both x, y and lat, lon; keep one pair")
    for one, other in (have[0], have[0][::-1]):
        if one not in columns:
            raise InputError(f"{where}: has '{other}' but no '{one}'; coordinates are x, y or lat, lon")
    sides = [_numbers(name, columns[name], places) for name in have[0]]
    return np.stack(sides, axis=1), "sphere" if have[0][0] == "lat" else "plane"


def _numbers(name: str, values: Sequence[object], places: Sequence[str]) -> NDArray[np.float64]:
    bound = {"lat": 90.0, "lon": 180.0}.get(name)
    numbers = np.empty(len(values))
    for index, value in enumerate(values):
        if value is None or value == "":
            raise InputError(f"{places[index]}: {name} is missing")
        try:
            numbers[index] = float(str(value))
        except ValueError:
            numbers[index] = np.nan
        if not np.isfinite(numbers[index]):
            raise InputError(f"{places[index]}: {name} {str(value)!r} is not a finite number")
        if bound is not None and abs(numbers[index]) > bound:
            raise InputError(f"{places[index]}: {name} {value} is outside -{bound:g}..{bound:g} degrees")
    return numbers


def _check_known(pairs: Pairs, nodes: NodeTable, known: Mapping[str, int]) -> None:
    for index, pair in enumerate(zip(pairs.sources, pairs.targets, strict=True)):
        for label in pair:
            if label not in known:
                # Comparing one name with very many takes minutes.
                guess = nearest(label, known) if len(known) <= _GUESSABLE else None
                hint = f"; did you mean {guess!r}?" if guess else ""
                raise InputError(f"{pairs.place(index)}: node {label!r} is not listed in {nodes.where}{hint}")


def _numeric_order(labels: Sequence[str]) -> list[int]:
    """Return the order of ids: by number if all labels are plain integers ("07" is a name, not a number)."""
    if all(_INTEGER.fullmatch(label) for label in labels):
        return sorted(range(len(labels)), key=lambda index: int(labels[index]))
    return list(range(len(labels)))


def _checked(
    pairs: Pairs, edges: NDArray[np.int64], on_self_loop: OnSelfLoop, on_duplicate: OnDuplicate
) -> NDArray[np.int64]:
    """Return the edges that stay; raise for those that are not allowed."""
    loops = edges[:, 0] == edges[:, 1]
    if loops.any() and on_self_loop == "error":
        index = int(loops.argmax())
        raise InputError(
            f"{pairs.place(index)}: self-loop at {pairs.sources[index]!r}; "
            "set on_self_loop=drop to leave such edges out or on_self_loop=keep to keep them"
        )
    low, high = edges.min(axis=1), edges.max(axis=1)
    _, first, inverse = np.unique(low * (int(edges.max()) + 1) + high, return_index=True, return_inverse=True)
    original = first[inverse]
    repeats = original != np.arange(len(edges))
    if on_self_loop == "drop":
        repeats &= ~loops
    if repeats.any() and on_duplicate == "error":
        index = int(repeats.argmax())
        earlier = int(original[index])
        same = f"{pairs.sources[earlier]!r}-{pairs.targets[earlier]!r}"
        again = same if pairs.lines is None else f"line {pairs.lines[earlier]} ({same})"
        raise InputError(
            f"{pairs.place(index)}: edge {pairs.sources[index]!r}-{pairs.targets[index]!r} repeats {again}; "
            "edges have no direction here; set on_duplicate=drop to keep the first of each"
        )
    keep = ~repeats if on_self_loop != "drop" else ~repeats & ~loops
    if not keep.any():
        raise InputError(f"{pairs.where}: no edges left after dropping self-loops")
    return edges[keep]
