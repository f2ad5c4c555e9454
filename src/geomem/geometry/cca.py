"""SVCCA and PWCCA: mean canonical correlations of two representations of the same stimuli, beside their noise level.

Source: Raghu et al., arXiv 1706.05806 (SVCCA); Morcos et al., arXiv 1806.05759, Eq. 3 (PWCCA); Wachter 1980, Annals of
Statistics 8 (canonical correlations of noise).

Canonical correlations find the best matching directions among all, so pure noise scores high with few stimuli a
direction: a value says something only beside `noise`, the score of unrelated data with as many stimuli and directions.
At most n/5 directions a side are kept, without which n directions would fit anything exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.geometry.paired import centred_pair

LEAST = 10
"""Stimuli below which n/5 directions leave fewer than two."""


@dataclass(frozen=True)
class CanonicalCorrelations:
    """Canonical correlations of two sets of directions.

    correlations: (c,) descending, in [0, 1]; none where a side has no variance. weights: (c,) how much of the first
    representation each accounts for, sum 1. directions: how many were kept on either side. stimuli: n.
    """

    correlations: Float[Tensor, " c"]
    weights: Float[Tensor, " c"]
    directions: tuple[int, int]
    stimuli: int

    @property
    def mean(self) -> Float[Tensor, ""]:
        """Plain mean (SVCCA when the directions hold 99 % of the variance); 0 without any."""
        return self.correlations.sum() / max(1, len(self.correlations))

    @property
    def weighted(self) -> Float[Tensor, ""]:
        """Mean weighted by what each direction accounts for in the first representation (PWCCA); 0 without any."""
        return (self.weights * self.correlations).sum()

    @property
    def noise(self) -> float:
        """The mean for unrelated data of as many independent stimuli and directions; 0 without any."""
        return noise_correlation(self.stimuli, *self.directions) if len(self.correlations) else 0.0


def svcca(first: Float[Tensor, "n p"], second: Float[Tensor, "n q"]) -> Float[Tensor, ""]:
    """Return SVCCA: the mean canonical correlation of the components that hold 99 % of the variance, at most n/5.

    In [0, 1], symmetric, 0 without variance. Report it with its noise level: `canonical_correlations(...).noise`.
    Raises InputError for different stimuli, fewer than ten, or values that are not finite.
    """
    return canonical_correlations(first, second).mean


def pwcca(first: Float[Tensor, "n p"], second: Float[Tensor, "n q"]) -> Float[Tensor, ""]:
    """Return PWCCA: canonical correlations weighted by sum_j |<h_i, x_j>| over the first representation's units x_j.

    h_i is the i-th canonical variate of the first representation. All components with variance are used, at most n/5.
    Not symmetric. In [0, 1], 0 without variance. Raises InputError as `svcca`.
    """
    return canonical_correlations(first, second, share=1.0).weighted


def canonical_correlations(
    first: Float[Tensor, "n p"], second: Float[Tensor, "n q"], *, share: float = 0.99
) -> CanonicalCorrelations:
    """Correlate the leading principal components of both sides that hold `share` of the variance, at most n/5 each.

    Raises InputError as `svcca`.
    """
    x, y = centred_pair(first, second, least=LEAST)
    basis, scale, axes = _leading(x, share)
    other, _, _ = _leading(y, share)
    return _canonical(basis.T @ other, scale, axes, len(x))


def canonical_from_covariances(
    first: Float[Tensor, "p p"],
    second: Float[Tensor, "q q"],
    cross: Float[Tensor, "p q"],
    stimuli: int,
    *,
    share: float = 0.99,
) -> CanonicalCorrelations:
    """Return the same from sums of products of centred rows, X^T X, Y^T Y and X^T Y (see `LinearCKA.covariances`).

    Components of less than 1e-12 of the largest variance are rounding and are left out.
    """
    basis, scale, axes = _from_covariance(first.double(), stimuli, share)
    other, _, _ = _from_covariance(second.double(), stimuli, share)
    return _canonical(basis.T @ cross.double() @ other, scale, axes, stimuli)


def noise_correlation(stimuli: int, first: int, second: int) -> float:
    """Return the mean canonical correlation of unrelated Gaussian data, for many stimuli and directions (Wachter).

    With a = p/(n-1) <= b = q/(n-1) and a + b < 1, squared correlations t have density
    sqrt((t-low)(high-t)) / (2 pi a t (1-t)) between low, high = (sqrt(a(1-b)) -/+ sqrt(b(1-a)))^2; else the mean is
    given as 1, since directions then match whatever they are. Tokens of one text window are not independent, so for
    them the true level is higher.
    """
    smaller, larger = (count / (stimuli - 1) for count in sorted((first, second)))
    if smaller + larger >= 1:
        return 1.0
    inner, outer = math.sqrt(smaller * (1 - larger)), math.sqrt(larger * (1 - smaller))
    low, high = (inner - outer) ** 2, (inner + outer) ** 2
    # t = low + (high - low) sin^2 takes the square roots out of the integral; the midpoint rule is then very exact.
    angle = (torch.arange(512, dtype=torch.float64) + 0.5) * (math.pi / 2 / 512)
    t = low + (high - low) * angle.sin().square()
    density = ((high - low) * angle.sin() * angle.cos()).square() / (math.pi * smaller * t * (1 - t))
    return float((density * t.sqrt()).mean() * math.pi / 2)


def _leading(rows: Tensor, share: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return the leading components that hold `share` of the variance: basis (n, k), scale (k), axes (p, k)."""
    basis, scale, axes = torch.linalg.svd(rows, full_matrices=False)
    kept = _kept(scale.square(), len(rows), share)
    return basis[:, :kept], scale[:kept], axes[:kept].T


def _from_covariance(covariance: Tensor, stimuli: int, share: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same with the basis as its coefficients on the units, since rows are not at hand."""
    values, axes = torch.linalg.eigh(covariance)
    values, axes = values.flip(0).clamp(min=0), axes.flip(1)
    kept = _kept(values, stimuli, share)
    scale = values[:kept].sqrt()
    return axes[:, :kept] / scale, scale, axes[:, :kept]


def _kept(variances: Tensor, stimuli: int, share: float) -> int:
    """Return how many leading components hold `share` of the variance, at most n/5, none of them rounding."""
    real = int((variances > 1e-12 * variances[0]).sum())
    if real == 0:
        return 0
    needed = int((variances.cumsum(0) < share * (1 - 1e-12) * variances.sum()).sum()) + 1
    return min(needed, real, stimuli // 5)


def _canonical(overlap: Tensor, scale: Tensor, axes: Tensor, stimuli: int) -> CanonicalCorrelations:
    """Return the correlations of two orthonormal bases from their overlap (k, m); scale, axes: of the first."""
    directions = (overlap.shape[0], overlap.shape[1])
    if min(directions) == 0:
        none = overlap.new_zeros(0)
        return CanonicalCorrelations(none, none, directions, stimuli)
    turn, correlations, _ = torch.linalg.svd(overlap, full_matrices=False)
    weights = ((turn * scale[:, None]).T @ axes.T).abs().sum(1)
    return CanonicalCorrelations(correlations.clamp(max=1), weights / weights.sum(), directions, stimuli)
