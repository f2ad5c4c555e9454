"""Whether the nodes of a connected component lie together, apart from the others."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.measurement import Measurement

_ROWS = 2048
"""Rows of cosines held at once."""


def component_labels(edges: Int[Tensor, "e 2"], nodes: int) -> Int[Tensor, " n"]:
    """Return the number of each node's connected component, directions ignored."""
    pairs = edges.cpu().numpy()
    matrix = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(nodes, nodes))
    return torch.from_numpy(connected_components(matrix, directed=False)[1].astype(np.int64))


def component_separation(embeddings: Float[Tensor, "n m"], labels: Int[Tensor, " n"]) -> tuple[float, float, float]:
    """Return the mean cosine within components minus between, the share of nearest neighbours within, and its chance.

    Cosines are taken after the mean of all embeddings is removed, which all nodes may share for reasons of their own.
    Chance is what a nearest neighbour drawn among all other nodes gets: the mean share of other nodes in the component.
    Raises InputError when all nodes are in one component or every node is its own.
    """
    count = len(labels)
    sizes = torch.bincount(labels)
    inside = float((sizes * (sizes - 1)).sum())
    if inside == 0 or len(sizes) == 1:
        raise InputError(f"component-separation: needs components of several nodes, got {len(sizes)} of {count} nodes")
    units = torch.nn.functional.normalize(embeddings.double() - embeddings.double().mean(0), dim=1)
    within, whole, nearest = 0.0, 0.0, 0
    for rows in torch.arange(count).split(_ROWS):
        cosines = units[rows] @ units.T
        cosines[torch.arange(len(rows)), rows] = 0.0
        same = labels[rows, None] == labels
        within += float(cosines[same].sum())
        whole += float(cosines.sum())
        cosines[torch.arange(len(rows)), rows] = -torch.inf
        nearest += int((labels[cosines.argmax(1)] == labels[rows]).sum())
    outside = count * (count - 1) - inside
    gap = within / inside - (whole - within) / outside
    return gap, nearest / count, inside / (count * (count - 1))


def measure_component_separation(embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"]) -> dict[str, float]:
    """Return gap (chance 0), nearest and nearest_chance (see `component_separation`)."""
    gap, nearest, chance = component_separation(embeddings, component_labels(edges, len(embeddings)))
    return {"gap": gap, "nearest": nearest, "nearest_chance": chance}


COMPONENT_SEPARATION = Measurement(
    name="component-separation",
    function=measure_component_separation,
    source="geomem; for sibling discovery, arXiv 2504.15266, whose families are components",
    chance="0 for gap; key nearest_chance for nearest: another node drawn at random",
)
