"""A random graph with many triangles, and the triangles of a graph (arXiv 2504.15266, section 2, as released)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

CROWDED = 1.2
"""A node is connected to partners whose degree is at most this times the degree asked for."""


def triangle_graph(nodes: int, degree: int, closures: int, generator: np.random.Generator) -> Tensor:
    """Return the edges (E, 2) int64, smaller node first, ascending, of a random graph.

    Every node is first connected until it has `degree` edges, to random nodes that have at most `CROWDED` times as
    many; then each node in turn, `closures` times, connects two random neighbours of its own. A node that finds no
    partner keeps fewer edges, one with a single neighbour connects none, and neighbours that are connected stay so.
    """
    neighbours: list[list[int]] = [[] for _ in range(nodes)]
    joined: list[set[int]] = [set() for _ in range(nodes)]

    def join(one: int, two: int) -> None:
        if two not in joined[one]:
            neighbours[one].append(two)
            neighbours[two].append(one)
            joined[one].add(two)
            joined[two].add(one)

    for node in range(nodes):
        free = [other for other in range(nodes) if other != node and other not in joined[node]
                and len(neighbours[other]) <= CROWDED * degree]  # fmt: skip
        lacking = max(0, min(degree - len(neighbours[node]), len(free)))
        for place in generator.choice(len(free), lacking, replace=False) if lacking else ():
            join(node, free[place])
    for node in range(nodes):
        for _ in range(closures):
            if len(neighbours[node]) >= 2:
                one, two = generator.choice(len(neighbours[node]), 2, replace=False)
                join(neighbours[node][one], neighbours[node][two])
    pairs = [(node, other) for node in range(nodes) for other in neighbours[node] if node < other]
    return torch.tensor(sorted(pairs), dtype=torch.int64).reshape(-1, 2)


@dataclass(frozen=True)
class Wedges:
    """Nodes (W, 3) int64 as u, v, w with edges u v and u w, v before w, and degrees (N,) int64 of all nodes."""

    nodes: Tensor
    degrees: Tensor


def wedges(edges: Tensor, num_nodes: int) -> Wedges:
    """Return every pair of neighbours of every node, for undirected edges (E, 2)."""
    both = torch.cat([edges, edges.flip(1)])
    both = both[(both[:, 0] * num_nodes + both[:, 1]).argsort()]
    degrees = torch.bincount(both[:, 0], minlength=num_nodes)
    starts = degrees.cumsum(0) - degrees
    # Edge k of a node is paired with each of the node's edges behind it.
    place = torch.arange(len(both)) - starts[both[:, 0]]
    behind = degrees[both[:, 0]] - 1 - place
    first = torch.arange(len(both)).repeat_interleave(behind)
    within = torch.arange(len(first)) - (behind.cumsum(0) - behind).repeat_interleave(behind)
    second = first + 1 + within
    return Wedges(torch.stack([both[first, 0], both[first, 1], both[second, 1]], dim=1), degrees)


def closed(found: Wedges, edges: Tensor) -> Tensor:
    """Return (W,) bool, which wedges have their third edge, too, and so are triangles seen from u."""
    num_nodes = len(found.degrees)
    low, high = found.nodes[:, 1:].sort(1).values.unbind(1)
    ends = edges.sort(1).values
    return torch.isin(low * num_nodes + high, ends[:, 0] * num_nodes + ends[:, 1])


def triangles(edges: Tensor, num_nodes: int) -> Tensor:
    """Return every triangle (t, 3) int64 of undirected edges (E, 2) once, its nodes ascending."""
    found = wedges(edges, num_nodes)
    seen = found.nodes[closed(found, edges)]
    return seen[(seen[:, 0] < seen[:, 1]) & (seen[:, 1] < seen[:, 2])]
