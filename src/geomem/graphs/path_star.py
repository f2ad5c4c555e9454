"""Path-stars G(d, l): d arms of l nodes each, counting the root they share (arXiv 2403.06963)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from geomem.graphs.graph import Graph, check_size
from geomem.graphs.tree_star import star_graph, star_ids
from geomem.spec import Spec


class PathStarSpec(Spec):
    """G(d, l): `arms` = d paths of `length` = l nodes, root and leaf counted; d (l - 1) + 1 nodes, d (l - 1) edges."""

    kind: Literal["path-star"] = "path-star"
    arms: int = Field(250, ge=1, description="paths that start at the root, d")
    length: int = Field(4, ge=2, description="nodes on a path, root and leaf counted, l")
    permute: bool = Field(True, description="shuffle node ids, so that an id says nothing about the place")

    @model_validator(mode="after")
    def _fits(self) -> PathStarSpec:
        nodes = 1 + self.arms * (self.length - 1)
        check_size(self.kind, nodes, nodes - 1)
        return self

    def build(self, seed: int) -> Graph:
        """Build the graph; `seed` decides the shuffle of ids. Edges point away from the root."""
        ids = star_ids(self.kind, self.arms, 1, self.length, seed if self.permute else None)
        return star_graph(f"path-star({self.arms}, {self.length})", self.arms, 1, self.length, ids)
