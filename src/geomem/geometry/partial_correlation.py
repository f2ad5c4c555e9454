"""Correlation of two numbers with others held fixed, and the slope in that regression, with bootstrap intervals.

y is regressed on [1, given, x]: the slope is the coefficient of x, the partial correlation that of the two residuals on
[1, given]. Both come from one matrix of second moments (its Schur complement), so a bootstrap resamples clusters, such
as all positions of one sequence, by adding up their moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.windows import Estimate, bootstrap_means, percentile_interval

_LEFT = 1e-12
"""Share of a variance below which the rest after regression is rounding: nothing varies once the others are fixed."""


@dataclass(frozen=True)
class Partial:
    """Partial correlation and slope with their 95 % intervals; NaN where x or y does not vary beside `given`.

    count: observations. clusters: what the bootstrap drew.
    """

    correlation: Estimate
    slope: Estimate
    count: int
    clusters: int


def partial(
    x: Float[Tensor, " n"],
    y: Float[Tensor, " n"],
    given: Float[Tensor, "n k"] | None = None,
    clusters: Int[Tensor, " n"] | None = None,
    *,
    seed: int = 0,
) -> Partial:
    """Relate y to x with the columns of `given` held fixed.

    given: (n, k) covariates; columns may be constant or depend on each other. clusters: (n,) the number of the cluster
    an observation belongs to; each is its own where None. Raises InputError for fewer than three observations, or
    numbers that are not finite.
    """
    columns = [x[:, None], y[:, None]] if given is None else [given, x[:, None], y[:, None]]
    table = torch.cat([column.double() for column in columns], dim=1)
    if len(table) < 3 or not bool(table.isfinite().all()):
        raise InputError("partial correlation: needs at least three observations, all of them finite")
    table = table - table.mean(0)
    size = table.square().mean(0).sqrt()
    # Scaled, so that the threshold below means the same for all columns; the intercept is the column of ones.
    scaled = torch.cat([table.new_ones(len(table), 1), table / size.where(size > 0, 1.0)], dim=1)
    grams = _grams(scaled, clusters)
    unit = float(size[-1] / size[-2]) if float(size[-2]) > 0 else torch.nan
    drawn = torch.cat([grams.mean(0, keepdim=True), bootstrap_means(grams, seed=seed, name="partial")])
    left = residual_moments(drawn)
    correlations = left[:, 0, 1] / (left[:, 0, 0] * left[:, 1, 1]).sqrt()
    slopes = unit * left[:, 0, 1] / left[:, 0, 0]
    found = (percentile_interval(float(one[0]), one[1:], len(grams)) for one in (correlations, slopes))
    return Partial(*found, count=len(table), clusters=len(grams))


def residual_moments(gram: Float[Tensor, "r q q"]) -> Float[Tensor, "r 2 2"]:
    """Return the second moments of the last two columns after regression on all others; NaN where none are left."""
    rest, both = gram[:, :-2, :-2], gram[:, :-2, -2:]
    left = gram[:, -2:, -2:] - both.mT @ torch.linalg.pinv(rest, hermitian=True) @ both
    gone = left.diagonal(dim1=1, dim2=2) <= _LEFT * gram[:, -2:, -2:].diagonal(dim1=1, dim2=2)
    return left.masked_fill(gone[:, :, None] | gone[:, None, :], torch.nan)


def _grams(table: Tensor, clusters: Tensor | None) -> Tensor:
    """Return the second moments of each cluster, (C, q, q), so that their mean over clusters is that of all."""
    if clusters is None:
        return table[:, :, None] * table[:, None, :]
    numbers, place = torch.unique(clusters, return_inverse=True)
    grams = table.new_zeros(len(numbers), table.shape[1], table.shape[1])
    for one in range(len(numbers)):
        rows = table[place == one]
        grams[one] = rows.T @ rows
    return grams
