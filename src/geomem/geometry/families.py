"""Whether what belongs to one family lies together, apart from the others."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.measurement import Measurement

_ROWS = 2048
"""Rows of cosines held at once."""


def family_separation(embeddings: Float[Tensor, "n m"], families: Int[Tensor, " n"]) -> tuple[float, float, float]:
    """Return the mean cosine within families minus between, the share of nearest neighbours within, and its chance.

    Cosines are taken after the mean of all embeddings is removed, which all nodes may share for reasons of their own.
    Chance is what a nearest neighbour drawn among all other nodes gets: the mean share of other nodes in the family.
    families: the number of each node's family, from 0. Raises InputError when there is one family alone, or when none
    has two members.
    """
    count = len(families)
    sizes = torch.bincount(families)
    inside = float((sizes * (sizes - 1)).sum())
    if inside == 0 or len(sizes) == 1:
        raise InputError(
            f"family-separation: needs several families and one of several members, got {len(sizes)} of {count} nodes"
        )
    units = torch.nn.functional.normalize(embeddings.double() - embeddings.double().mean(0), dim=1)
    within, whole, nearest = 0.0, 0.0, 0
    for rows in torch.arange(count).split(_ROWS):
        cosines = units[rows] @ units.T
        cosines[torch.arange(len(rows)), rows] = 0.0
        same = families[rows, None] == families
        within += float(cosines[same].sum())
        whole += float(cosines.sum())
        cosines[torch.arange(len(rows)), rows] = -torch.inf
        nearest += int((families[cosines.argmax(1)] == families[rows]).sum())
    outside = count * (count - 1) - inside
    gap = within / inside - (whole - within) / outside
    return gap, nearest / count, inside / (count * (count - 1))


def measure_family_separation(embeddings: Float[Tensor, "n m"], families: Int[Tensor, " n"]) -> dict[str, float]:
    """Return gap (chance 0), nearest and nearest_chance (see `family_separation`)."""
    gap, nearest, chance = family_separation(embeddings, families)
    return {"gap": gap, "nearest": nearest, "nearest_chance": chance}


FAMILY_SEPARATION = Measurement(
    name="family-separation",
    function=measure_family_separation,
    source="geomem; for sibling discovery, arXiv 2504.15266, of parents with their children",
    chance="0 for gap; key nearest_chance for nearest: another node drawn at random",
)
