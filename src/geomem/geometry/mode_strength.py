"""What a linear network has learned of each singular mode of its data, and what gradient flow conserves.

Sigma_31 = U diag(s) V^T is the input-output correlation, W the product of the weight matrices (arXiv 1312.6120).
Where singular values coincide the vectors are not unique: compare sums over the subspace, `grouped`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.errors import InputError


def mode_strengths(
    product: Float[Tensor, "*b out inp"], left: Float[Tensor, "out r"], right: Float[Tensor, "inp r"]
) -> Float[Tensor, "*b r"]:
    """Return u_k = U_k^T W V_k of every mode. product: W, with batch axes in front where there are any."""
    return ((left.mT @ product) * right.mT).sum(-1)


def grouped(
    strengths: Float[Tensor, "*b r"], groups: Int[Tensor, " r"], count: int | None = None
) -> Float[Tensor, "*b g"]:
    """Return the mean strength of the modes of each group 0..count - 1, NaN for a group without modes."""
    size = int(groups.max()) + 1 if count is None else count
    total = strengths.new_zeros(*strengths.shape[:-1], size).index_add(-1, groups, strengths)
    return total / torch.bincount(groups, minlength=size).to(strengths.dtype)


def off_diagonal_energy(
    product: Float[Tensor, "out inp"], left: Float[Tensor, "out r"], right: Float[Tensor, "inp r"]
) -> float:
    """Return ||U^T W V - its diagonal||_F / ||W||_F: 0 where the modes are decoupled, 0 for W = 0."""
    inside = left.mT @ product @ right
    size = float(product.norm())
    return float((inside - inside.diag().diag()).norm()) / size if size else 0.0


def conserved(weights: Sequence[Float[Tensor, "_ _"]]) -> list[Float[Tensor, "_ _"]]:
    """Return W_l W_l^T - W_(l+1)^T W_(l+1) for every hidden layer l; gradient flow keeps each. Empty for one matrix.

    Raises InputError where the matrices do not follow each other. Source: arXiv 1312.6120, section 2.
    """
    for place, (one, two) in enumerate(pairwise(weights)):
        if one.shape[0] != two.shape[1]:
            raise InputError(f"weights: matrix {place} gives {one.shape[0]} numbers, the next takes {two.shape[1]}")
    return [one @ one.mT - two.mT @ two for one, two in pairwise(weights)]


def conservation_drift(now: Sequence[Float[Tensor, "_ _"]], before: Sequence[Float[Tensor, "_ _"]]) -> float:
    """Return the largest Frobenius norm by which a conserved matrix has changed; 0 for a single matrix."""
    pairs = zip(conserved(now), conserved(before), strict=True)
    return max((float((one - two).norm()) for one, two in pairs), default=0.0)


def crossing_times(
    times: Float[Tensor, " t"], strengths: Float[Tensor, "t r"], levels: Float[Tensor, " r"]
) -> Float[Tensor, " r"]:
    """Return when each strength first reaches its level, on the line between records; NaN where it never does.

    times: (T,) rising. strengths: (T, r). levels: (r,), s / 2 for half-maximum times.
    """
    reached = strengths >= levels
    first = reached.int().argmax(0)
    before = (first - 1).clamp(min=0)
    mode = torch.arange(strengths.shape[1], device=strengths.device)
    low, high = strengths[before, mode], strengths[first, mode]
    rise = torch.where(high > low, high - low, torch.ones_like(high))
    share = torch.where(first > 0, (levels - low) / rise, torch.zeros_like(rise))
    found = times[before] + share * (times[first] - times[before])
    return torch.where(reached.any(0), found, torch.full_like(found, torch.nan))


def linear_start(
    first: Float[Tensor, "hidden inp"],
    second: Float[Tensor, "out hidden"],
    left: Float[Tensor, "out r"],
    right: Float[Tensor, "inp r"],
) -> Float[Tensor, " r"]:
    """Return the u0 of every mode's sigmoid that small weights lead to: |W1 V_k + W2^T U_k|^2 / 4.

    While strengths are small the equations of arXiv 1312.6120 (section 2) are linear: W1 V_k and W2^T U_k grow towards
    each other, their sum as exp(s_k t / tau) and their difference falls. What their product is then is u0 exp(2 s_k t /
    tau) with this u0, so that half-times can be told from the initial weights, without a fit.
    """
    return (first @ right + second.mT @ left).square().sum(0) / 4
