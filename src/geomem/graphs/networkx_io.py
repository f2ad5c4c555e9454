"""Graphs from and to networkx."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from geomem.errors import InputError
from geomem.graphs.assemble import NodeTable, OnDuplicate, OnSelfLoop, Pairs, assemble, coordinates_in
from geomem.graphs.graph import Graph

if TYPE_CHECKING:
    import networkx as nx

_COORDINATES = ("x", "y", "lat", "lon")


def from_networkx(
    source: nx.Graph[Any],
    name: str | None = None,
    *,
    on_self_loop: OnSelfLoop = "error",
    on_duplicate: OnDuplicate = "error",
) -> Graph:
    """Return a networkx graph, directed or not, as a `Graph`; the direction of an edge becomes its forward direction.

    Nodes are named by the node attribute `label` where every node has one and no two share it, otherwise by the node
    itself. Attributes `group`, and `x`, `y` or `lat`, `lon`, are kept where every node has them; weights are not used.
    A graph attribute `root` that names a node becomes the root.
    Ids follow the numbers when all names are whole numbers, and otherwise the order of nodes.
    Raises InputError as `assemble` does, and when two nodes have the same name as text.
    """
    where = name or source.name or "networkx graph"
    found = cast("list[tuple[Hashable, Mapping[str, object]]]", list(source.nodes(data=True)))
    nodes = [node for node, _ in found]
    attributes = [known for _, known in found]
    labels = _labels(nodes, attributes)
    if len(set(labels)) < len(labels):
        raise InputError(f"{where}: two nodes have the same name as text, {_first_repeat(labels)!r}")
    label_of = dict(zip(nodes, labels, strict=True))
    columns = {
        key: [known.get(key) for known in attributes] for key in _COORDINATES if any(key in a for a in attributes)
    }
    coordinates, kind = coordinates_in(columns, [f"{where} node {label!r}" for label in labels])
    groups = [str(known["group"]) for known in attributes] if all("group" in a for a in attributes) else None
    ends = cast("list[tuple[Hashable, Hashable]]", list(source.edges()))
    pairs = Pairs(where, [label_of[u] for u, _ in ends], [label_of[v] for _, v in ends])
    table = NodeTable(where, labels, groups, coordinates, kind)
    made = assemble(where, pairs, table, on_self_loop, on_duplicate)
    root = _root_label(source, label_of)
    return made if root is None else replace(made, root=next(i for i in range(made.num_nodes) if made.label(i) == root))


def to_networkx(graph: Graph) -> nx.DiGraph[int]:
    """Return a networkx DiGraph of the forward edges on the nodes 0..N-1 (`.to_undirected()` forgets the direction).

    Node attributes are `label`, `group`, and `x`, `y` or `lat`, `lon`, each where known; the graph's `root` and `name`
    are graph attributes. Paths, and coordinates beyond two, have no place in networkx and are left out.
    """
    import networkx as nx

    made: nx.DiGraph[int] = nx.DiGraph(name=graph.name)
    if graph.root is not None:
        made.graph["root"] = graph.root
    made.add_nodes_from(range(graph.num_nodes))
    made.add_edges_from(graph.edges.tolist())
    for key, values in _known(graph).items():
        nx.set_node_attributes(made, dict(enumerate(values)), key)
    return made


def _known(graph: Graph) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    if graph.labels is not None:
        columns["label"] = list(graph.labels)
    if graph.groups is not None:
        columns["group"] = list(graph.groups)
    if graph.coordinates is not None and graph.coordinates.shape[1] >= 2:
        names = ("lat", "lon") if graph.coordinate_kind == "sphere" else ("x", "y")
        columns |= {name: graph.coordinates[:, axis].tolist() for axis, name in enumerate(names)}
    return columns


def _labels(nodes: list[Hashable], attributes: list[Mapping[str, object]]) -> list[str]:
    named = [str(known["label"]) for known in attributes if known.get("label")]
    return named if len(set(named)) == len(nodes) else [str(node) for node in nodes]


def _root_label(source: nx.Graph[Any], label_of: Mapping[Hashable, str]) -> str | None:
    """Return the label of the root; compared as text, because GraphML gives nodes back as text."""
    root = source.graph.get("root")
    return None if root is None else next((label for node, label in label_of.items() if str(node) == str(root)), None)


def _first_repeat(labels: list[str]) -> str:
    seen: set[str] = set()
    return next(label for label in labels if label in seen or seen.add(label))
