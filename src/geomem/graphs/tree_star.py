"""Tree-stars: a root with d children, each of them the root of a b-ary tree (arXiv 2510.26745, Fig. 11)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from geomem.errors import InputError
from geomem.graphs.graph import MAX_NODES, Graph, check_size
from geomem.seeding import numpy_generator
from geomem.spec import Spec


class TreeStarSpec(Spec):
    """T(d, b, l): `arms` = d subtrees under the root, `branching` = b, `length` = l nodes on every root-to-leaf path.

    A subtree has (b^(l-1) - 1) / (b - 1) nodes and b^(l-2) leaves; edges point away from the root.
    """

    kind: Literal["tree-star"] = "tree-star"
    arms: int = Field(16, ge=1, description="children of the root, d")
    branching: int = Field(2, ge=1, description="children of every inner node below the root, b")
    length: int = Field(4, ge=2, description="nodes on a path from the root to a leaf, both counted, l")
    permute: bool = Field(True, description="shuffle node ids, so that an id says nothing about the place")

    @model_validator(mode="after")
    def _fits(self) -> TreeStarSpec:
        nodes = 1 + self.arms * subtree_nodes(self.branching, self.length)
        check_size(self.kind, nodes, nodes - 1)
        return self

    def build(self, seed: int) -> Graph:
        """Build the graph; `seed` decides the shuffle of ids."""
        name = f"tree-star({self.arms}, {self.branching}, {self.length})"
        ids = star_ids(self.kind, self.arms, self.branching, self.length, seed if self.permute else None)
        return star_graph(name, self.arms, self.branching, self.length, ids)


def subtree_nodes(branching: int, length: int) -> int:
    """Count the nodes below the root on one arm. Raises InputError when they are too many to build."""
    if branching == 1:
        return length - 1
    nodes = 1
    for _ in range(length - 2):
        nodes = 1 + branching * nodes
        if nodes > MAX_NODES:
            raise InputError(f"tree-star: branching {branching} and length {length} need more than {MAX_NODES} nodes")
    return nodes


def star_ids(kind: str, arms: int, branching: int, length: int, seed: int | None) -> NDArray[np.int64]:
    """Return (N,) ids by position (root, then arm after arm): a uniform shuffle, or in order without a seed."""
    nodes = 1 + arms * subtree_nodes(branching, length)
    if seed is None:
        return np.arange(nodes, dtype=np.int64)
    return numpy_generator(seed, "graph", kind).permutation(nodes).astype(np.int64)


def star_graph(name: str, arms: int, branching: int, length: int, ids: NDArray[np.int64]) -> Graph:
    """Build a tree-star; the node at position p (root, then arm after arm, each level by level) has id `ids[p]`."""
    size = subtree_nodes(branching, length)
    child = np.arange(1, 1 + arms * size, dtype=np.int64)
    arm, local = np.divmod(child - 1, size)
    # A b-ary tree listed level by level is a heap: the parent of entry p is entry (p - 1) // b.
    parent = np.where(local == 0, 0, child - local + (local - 1) // branching)
    groups = np.empty(len(ids), dtype=object)
    groups[ids[0]] = "root"
    groups[ids[child]] = arm.astype(str)
    return Graph(
        name=name,
        num_nodes=len(ids),
        edges=np.stack([ids[parent], ids[child]], axis=1),
        paths=ids[_path_positions(arms, branching, length)],
        root=int(ids[0]),
        groups=tuple(groups.tolist()),
    )


def _path_positions(arms: int, branching: int, length: int) -> NDArray[np.int64]:
    """Return (arms * leaves, length) positions on each root-to-leaf path, arm after arm, leaf after leaf."""
    depth = np.arange(length - 1, dtype=np.int64)
    level_start = depth if branching == 1 else (branching**depth - 1) // (branching - 1)
    leaves = branching ** (length - 2)
    leaf = np.arange(leaves, dtype=np.int64)[:, None]
    local = level_start + leaf // branching ** (length - 2 - depth)
    arm_start = 1 + np.arange(arms, dtype=np.int64)[:, None, None] * subtree_nodes(branching, length)
    below = (arm_start + local).reshape(arms * leaves, length - 1)
    return np.concatenate([np.zeros((len(below), 1), dtype=np.int64), below], axis=1)
