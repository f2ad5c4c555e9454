"""The out-neighbours of every node, as flat arrays (CSR)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from geomem.errors import InputError


@dataclass(frozen=True)
class Neighbours:
    """Out-neighbours of nodes 0..N-1: those of u are `targets[starts[u]:starts[u + 1]]`, ascending, no duplicates."""

    starts: Int[Tensor, " n_plus_1"]
    targets: Int[Tensor, " e"]

    @classmethod
    def from_edges(cls, edges: Int[Tensor, "e 2"], num_nodes: int) -> Neighbours:
        """Collect directed pairs (u, v). Raises InputError when an edge names a node outside 0..N-1."""
        check_edges(edges, num_nodes)
        pairs = torch.unique(edges, dim=0)
        starts = torch.zeros(num_nodes + 1, dtype=torch.int64, device=edges.device)
        starts[1:] = torch.bincount(pairs[:, 0], minlength=num_nodes).cumsum(0)
        return cls(starts, pairs[:, 1].contiguous())

    @property
    def degrees(self) -> Int[Tensor, " n"]:
        """Out-degree of every node."""
        return self.starts.diff()

    def of(self, nodes: Int[Tensor, " b"]) -> tuple[Int[Tensor, " k"], Int[Tensor, " k"]]:
        """Return (rows, targets): node `nodes[rows[i]]` has the neighbour `targets[i]`."""
        counts = self.degrees[nodes]
        rows = torch.repeat_interleave(torch.arange(len(nodes), device=nodes.device), counts)
        before = (counts.cumsum(0) - counts)[rows]
        offsets = torch.arange(len(rows), device=nodes.device) - before + self.starts[nodes][rows]
        return rows, self.targets[offsets]


def check_edges(edges: Int[Tensor, "e 2"], num_nodes: int) -> None:
    """Raise InputError when there is no edge or one names a node outside 0..num_nodes-1."""
    if len(edges) == 0:
        raise InputError("edges: at least one edge is needed, got none")
    low, high = int(edges.min()), int(edges.max())
    if low < 0 or high >= num_nodes:
        wrong = low if low < 0 else high
        raise InputError(f"edges: node {wrong} is outside 0..{num_nodes - 1}, the nodes that have an embedding")
