"""What either memory costs: bits, and L2 norm at margin 1.

Source: arXiv 2510.26745, Propositions 1-4 (v1's text once exchanges vertex and edge counts; here nE counts undirected
edges and nV vertices). All in float64 on plain numbers; bits are log2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.measurement import Measurement
from geomem.geometry.neighbours import check_edges


def associative_bits(num_edges: int, num_nodes: int, *, directions: int = 1) -> float:
    """Return nE log2 nV: a look-up table of the end of every edge; twice that to answer in both directions."""
    return directions * num_edges * math.log2(num_nodes)


def geometric_bits(num_nodes: int, dimensions: float, cells: float, *, tables: int = 1) -> float:
    """Return nV m log2(Delta): a place in a grid of Delta cells per axis for every vertex; twice that if untied."""
    return tables * num_nodes * dimensions * math.log2(cells)


def associative_norm(num_edges: int, *, directions: int = 1) -> float:
    """Return sqrt(directions * nE): the norm of W = adjacency with one-hot vectors, margin 1; an upper bound."""
    return math.sqrt(directions * num_edges)


def geometric_norm(num_nodes: int, *, tables: int = 1) -> float:
    """Return sqrt(tables * nV): about the least norm of a table with dot product 1 between neighbours.

    Neighbours need |Phi_u|^2 + |Phi_v|^2 >= 2, so each vertex carries 1 on average where the graph has a perfect
    matching.
    """
    return math.sqrt(tables * num_nodes)


@dataclass(frozen=True)
class Storage:
    """Cost of both memories of one graph, each stored one way (one table, one direction)."""

    associative_bits: float
    geometric_bits: float
    associative_norm: float
    geometric_norm: float

    @property
    def bits_ratio(self) -> float:
        """Geometric over associative bits."""
        return self.geometric_bits / self.associative_bits

    @property
    def norm_ratio(self) -> float:
        """Geometric over associative norm."""
        return self.geometric_norm / self.associative_norm


def path_star_storage(arms: int, length: int, *, projected: bool) -> Storage:
    """Return the cost for G(d, l): geometric with Delta = l cells on m axes, m = d, or log2 d after random projection.

    Raises InputError unless d >= 2 and l >= 2.
    """
    if arms < 2 or length < 2:
        raise InputError(f"path-star: needs at least 2 arms and 2 nodes a path, got {arms} and {length}")
    num_edges = arms * (length - 1)
    dimensions = math.log2(arms) if projected else arms
    return _storage(num_edges, num_edges + 1, dimensions, length)


def cycle_storage(num_nodes: int) -> Storage:
    """Return the cost for the n-cycle: geometric on m = 2 axes of Delta = n / 2 cells. InputError below n = 4."""
    if num_nodes < 4:
        raise InputError(f"cycle: needs at least 4 nodes to have cells to store, got {num_nodes}")
    return _storage(num_nodes, num_nodes, 2, num_nodes / 2)


def lookup_embedding(edges: Int[Tensor, "e 2"], num_nodes: int) -> Float[Tensor, "n d"]:
    """Return the table by which Node2Vec imitates a look-up: coordinate i of u is 1 if u lies on undirected edge i.

    Adjacent nodes have dot product 1, others 0; the self product is the degree. Self-edges and repeats are dropped.
    """
    check_edges(edges, num_nodes)
    proper = torch.unique(edges[edges[:, 0] != edges[:, 1]].sort(1).values, dim=0)
    table = torch.zeros(num_nodes, len(proper), dtype=torch.float64, device=edges.device)
    number = torch.arange(len(proper), device=edges.device)
    table[proper[:, 0], number] = 1
    table[proper[:, 1], number] = 1
    return table


def measure_storage(graph_edges: Int[Tensor, "e 2"], num_nodes: int) -> dict[str, float]:
    """Return, for both directions, the bits of the look-up and the norms of both memories and their ratio.

    The geometric bits of a graph in general depend on the m and Delta it can be drawn in: `geometric_bits`.
    """
    check_edges(graph_edges, num_nodes)
    num_edges = len(torch.unique(graph_edges.sort(1).values, dim=0))
    lookup, geometry = associative_norm(num_edges, directions=2), geometric_norm(num_nodes)
    return {
        "associative_bits": associative_bits(num_edges, num_nodes, directions=2),
        "associative_norm": lookup,
        "geometric_norm": geometry,
        "norm_ratio": geometry / lookup,
    }


def _storage(num_edges: int, num_nodes: int, dimensions: float, cells: float) -> Storage:
    return Storage(
        associative_bits(num_edges, num_nodes),
        geometric_bits(num_nodes, dimensions, cells),
        associative_norm(num_edges),
        geometric_norm(num_nodes),
    )


STORAGE = Measurement(
    name="storage",
    function=measure_storage,
    source="arXiv 2510.26745, Propositions 1-4",
    chance="none: a property of the graph, not of a model",
)
