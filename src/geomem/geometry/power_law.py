"""alpha-ReQ: the exponent of the power law that the eigenvalues of a covariance follow.

Sources: arXiv 2202.05808 (alpha-ReQ); arXiv 2509.23024, Section 2 and released code (window, weights).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

WIDE = 128
"""Rank from which the power law is fitted on the fixed window of the paper's code."""

WIDE_WINDOW = (12, 100)
"""That window, as ranks from 1, both ends included."""

NARROW_START = 5
"""First rank of the window of a smaller spectrum; its last rank is half the spectrum's rank."""

LEAST_RANKS = 3
"""Fewest ranks of a fit; through two points a line always passes."""


@dataclass(frozen=True)
class PowerLaw:
    """A fit of eigenvalue ~ rank^-alpha on ranks first_rank..last_rank (from 1, both included).

    r2: the share of the variance of ln eigenvalue on that window that the line explains, ranks weighted alike.
    With too few ranks for a fit, alpha and r2 are NaN and the window is (0, 0).
    """

    alpha: float
    r2: float
    first_rank: int
    last_rank: int


def alpha_req(eigenvalues: Float[Tensor, " d"]) -> PowerLaw:
    """Return alpha-ReQ: the exponent of the power law that the eigenvalues follow (arXiv 2509.23024, released code).

    Least squares of ln eigenvalue on -ln rank, weighted by 1 / rank, over ranks 12..100 (zero-based 11..99). The
    released code always takes these; a spectrum with fewer than 128 positive eigenvalues is here fitted on ranks 5 to
    half of them instead, and the window is part of the result. R^2 is on the window of the fit; the released code's
    starts one rank late, because its helper shifts its index array in place.
    """
    first, last = fit_window(int((eigenvalues > 0).sum()))
    if not first:
        return PowerLaw(math.nan, math.nan, 0, 0)
    ranks, heights = _log_log(eigenvalues, first, last)
    slope, centre, level = _weighted_line(ranks, heights)
    missed = heights - level - slope * (ranks - centre)
    spread = (heights - heights.mean()).square().sum()
    # A flat spectrum leaves nothing to explain: its line fits it in full.
    r2 = 1 - float(missed.square().sum() / spread) if spread > 0 else 1.0
    return PowerLaw(-float(slope), r2, first, last)


def power_law_exponent(eigenvalues: Float[Tensor, " d"]) -> Float[Tensor, ""]:
    """Return alpha of `alpha_req` alone, as a tensor that can be differentiated."""
    first, last = fit_window(int((eigenvalues > 0).sum()))
    if not first:
        return eigenvalues.new_tensor(math.nan)
    return -_weighted_line(*_log_log(eigenvalues, first, last))[0]


def fit_window(rank: int) -> tuple[int, int]:
    """Return the ranks (first, last) on which a spectrum of so many positive eigenvalues is fitted; (0, 0) if none."""
    first, last = WIDE_WINDOW if rank >= WIDE else (NARROW_START, rank // 2)
    return (first, last) if last - first + 1 >= LEAST_RANKS else (0, 0)


def _log_log(eigenvalues: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
    window = eigenvalues[eigenvalues > 0].sort(descending=True).values[first - 1 : last]
    ranks = torch.arange(first, last + 1, dtype=window.dtype, device=window.device)
    return ranks.log(), window.log()


def _weighted_line(ranks: Tensor, heights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Fit heights = level + slope (ranks - centre) by least squares; a rank of logarithm r weighs exp(-r)."""
    weights = torch.softmax(-ranks, 0)
    centre, level = (weights * ranks).sum(), (weights * heights).sum()
    off = weights * (ranks - centre)
    return (off * (heights - level)).sum() / (off * (ranks - centre)).sum(), centre, level
