"""How much of a block's update is tokenwise: alignment, subspaces, rank correlations, null controls.

Source: arXiv 2604.02459, with u the update of a token, û that of a tokenwise map and r = u - û. A least-squares û is
orthogonal to r, so cos(u, û)^2 + cos(u, r)^2 is about 1 whatever the model does: the alignments restate R^2, which
stands beside them. Only the subspaces and the functional test say more. All intervals are over windows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.stats import rankdata
from torch import Tensor

from geomem.geometry.linear_maps import SMALLEST
from geomem.geometry.vectors import unit_rows
from geomem.geometry.windows import (
    Estimate,
    bootstrap_means,
    percentile_interval,
    window_gram,
    window_means,
    window_ratio,
)
from geomem.seeding import torch_generator

DIRECTIONS = 16
"""Dimensions of the dominant tokenwise subspace."""


@dataclass(frozen=True)
class Decomposition:
    """One block, one tokenwise map, n evaluation tokens. Intervals are over windows.

    align_t, align_r: mean cos(u, û) and cos(u, r); angle_t, angle_r: their arc cosines in degrees. r2: share of the
    updates' variance that û explains. error: mean of `errors`, |r| / |u| of each token. pi_u, pi_r: mean share of the
    squared length of u, of r, inside the span of the leading right singular vectors of û (uncentred).
    residual_norms: |r| of each token.
    """

    align_t: Estimate
    align_r: Estimate
    angle_t: Estimate
    angle_r: Estimate
    r2: Estimate
    error: Estimate
    pi_u: Estimate
    pi_r: Estimate
    errors: Float[Tensor, " n"]
    residual_norms: Float[Tensor, " n"]


def decompose(
    updates: Float[Tensor, "n d"],
    tokenwise: Float[Tensor, "n d"],
    windows: Int[Tensor, " n"],
    *,
    directions: int = DIRECTIONS,
) -> Decomposition:
    """Split updates u (n, d) into what a tokenwise map predicts, û, and the rest; float64."""
    u, predicted = updates.double(), tokenwise.double()
    residual = u - predicted
    sizes = residual.norm(dim=1)
    errors = sizes / u.norm(dim=1).clamp(min=SMALLEST)
    basis = leading_directions(predicted, directions)
    means = [cosines(u, predicted), cosines(u, residual), errors, share_inside(u, basis), share_inside(residual, basis)]
    align_t, align_r, error, pi_u, pi_r = token_means(torch.stack(means, dim=1), windows)
    squares = torch.stack([sizes.square(), (u - u.mean(0)).square().sum(1)], dim=1)
    unexplained = window_ratio(_gram(squares, windows), squares.new_tensor([1, 0]), squares.new_tensor([0, 1]))
    return Decomposition(
        align_t=align_t,
        align_r=align_r,
        angle_t=_angle(align_t),
        angle_r=_angle(align_r),
        r2=Estimate(1 - unexplained.value, 1 - unexplained.high, 1 - unexplained.low),
        error=error,
        pi_u=pi_u,
        pi_r=pi_r,
        errors=errors,
        residual_norms=sizes,
    )


def rotated_residuals(
    updates: Float[Tensor, "n d"],
    tokenwise: Float[Tensor, "n d"],
    windows: Int[Tensor, " n"],
    *,
    directions: int = DIRECTIONS,
    seed: int = 0,
) -> tuple[Estimate, Estimate]:
    """Return (align_r, pi_r) when each r is turned by its own random orthogonal matrix: the null control.

    A vector turned so has a uniformly random direction and its own length. Expected: 0, and q / d.
    """
    u, predicted = updates.double(), tokenwise.double()
    noise = torch.randn(u.shape, generator=torch_generator(seed, "tokenwise", "rotated"), dtype=torch.float64)
    turned = unit_rows(noise).to(u.device) * (u - predicted).norm(dim=1, keepdim=True)
    inside = share_inside(turned, leading_directions(predicted, directions))
    align, share = token_means(torch.stack([cosines(u, turned), inside], dim=1), windows)
    return align, share


def cosines(one: Float[Tensor, "n d"], two: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Return the cosine of every pair of rows, float64; 0 where a row is zero."""
    return (unit_rows(one) * unit_rows(two)).sum(1)


def leading_directions(rows: Float[Tensor, "n d"], count: int) -> Float[Tensor, "d q"]:
    """Return the leading right singular vectors of uncentred rows as columns; q = min(count, d)."""
    return torch.linalg.eigh(rows.T @ rows).eigenvectors[:, -count:]


def share_inside(rows: Float[Tensor, "n d"], basis: Float[Tensor, "d q"]) -> Float[Tensor, " n"]:
    """Return the share of each row's squared length inside the span of orthonormal columns; 0 for a zero row."""
    return (unit_rows(rows) @ basis).square().sum(1)


def token_means(values: Float[Tensor, "n k"], windows: Int[Tensor, " n"]) -> list[Estimate]:
    """Return the mean of every column over tokens, with its 95 % interval over windows."""
    found = window_means(_gram(values, windows))
    return [found.at(place) for place in range(values.shape[1])]


def rank_correlation(
    first: Float[Tensor, " n"], second: Float[Tensor, " n"], windows: Int[Tensor, " n"], *, seed: int = 0
) -> Estimate:
    """Return Spearman's rho over tokens, ties by average rank, with its 95 % bootstrap interval over windows.

    Ranks are taken once, over all tokens, so that each resample is a sum over windows. 0 when a side is constant.
    """
    one, two = (torch.from_numpy(np.asarray(rankdata(side.cpu().numpy()), np.float64)) for side in (first, second))
    one, two = one - one.mean(), two - two.mean()
    scale = len(one)  # keeps the sums near 1
    one, two = one / scale, two / scale
    columns = torch.stack([torch.ones_like(one), one, two, one * one, two * two, one * two], dim=1)
    sums, counts = window_sums(columns, windows.cpu())
    drawn = _correlations(bootstrap_means(sums, seed=seed, name="rank-correlation"))
    return percentile_interval(float(_correlations(sums.mean(0))), drawn, len(counts))


def window_sums(
    values: Float[Tensor, "n k"], windows: Int[Tensor, " n"]
) -> tuple[Float[Tensor, "w k"], Int[Tensor, " w"]]:
    """Return the sum of rows of each window, float64, and its number of rows."""
    _, place, counts = windows.unique(return_inverse=True, return_counts=True)
    sums = values.new_zeros((len(counts), values.shape[1]), dtype=torch.float64)
    return sums.index_add_(0, place, values.double()), counts


def _gram(values: Float[Tensor, "n k"], windows: Int[Tensor, " n"]) -> Float[Tensor, "m m"]:
    return window_gram(*window_sums(values, windows))


def _correlations(sums: Float[Tensor, "*r 6"]) -> Float[Tensor, "*r"]:
    """Return Pearson's correlation from (n, a, b, aa, bb, ab), or any multiple of them; 0 when a side is constant."""
    n, a, b, aa, bb, ab = sums.unbind(-1)
    one, two = aa / n - (a / n).square(), bb / n - (b / n).square()
    constant = torch.minimum(one, two) < 1e-12
    return torch.where(constant, 0.0, (ab / n - a * b / n.square()) / (one * two).clamp(min=1e-24).sqrt())


def _angle(cosine: Estimate) -> Estimate:
    """Return the arc cosine in degrees; a larger cosine is a smaller angle."""
    value, high, low = (_degrees(side) for side in (cosine.value, cosine.low, cosine.high))
    return Estimate(value, low, high)


def _degrees(cosine: float) -> float:
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
