"""Complete graphs: the control in which every node is equally near to every other."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from geomem.graphs.graph import Graph, check_size
from geomem.spec import Spec


class CompleteSpec(Spec):
    """`nodes` nodes, every pair joined; edges point from the lower id to the higher."""

    kind: Literal["complete"] = "complete"
    nodes: int = Field(16, ge=2, description="number of nodes")

    @model_validator(mode="after")
    def _fits(self) -> CompleteSpec:
        check_size(self.kind, self.nodes, self.nodes * (self.nodes - 1) / 2)
        return self

    def build(self, seed: int) -> Graph:
        """Build the graph; nothing in it is random, so `seed` is not used."""
        edges = np.stack(np.triu_indices(self.nodes, k=1), axis=1).astype(np.int64)
        return Graph(f"complete({self.nodes})", self.nodes, edges)
