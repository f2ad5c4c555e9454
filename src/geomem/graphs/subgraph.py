"""Parts of a graph: the nodes one names, or its largest component."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geomem.graphs.graph import Graph
from geomem.graphs.matrices import components


def subgraph(graph: Graph, nodes: NDArray[np.int64]) -> Graph:
    """Return the graph on `nodes` (K,), renumbered 0..K-1 in that order, with the edges and paths wholly among them.

    Where the graph had no labels its numbers become labels, so that nodes keep their names. Raises InputError when no
    edge is left.
    """
    new = np.full(graph.num_nodes, -1, dtype=np.int64)
    new[nodes] = np.arange(len(nodes))
    edges = new[graph.edges]
    paths = None if graph.paths is None else new[graph.paths]
    kept = None if paths is None else paths[(paths >= 0).all(axis=1)]
    root = None if graph.root is None or new[graph.root] < 0 else int(new[graph.root])
    return replace(
        graph,
        num_nodes=len(nodes),
        edges=edges[(edges >= 0).all(axis=1)],
        labels=tuple(graph.label(int(node)) for node in nodes),
        paths=kept if kept is not None and len(kept) else None,
        root=root,
        coordinates=None if graph.coordinates is None else graph.coordinates[nodes],
        groups=None if graph.groups is None else tuple(graph.groups[int(node)] for node in nodes),
    )


def largest_component(graph: Graph) -> Graph:
    """Return the component with the most nodes (of equals, the one with the lowest node), ids kept in order."""
    member = components(graph)
    return subgraph(graph, np.flatnonzero(member == np.bincount(member).argmax()))
