"""Subspace collapse: contexts that allow the same next tokens point the same way, whatever the frequencies.

Contexts with equal support columns form a group. Source: arXiv 2408.15417 (claim and figures); the scatter ratio is the
one of neural collapse (arXiv 2008.08186), within over between. Columns are contexts, as in `geometry.next_token`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from geomem.geometry.vectors import row_chunks, unit_rows


@dataclass(frozen=True)
class SubspaceCollapse:
    """How tightly columns gather by group; NaN where no two columns share a group, or all share one.

    within / between: mean cosine over pairs of columns of one group / of different groups. within_min, between_max:
    the extreme pair. scatter_ratio: squared distances to group means over squared distances of group means to the mean
    of all, each group counted as often as it has columns. groups: how many; pairs: pairs within them.
    """

    within: float
    within_min: float
    between: float
    between_max: float
    scatter_ratio: float
    groups: int
    pairs: int

    def numbers(self) -> dict[str, float]:
        """Return the numbers by name, without the counts."""
        return {
            "within": self.within,
            "within_min": self.within_min,
            "between": self.between,
            "between_max": self.between_max,
            "scatter_ratio": self.scatter_ratio,
        }


def support_groups(support: Bool[Tensor, "v m"]) -> Int[Tensor, " m"]:
    """Return a group a context, 0..u-1: equal exactly where the support columns are equal."""
    return torch.unique(support.T.contiguous(), dim=0, return_inverse=True)[1]


def subspace_collapse(columns: Float[Tensor, "d m"], groups: Int[Tensor, " m"]) -> SubspaceCollapse:
    """Compare the columns (context embeddings, logits or distributions) within and between `groups` (m,).

    Exact over all pairs; memory is bounded, time grows as m². A zero column has cosine 0 with every other.
    """
    counts = torch.bincount(groups)
    count, pairs = len(groups), int((counts * (counts - 1)).sum()) // 2
    unit = unit_rows(columns.T)
    # Sums over all pairs follow from the sums of unit vectors; only the extremes need the pairs themselves.
    own = unit.square().sum()
    by_group = unit.new_zeros(len(counts), unit.shape[1]).index_add_(0, groups, unit)
    inside = float(by_group.square().sum() - own) / 2
    total = float(unit.sum(0).square().sum() - own) / 2
    across = count * (count - 1) // 2 - pairs
    lowest, highest = _extremes(unit, groups)
    return SubspaceCollapse(
        within=inside / pairs if pairs else math.nan,
        within_min=lowest if pairs else math.nan,
        between=(total - inside) / across if across else math.nan,
        between_max=highest if across else math.nan,
        scatter_ratio=scatter_ratio(columns, groups) if pairs else math.nan,
        groups=int((counts > 0).sum()),
        pairs=pairs,
    )


def scatter_ratio(columns: Float[Tensor, "d m"], groups: Int[Tensor, " m"]) -> float:
    """Return sum |h_j - mu_g|² / sum_g c_g |mu_g - mu|²; NaN where the group means coincide."""
    rows = columns.double().T
    counts = torch.bincount(groups).double()
    means = rows.new_zeros(len(counts), rows.shape[1]).index_add_(0, groups, rows) / counts.clamp(min=1)[:, None]
    within = float((rows - means[groups]).square().sum())
    between = float((counts * (means - rows.mean(0)).square().sum(1)).sum())
    return within / between if between > 0 else math.nan


def _extremes(unit: Float[Tensor, "m d"], groups: Int[Tensor, " m"]) -> tuple[float, float]:
    """Return the smallest cosine within a group and the largest between two groups."""
    lowest, highest = math.inf, -math.inf
    places = torch.arange(len(unit), device=unit.device)
    for part in row_chunks(len(unit), len(unit)):
        cosines = unit[part] @ unit.T
        same = groups[part, None] == groups
        other = places[part, None] != places
        lowest = min(lowest, float(cosines.where(same & other, math.inf).min()))
        highest = max(highest, float(cosines.where(~same, -math.inf).max()))
    return lowest, highest
