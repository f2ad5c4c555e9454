"""A graph as sparse matrices: adjacency, random walk, the paper's Laplacian; and its components and hop distances.

A node that no edge reaches has a row of zeros in every one of them, so nothing here divides by zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse import csgraph

from geomem.errors import InputError
from geomem.graphs.graph import Graph


def adjacency(graph: Graph) -> sp.csr_array:
    """Return A (N, N) float64: symmetric, 1 where two nodes are joined in any direction; a self-edge is A_uu = 1."""
    u, v = graph.edges[:, 0], graph.edges[:, 1]
    ones = np.ones(2 * len(u))
    shape = (graph.num_nodes, graph.num_nodes)
    matrix = sp.csr_array((ones, (np.concatenate([u, v]), np.concatenate([v, u]))), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def degrees(graph: Graph) -> NDArray[np.int64]:
    """Return (N,) the number of neighbours of each node; a self-edge makes a node its own neighbour, once."""
    return np.diff(adjacency(graph).indptr).astype(np.int64)


def random_walk(graph: Graph) -> sp.csr_array:
    """Return W = D^-1 A (N, N): row u is uniform over the neighbours of u, and zero where there are none."""
    matrix = adjacency(graph)
    counts = np.diff(matrix.indptr)
    matrix.data = np.repeat(1.0 / np.maximum(counts, 1), counts)
    return matrix


def neg_laplacian(graph: Graph) -> sp.csr_array:
    """Return -L (N, N), where L = (I - W) + (I - W)^T (arXiv 2510.26745).

    Symmetric; without self-edges its trace is -2 for each node that has an edge. As in the usual normalised Laplacian,
    I is 1 only on nodes that have an edge, so that an isolated node is a component with eigenvalue 0.
    """
    walk = random_walk(graph)
    reached = (np.diff(walk.indptr) > 0).astype(np.float64)
    return sp.csr_array(walk + walk.T - 2.0 * sp.diags_array(reached))


def components(graph: Graph) -> NDArray[np.int64]:
    """Return (N,) the component of each node, numbered 0, 1, ... in the order of their lowest nodes."""
    _, labels = csgraph.connected_components(adjacency(graph), directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def trivial_vectors(graph: Graph) -> sp.csr_array:
    """Return (N, c): the indicator of each component, of unit length; the directions that tell nothing within one."""
    member = components(graph)
    value = 1.0 / np.sqrt(np.bincount(member))[member]
    nodes = np.arange(graph.num_nodes)
    return sp.csr_array((value, (nodes, member)), shape=(graph.num_nodes, int(member.max()) + 1))


def hop_distances(graph: Graph, sources: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (S, N): hops from each of `sources` (S,) to every node, -1 where there is no way.

    Raises InputError when a source is not a node.
    """
    index = np.asarray(sources, dtype=np.int64)
    if len(index) and (int(index.min()) < 0 or int(index.max()) >= graph.num_nodes):
        raise InputError(f"graph '{graph.name}': a source is not a node; nodes are 0..{graph.num_nodes - 1}")
    return _as_hops(csgraph.dijkstra(adjacency(graph), directed=False, indices=index, unweighted=True))


def nearest_source_hops(graph: Graph, sources: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (N,): hops to the nearest of `sources` (S,), -1 where there is no way to any of them."""
    index = np.asarray(sources, dtype=np.int64)
    return _as_hops(csgraph.dijkstra(adjacency(graph), directed=False, indices=index, unweighted=True, min_only=True))


def _as_hops(distance: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.where(np.isfinite(distance), distance, -1).astype(np.int64)
