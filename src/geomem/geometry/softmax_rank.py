"""Ranks of log-probability matrices: what a softmax over d dimensions can say, and what it cannot.

Source: arXiv 1711.03953, section 2. Contexts are rows here, A[i, j] = log P(x_j | c_i) (`next_token` has them as
columns). All logit matrices that give P differ from A by a constant a row, so by at most one in rank. With the mean of
each row taken off, a softmax over d dimensions without bias has rank at most min(d, V - 1), and d + 1 as it stands.

Logits must be multiplied out in float64: rounding of float32 gives any matrix full rank.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.next_token import entropy_gap
from geomem.geometry.spectrum import rankme, stable_rank


def centre_rows(log_probs: Float[Tensor, "n v"]) -> Float[Tensor, "n v"]:
    """Return log-probabilities (or logits) with the mean over the vocabulary taken off each row, float64.

    The same for every gauge: a constant added to a row changes nothing. Raises InputError for a probability of 0, whose
    logarithm no softmax reaches: such data is about supports, see `geomem.geometry.next_token`.
    """
    table = log_probs.double()
    if not bool(table.isfinite().all()):
        raise InputError(
            "log-probabilities: hold NaN or infinite values; the rank of a zero probability is not defined"
        )
    return table - table.mean(1, keepdim=True)


def numerical_rank(matrix: Float[Tensor, "n v"]) -> int:
    """Return how many singular values lie above max(n, v) * eps * the largest, eps that of float64 (numpy's rule)."""
    return rank_of_spectrum(torch.linalg.svdvals(matrix.double()), max(matrix.shape))


def rank_of_spectrum(singular_values: Float[Tensor, " k"], size: int) -> int:
    """Return the numerical rank of a matrix with these singular values (descending) whose longer side is `size`."""
    if len(singular_values) == 0 or singular_values[0] == 0:
        return 0
    return int((singular_values > size * torch.finfo(torch.float64).eps * singular_values[0]).sum())


@dataclass(frozen=True)
class LogRank:
    """The spectrum of a row-centred log-probability matrix and its ranks.

    singular_values: descending, float64. rank: numerical rank, of the values that are more than what the subtraction of
    the means leaves by rounding. plain_rank: the same before centring. stable:
    |A|_F^2 / |A|_2^2. effective: exp of the entropy of the squared singular values, scaled to sum 1. NaN for a matrix
    of uniform distributions, which has rank 0.
    """

    singular_values: Float[Tensor, " k"]
    rank: int
    plain_rank: int
    stable: float
    effective: float


def log_rank(log_probs: Float[Tensor, "n v"]) -> LogRank:
    """Measure a log-probability matrix, contexts as rows. Raises InputError as `centre_rows` does."""
    values = torch.linalg.svdvals(centre_rows(log_probs))
    # The mean of equal numbers, or of a row with a large constant, is off by rounding, which has a rank of its own.
    rounding = torch.finfo(torch.float64).eps * float(log_probs.abs().max()) * log_probs.numel() ** 0.5
    rank = rank_of_spectrum(values.where(values > rounding, 0.0), max(log_probs.shape))
    # Below the threshold there is rounding and nothing else, which the other two numbers must not count.
    squares = values[:rank].square()
    return LogRank(values, rank, numerical_rank(log_probs), float(stable_rank(squares)), float(rankme(squares)))


def mean_kl(
    target: Float[Tensor, "n v"], log_probs: Float[Tensor, "n v"], weights: Float[Tensor, " n"] | None = None
) -> Float[Tensor, ""]:
    """Return the mean over contexts of KL(P* || P) in nats, from probabilities P* and log-probabilities or logits.

    target: rows sum to 1; zeros are allowed and count nothing. weights: of the contexts, summing to 1; equal if None.
    The same as `next_token.entropy_gap`, whose contexts are columns.
    """
    shares = target.new_full((len(target),), 1 / len(target)) if weights is None else weights
    return entropy_gap(log_probs.T, target.T, shares)
