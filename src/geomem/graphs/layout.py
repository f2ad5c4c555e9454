"""Where to draw each node: its true place where known, otherwise a place computed from the edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geomem.graphs.graph import Graph
from geomem.graphs.matrices import components, hop_distances
from geomem.graphs.subgraph import subgraph

_SPRING_NODES = 400
_PIVOTS = 30


def layout(graph: Graph) -> NDArray[np.float64]:
    """Return (N, 2) positions x, y for drawing; the same every time.

    True coordinates where there are any (the first two; longitude as x and latitude as y on a sphere). Otherwise, in a
    disc: stars radially, small graphs by springs, large ones by pivot MDS.
    """
    if graph.coordinates is not None:
        return _true_places(graph.coordinates, graph.coordinate_kind == "sphere")
    if _paths_span(graph):
        return _unit(radial_layout(graph))
    start = pivot_layout(graph)
    return start if graph.num_nodes > _SPRING_NODES else _unit(_spring(graph, start))


def radial_layout(graph: Graph) -> NDArray[np.float64]:
    """Return (N, 2): the root in the middle, rings by hops, leaves at even angles in the order of `graph.paths`.

    An inner node stands at the mean angle of the leaves behind it. Expects paths that cover a tree from its root.
    """
    paths = graph.paths
    assert paths is not None
    count, length = paths.shape
    angle = np.broadcast_to((2 * np.pi * np.arange(count) / count)[:, None], paths.shape)
    leaves = np.bincount(paths.ravel(), minlength=graph.num_nodes)
    mean = np.bincount(paths.ravel(), weights=angle.ravel(), minlength=graph.num_nodes) / leaves
    radius = np.zeros(graph.num_nodes)
    radius[paths] = np.arange(length)
    return np.stack([radius * np.cos(mean), radius * np.sin(mean)], axis=1)


def pivot_layout(graph: Graph) -> NDArray[np.float64]:
    """Return (N, 2) by classical scaling of hop distances to a few pivots (Brandes and Pich, Graph Drawing 2006).

    The largest component fills the unit disc; the nodes of all others stand on a circle around it, component by
    component. Time is linear in edges times pivots.
    """
    member = components(graph)
    sizes = np.bincount(member)
    main = np.flatnonzero(member == sizes.argmax())
    positions = np.zeros((graph.num_nodes, 2))
    if len(main) > 1:
        positions[main] = _unit(_pivot_mds(subgraph(graph, main)))
    others = np.flatnonzero(member != sizes.argmax())
    others = others[np.argsort(member[others], kind="stable")]
    angle = 2 * np.pi * np.arange(len(others)) / max(len(others), 1)
    positions[others] = 1.25 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return positions


def _pivot_mds(graph: Graph) -> NDArray[np.float64]:
    pivots = np.random.default_rng(0).permutation(graph.num_nodes)[:_PIVOTS]
    squared = hop_distances(graph, pivots).T.astype(np.float64) ** 2
    centred = -0.5 * (squared - squared.mean(axis=0) - squared.mean(axis=1, keepdims=True) + squared.mean())
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    # One node and its pivot span a single axis; the second is then zero.
    places = centred @ axes[:2].T
    return np.pad(places, ((0, 0), (0, 2 - places.shape[1])))


def _spring(graph: Graph, start: NDArray[np.float64]) -> NDArray[np.float64]:
    import networkx as nx

    drawn: nx.Graph[int] = nx.Graph()
    drawn.add_nodes_from(range(graph.num_nodes))
    drawn.add_edges_from(graph.edges.tolist())
    # Twins, which have the same neighbours, start from one place and would never part: nudge everything a little.
    nudged = start + 0.02 * np.random.default_rng(0).standard_normal(start.shape)
    places = nx.spring_layout(drawn, pos=dict(enumerate(nudged)), seed=0, iterations=100)
    return np.stack([places[node] for node in range(graph.num_nodes)])


def _paths_span(graph: Graph) -> bool:
    """Tell whether the paths start at the root and cover a tree."""
    if graph.root is None or graph.paths is None or len(graph.edges) != graph.num_nodes - 1:
        return False
    return bool((graph.paths[:, 0] == graph.root).all()) and len(np.unique(graph.paths)) == graph.num_nodes


def _true_places(coordinates: NDArray[np.float64], sphere: bool) -> NDArray[np.float64]:
    if coordinates.shape[1] == 1:
        return np.concatenate([coordinates, np.zeros_like(coordinates)], axis=1)
    return coordinates[:, [1, 0]].copy() if sphere else coordinates[:, :2].copy()


def _unit(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre and scale into the unit disc."""
    centred = places - places.mean(axis=0)
    reach = float(np.linalg.norm(centred, axis=1).max())
    return centred / reach if reach > 0 else centred
