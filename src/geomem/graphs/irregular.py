"""The paper's fixed irregular graph: a 12-node component with triangles and a 4-clique (arXiv 2510.26745)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from geomem.graphs.graph import Graph
from geomem.spec import Spec

_RING = (
    *((0, 1), (1, 2), (2, 3), (1, 3), (3, 4), (4, 5), (5, 6)),
    *((6, 7), (7, 8), (5, 8), (8, 9), (9, 10), (10, 11), (0, 11)),
)
_CLIQUE = ((12, 13), (12, 14), (12, 15), (13, 14), (13, 15), (14, 15))


class IrregularSpec(Spec):
    """16 nodes, 20 edges, two components; ids are never permuted and edges point from the lower id to the higher."""

    kind: Literal["irregular"] = "irregular"

    def build(self, seed: int) -> Graph:
        """Build the graph; nothing in it is random, so `seed` is not used."""
        groups = ("ring",) * 12 + ("clique",) * 4
        return Graph("irregular", 16, np.array([*_RING, *_CLIQUE], dtype=np.int64), groups=groups)
