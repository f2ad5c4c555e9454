"""How nearly low-rank the logits of histories and futures are (arXiv 2510.24966).

An extended logit matrix holds, for n histories h, F futures f and k next tokens z, the entries
M[h, (f, z)] = L[z | h f], where L[. | y] are log-probabilities less their mean over the whole vocabulary. It comes here
as a tensor (n, F, k); its rank is that of the matrix (n, F k). Everything is worked out in float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.power_law import LEAST_RANKS, PowerLaw


def centred(logits: Float[Tensor, "*rows V"]) -> Float[Tensor, "*rows V"]:
    """Return logits, or log-probabilities, less their mean over the vocabulary; the two give the same numbers."""
    return logits - logits.mean(-1, keepdim=True)


def singular_values(matrix: Float[Tensor, "n F k"]) -> Float[Tensor, " r"]:
    """Return the singular values of the matrix (n, F k), descending."""
    return torch.linalg.svdvals(matrix.double().flatten(1))


def decay(values: Float[Tensor, " r"], first: int, last: int) -> PowerLaw:
    """Return alpha of sigma_i ~ i^-alpha, by plain least squares of ln sigma on ln i over ranks first..last (from 1).

    The slope depends on the window, which is why it is part of the result. It ends earlier where the singular values
    do: those below 1e-12 of the largest are rounding. With fewer than 3 ranks left alpha and R^2 are NaN.
    """
    size = int((values > 1e-12 * values.max()).sum()) if len(values) else 0
    last = min(last, size)
    if last - first + 1 < LEAST_RANKS:
        return PowerLaw(math.nan, math.nan, 0, 0)
    ranks = torch.arange(first, last + 1, dtype=torch.float64).log()
    heights = values[first - 1 : last].double().cpu().log()
    off, rise = ranks - ranks.mean(), heights - heights.mean()
    slope = (off @ rise) / (off @ off)
    spread = rise @ rise
    missed = (rise - slope * off).square().sum()
    return PowerLaw(-float(slope), 1 - float(missed / spread) if spread > 0 else 1.0, first, last)


def approximate_rank(values: Float[Tensor, " r"], share: float) -> int:
    """Return the smallest r with |M - M_r|_F^2 <= share |M|_F^2, from the singular values (descending) of M.

    Raises InputError for a share outside 0..1.
    """
    if not 0 <= share <= 1:
        raise InputError(f"share: expected a number from 0 to 1, got {share}")
    energy = values.double().square()
    left = energy.sum() - torch.cat([energy.new_zeros(1), energy.cumsum(0)])
    return int((left > share * energy.sum() + 1e-15 * energy.sum()).sum())


def average_kl(logits: Float[Tensor, "n F k"], fit: Float[Tensor, "n F k"]) -> float:
    """Return D: the mean over histories and futures of KL(softmax(logits) || softmax(fit)), in nats, over k tokens."""
    true, other = (torch.log_softmax(one.double(), -1) for one in (logits, fit))
    return float((true.exp() * (true - other)).sum(-1).mean())


def kl_bound(logits: Float[Tensor, "n F k"], fit: Float[Tensor, "n F k"]) -> float:
    """Return |logits - fit|_F^2 / (4 n F), which D of `average_kl` never exceeds.

    KL between softmaxes is the Bregman divergence of log-sum-exp, whose Hessian has norm at most 1/2; the paper's bound
    has the constant 1 in the place of 1/4.
    """
    n, futures, _ = logits.shape
    return float((logits.double() - fit.double()).square().sum() / (4 * n * futures))


class Truncations:
    """The best approximations M_r of a matrix (n, F k), in the Frobenius norm, for one r after the other."""

    def __init__(self, matrix: Float[Tensor, "n F k"]) -> None:
        self.matrix = matrix.double()
        left, values, _ = torch.linalg.svd(self.matrix.flatten(1), full_matrices=False)
        self.left, self.values = left, values

    @property
    def most(self) -> int:
        """The rank from which nothing is cut off."""
        return len(self.values)

    def at(self, rank: int) -> Float[Tensor, "n F k"]:
        """Return M_r. Raises InputError for a negative rank."""
        if rank < 0:
            raise InputError(f"rank: expected 0 or more, got {rank}")
        basis = self.left[:, :rank]
        return (basis @ (basis.T @ self.matrix.flatten(1))).view_as(self.matrix)

    def kl(self, rank: int) -> float:
        """Return D(M, M_r) in nats."""
        return average_kl(self.matrix, self.at(rank))

    def rank_for(self, nats: float) -> int:
        """Return a rank r with D(M, M_r) <= nats and, where r > 0, D(M, M_{r-1}) > nats, by bisection.

        It is the smallest such rank where D falls with r, as it does in practice; that is not a theorem.
        """
        if self.kl(0) <= nats:
            return 0
        low, high = 0, self.most
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.kl(middle) <= nats else (middle, high)
        return high


def history_independent(matrix: Float[Tensor, "n F k"]) -> Float[Tensor, "n F k"]:
    """Return the best fit that is the same for every history: the mean over histories, of rank 1."""
    return matrix.double().mean(0, keepdim=True).expand(matrix.shape)


def normalised_kl(matrix: Float[Tensor, "n F k"], ranks: Sequence[int]) -> list[float]:
    """Return D(M, M_r) over D of the history-independent fit, for each rank.

    For comparing models whose logits depend on the history to different degrees, such as an untrained one. NaN where
    histories make no difference.
    """
    cut = Truncations(matrix)
    least = average_kl(matrix, history_independent(matrix))
    return [cut.kl(rank) / least if least > 1e-12 else math.nan for rank in ranks]


def column_space(matrix: Float[Tensor, "n F k"], rank: int) -> Float[Tensor, "n r"]:
    """Return an orthonormal basis of the column space of M_r, in the space of histories."""
    return torch.linalg.svd(matrix.double().flatten(1), full_matrices=False).U[:, :rank]


def principal_cosines(
    one: Float[Tensor, "n F k"], other: Float[Tensor, "n G l"], rank: int
) -> Float[Tensor, " r"]:  # fmt: skip
    """Return the cosines, descending, of the principal angles between the column spaces of two rank-r truncations.

    The matrices have the same histories in the same order: two sets of futures, or two models. Cosines near 1 mean that
    linear relations between histories carry over.
    """
    return torch.linalg.svdvals(column_space(one, rank).T @ column_space(other, rank)).clamp(max=1.0)


def shuffled_histories(matrix: Float[Tensor, "n F k"], generator: torch.Generator) -> Float[Tensor, "n F k"]:
    """Return the matrix with the entries of each column in an order of its own: the control without shared structure.

    Every column keeps its numbers, so that means and energy stay.
    """
    flat = matrix.flatten(1)
    order = torch.rand(flat.shape, generator=generator, dtype=torch.float64).argsort(0).to(flat.device)
    return flat.gather(0, order).view_as(matrix)
