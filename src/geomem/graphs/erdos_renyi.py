"""Erdős–Rényi graphs G(n, p): each pair of nodes is joined with probability p, independently of all others."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from geomem.graphs.graph import Graph, check_size
from geomem.seeding import numpy_generator
from geomem.spec import Spec


class ErdosRenyiSpec(Spec):
    """G(n, p) with `nodes` = n and `probability` = p; edges point from the lower id to the higher.

    Nodes that no edge reaches stay in the graph.
    """

    kind: Literal["erdos-renyi"] = "erdos-renyi"
    nodes: int = Field(100, ge=2, description="number of nodes, n")
    probability: float = Field(0.05, gt=0.0, le=1.0, description="chance that a pair is joined, p")

    @model_validator(mode="after")
    def _fits(self) -> ErdosRenyiSpec:
        check_size(self.kind, self.nodes, self.probability * self.nodes * (self.nodes - 1) / 2)
        return self

    def build(self, seed: int) -> Graph:
        """Draw the graph. Raises InputError when no pair was joined."""
        generator = numpy_generator(seed, "graph", self.kind)
        chosen = bernoulli_indices(self.nodes * (self.nodes - 1) // 2, self.probability, generator)
        return Graph(f"erdos-renyi({self.nodes}, {self.probability:g})", self.nodes, pairs_at(chosen))


def bernoulli_indices(total: int, probability: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return the ascending indices in 0..total-1 that are each chosen independently with `probability`.

    Draws the gaps between successes, which are geometric, so time and memory follow the number chosen and not `total`
    (Batagelj and Brandes, Phys. Rev. E 71, 036113).
    """
    block = int(total * probability + 4 * np.sqrt(total * probability)) + 16
    parts: list[NDArray[np.int64]] = []
    last = -1
    while last < total:
        # A gap beyond `total` ends the draw whatever its size; cut there, the sums below cannot overflow.
        gaps = np.minimum(generator.geometric(probability, size=block), total + 1)
        parts.append(last + np.cumsum(gaps))
        last = int(parts[-1][-1])
    indices = np.concatenate(parts)
    return indices[indices < total]


def pairs_at(index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (E, 2) pairs u < v at positions `index` (E,) of the list (0,1), (0,2), (1,2), (0,3), ..."""
    v = ((1 + np.sqrt(1 + 8 * index.astype(np.float64))) / 2).astype(np.int64)
    # The square root is off by at most one in the last place: step back or forward where it is.
    v -= (v * (v - 1) // 2 > index).astype(np.int64)
    v += (v * (v + 1) // 2 <= index).astype(np.int64)
    return np.stack([index - v * (v - 1) // 2, v], axis=1)
