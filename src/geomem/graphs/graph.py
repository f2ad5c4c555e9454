"""A graph as geomem uses it: numbered nodes, forward edges, and what is known about it but never trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geomem.errors import InputError

Direction = Literal["forward", "backward", "both"]

MAX_NODES = 20_000_000
"""Largest graph that is built: a mistyped size should be one clear line, not a machine out of memory."""

MAX_EDGES = 100_000_000
"""Most edges that are built, for the same reason."""


def check_size(kind: str, nodes: int, edges: float) -> None:
    """Raise InputError when a graph of this size would not be built."""
    if nodes > MAX_NODES:
        raise InputError(f"{kind}: {nodes} nodes are too many; at most {MAX_NODES}")
    if edges > MAX_EDGES:
        raise InputError(f"{kind}: about {edges:.0f} edges are too many; at most {MAX_EDGES}")


@dataclass(frozen=True)
class Graph:
    """Numbered nodes 0..N-1 with edges, and optional names, paths and coordinates.

    edges: (E, 2) int64, each undirected edge once, in its "forward" direction (arXiv 2510.26745).
    labels: N names, or None for numbers.
    paths: (P, l) int64 or None; node paths, for stars from the root to each leaf.
    root: id of the root, or None.
    coordinates: (N, k) float64 or None; the true map. For measuring, never for training.
    coordinate_kind: "plane" (x, y, ...) or "sphere" (latitude, longitude in degrees).
    groups: N names of a class each node belongs to (continent, arm), for colouring only, or None.
    """

    name: str
    num_nodes: int
    edges: NDArray[np.int64]
    labels: tuple[str, ...] | None = None
    paths: NDArray[np.int64] | None = None
    root: int | None = None
    coordinates: NDArray[np.float64] | None = field(default=None, repr=False)
    coordinate_kind: Literal["plane", "sphere"] = "plane"
    groups: tuple[str, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.num_nodes < 1 or len(self.edges) == 0:
            raise InputError(f"graph '{self.name}': needs at least one edge, got {self.num_nodes} nodes, 0 edges")
        if int(self.edges.min()) < 0 or int(self.edges.max()) >= self.num_nodes:
            raise InputError(f"graph '{self.name}': an edge names a node outside 0..{self.num_nodes - 1}")
        for what, known in (("labels", self.labels), ("groups", self.groups), ("coordinates", self.coordinates)):
            if known is not None and len(known) != self.num_nodes:
                raise InputError(f"graph '{self.name}': {len(known)} {what} for {self.num_nodes} nodes")

    def label(self, node: int) -> str:
        """Return the name of a node."""
        return self.labels[node] if self.labels is not None else str(node)

    def directed_edges(self, direction: Direction = "both", *, self_edges: bool = False) -> NDArray[np.int64]:
        """Return (M, 2) directed pairs to train on: forward by (u, v), then backward, then (u, u); no duplicates."""
        forward = self.edges[np.lexsort((self.edges[:, 1], self.edges[:, 0]))]
        parts = {"forward": [forward], "backward": [forward[:, ::-1]], "both": [forward, forward[:, ::-1]]}[direction]
        if self_edges:
            nodes = np.arange(self.num_nodes, dtype=np.int64)
            parts = [*parts, np.stack([nodes, nodes], axis=1)]
        pairs = np.concatenate(parts)
        _, first = np.unique(pairs[:, 0] * self.num_nodes + pairs[:, 1], return_index=True)
        return np.ascontiguousarray(pairs[np.sort(first)])
