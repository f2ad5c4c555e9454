"""Grids: row-major ids, four neighbours, edges to the right and down (arXiv 2510.26745)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from geomem.graphs.graph import Graph, check_size
from geomem.spec import Spec


class GridSpec(Spec):
    """`rows` x `columns` nodes, ids row by row (never permuted), coordinates (row, column) in the plane."""

    kind: Literal["grid"] = "grid"
    rows: int = Field(4, ge=1, description="nodes from top to bottom")
    columns: int = Field(4, ge=1, description="nodes from left to right")

    @model_validator(mode="after")
    def _fits(self) -> GridSpec:
        check_size(self.kind, self.rows * self.columns, 2 * self.rows * self.columns)
        return self

    def build(self, seed: int) -> Graph:
        """Build the graph; nothing in it is random, so `seed` is not used."""
        return grid_graph(self.rows, self.columns)


def grid_graph(rows: int, columns: int) -> Graph:
    """Build a grid of `rows` x `columns`. Raises InputError for a single node, which has no edge."""
    ids = np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)
    right = np.stack([ids[:, :-1].ravel(), ids[:, 1:].ravel()], axis=1)
    down = np.stack([ids[:-1].ravel(), ids[1:].ravel()], axis=1)
    coordinates = np.stack(np.divmod(ids.ravel(), columns), axis=1).astype(np.float64)
    return Graph(f"grid({rows}, {columns})", rows * columns, np.concatenate([right, down]), coordinates=coordinates)
