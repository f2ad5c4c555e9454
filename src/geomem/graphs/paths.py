"""Paths through graphs that are not stars (arXiv 2510.26745, code), and from a root through any graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geomem.errors import InputError
from geomem.graphs.graph import Graph
from geomem.graphs.grid import grid_graph
from geomem.graphs.matrices import adjacency, hop_distances
from geomem.seeding import numpy_generator

_PATIENCE = 50
"""Rounds of walks without a new one after which a small grid is taken to have no more."""


def paths_from_root(graph: Graph, root: int | None = None, length: int = 2) -> NDArray[np.int64]:
    """Return (P, length): one shortest path from `root` to every node `length` - 1 hops away, by ascending end node.

    Where there are several shortest paths, each node is entered from its lowest-numbered neighbour on the way back.
    Nodes that `root` does not reach have no path. `root` None means the graph's own root.
    Raises InputError when there is no root, when it is no node, or when no node is that far away.
    """
    start = graph.root if root is None else root
    if start is None:
        raise InputError(f"graph '{graph.name}' has no root; name one of the nodes 0..{graph.num_nodes - 1}")
    if not 0 <= start < graph.num_nodes:
        raise InputError(f"graph '{graph.name}': root {start} is not a node; nodes are 0..{graph.num_nodes - 1}")
    _check_length(length, 2)
    hops = hop_distances(graph, [start])[0]
    ends = np.flatnonzero(hops == length - 1)
    if len(ends) == 0:
        farthest = int(hops.max())
        raise InputError(
            f"graph '{graph.name}': no node is {length - 1} hops from root {graph.label(start)}; "
            f"the farthest is {farthest} hops away, so length can be at most {farthest + 1}"
        )
    both = np.concatenate([graph.edges, graph.edges[:, ::-1]])
    steps = both[(hops[both[:, 0]] >= 0) & (hops[both[:, 1]] == hops[both[:, 0]] + 1)]
    parent = np.full(graph.num_nodes, graph.num_nodes, dtype=np.int64)
    np.minimum.at(parent, steps[:, 1], steps[:, 0])
    paths = np.empty((len(ends), length), dtype=np.int64)
    paths[:, -1] = ends
    for place in range(length - 2, -1, -1):
        paths[:, place] = parent[paths[:, place + 1]]
    return paths


def cycle_paths(nodes: int, length: int) -> NDArray[np.int64]:
    """Return (nodes, length): `length` consecutive nodes of a cycle from every start. Raises InputError if too long."""
    _check_length(length, 1, nodes)
    return (np.arange(nodes)[:, None] + np.arange(length)) % nodes


def grid_paths(rows: int, columns: int, length: int, seed: int) -> NDArray[np.int64]:
    """Return (P, length): every straight run in both directions, then distinct non-backtracking walks up to N in all.

    P is N = rows x columns, more when there are more straight runs, fewer when the grid has no more such walks.
    """
    _check_length(length, 2)
    graph = grid_graph(rows, columns)
    generator = numpy_generator(seed, "graph", "grid", "paths")
    found = _straight_runs(rows, columns, length)
    wanted = max(len(found), graph.num_nodes)
    idle = 0
    while len(found) < wanted and idle < _PATIENCE:
        starts = generator.integers(graph.num_nodes, size=graph.num_nodes)
        walks = non_backtracking_walks(graph, starts, length, generator)
        merged = _distinct(np.concatenate([found, walks[walks[:, -1] >= 0]]))
        idle = idle + 1 if len(merged) == len(found) else 0
        found = merged
    return found[:wanted]


def walk_paths(graph: Graph, length: int, seed: int) -> NDArray[np.int64]:
    """Return (N, length): one random non-backtracking walk from each node.

    Raises InputError when a walk ends in a dead end, that is in a node whose only neighbour it came from.
    """
    _check_length(length, 1)
    generator = numpy_generator(seed, "graph", "walks")
    walks = non_backtracking_walks(graph, np.arange(graph.num_nodes), length, generator)
    stuck = np.flatnonzero(walks[:, -1] < 0)
    if len(stuck):
        node = graph.label(int(stuck[0]))
        raise InputError(f"graph '{graph.name}': a walk of {length} nodes from node {node} ends in a dead end")
    return walks


def non_backtracking_walks(
    graph: Graph, starts: NDArray[np.int64], length: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return (S, length) random walks from `starts` (S,), each step uniform over the neighbours but the one just left.

    A walk in a dead end is filled up with -1.
    """
    matrix = adjacency(graph)
    indptr, indices = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    # Keys u * N + v of all (node, neighbour) pairs ascend, so the place of a neighbour in its list is one search.
    keys = np.repeat(np.arange(graph.num_nodes), np.diff(indptr)) * graph.num_nodes + indices
    walks = np.full((len(starts), length), -1, dtype=np.int64)
    walks[:, 0] = starts
    for step in range(1, length):
        alive = np.flatnonzero(walks[:, step - 1] >= 0)
        here = walks[alive, step - 1]
        choices = indptr[here + 1] - indptr[here]
        left = np.full(len(alive), np.iinfo(np.int64).max)
        if step > 1:
            left = np.searchsorted(keys, here * graph.num_nodes + walks[alive, step - 2]) - indptr[here]
            choices = choices - 1
        free = choices > 0
        draw = (generator.random(len(alive)) * choices).astype(np.int64)
        draw += draw >= left
        walks[alive[free], step] = indices[indptr[here[free]] + draw[free]]
    return walks


def _straight_runs(rows: int, columns: int, length: int) -> NDArray[np.int64]:
    ids = np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)
    runs = [np.empty((0, length), dtype=np.int64)]
    for lines in (ids, ids.T):
        if lines.shape[1] >= length:
            windows = np.lib.stride_tricks.sliding_window_view(lines, length, axis=1).reshape(-1, length)
            runs += [windows, windows[:, ::-1]]
    return np.concatenate(runs)


def _distinct(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first = np.unique(rows, axis=0, return_index=True)
    return rows[np.sort(first)]


def _check_length(length: int, least: int, most: int | None = None) -> None:
    if length < least or (most is not None and length > most):
        bound = f"at least {least}" if most is None else f"{least} to {most}"
        raise InputError(f"path length {length}: must be {bound} nodes")
