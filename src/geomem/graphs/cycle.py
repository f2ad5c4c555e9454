"""Cycles: node i points to i + 1 modulo n (arXiv 2510.26745)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from geomem.graphs.graph import Graph, check_size
from geomem.spec import Spec


class CycleSpec(Spec):
    """A ring of `nodes`, ids in order (never permuted), coordinates on the unit circle."""

    kind: Literal["cycle"] = "cycle"
    nodes: int = Field(15, ge=3, description="number of nodes")

    @model_validator(mode="after")
    def _fits(self) -> CycleSpec:
        check_size(self.kind, self.nodes, self.nodes)
        return self

    def build(self, seed: int) -> Graph:
        """Build the graph; nothing in it is random, so `seed` is not used."""
        ids = np.arange(self.nodes, dtype=np.int64)
        angle = 2 * np.pi * ids / self.nodes
        coordinates = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        edges = np.stack([ids, (ids + 1) % self.nodes], axis=1)
        return Graph(f"cycle({self.nodes})", self.nodes, edges, coordinates=coordinates)
