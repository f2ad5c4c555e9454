"""Numbers of a context matrix: next-token entropies, support sizes and pointwise mutual information."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from geomem.contexts.matrix import ContextMatrix
from geomem.errors import InputError


@dataclass(frozen=True)
class SupportSizes:
    """How many different tokens follow a context, over the m contexts; `of_samples` weighs each by its samples.

    single: share of contexts that one token alone follows. full: share that every token of the vocabulary follows.
    """

    mean: float
    median: float
    most: int
    single: float
    full: float
    of_samples: float
    histogram: dict[int, int]
    """Support size to number of contexts."""


def support_sizes(matrix: ContextMatrix) -> SupportSizes:
    """Return statistics of the support sizes of a matrix."""
    sizes = matrix.support_sizes
    values, counts = sizes.unique(return_counts=True)
    exact = sizes.double()
    return SupportSizes(
        mean=float(exact.mean()),
        median=float(exact.quantile(0.5) if len(exact) < 1 << 24 else sizes.median()),
        most=int(values[-1]),
        single=float((sizes == 1).double().mean()),
        full=float((sizes == matrix.vocabulary).double().mean()),
        of_samples=float((exact * matrix.shares()).sum()),
        histogram=dict(zip(values.tolist(), counts.tolist(), strict=True)),
    )


def entropies(matrix: ContextMatrix) -> Tensor:
    """Return the entropy of what follows each context in nats, (m,) float64. Its mean by `shares` is `entropy()`."""
    probs = matrix.counts / matrix.totals[matrix.rows]
    found = torch.zeros(len(matrix), dtype=torch.float64, device=probs.device)
    return found.index_add(0, matrix.rows, -torch.special.xlogy(probs, probs))


def unigram(matrix: ContextMatrix) -> Tensor:
    """Return the share of each token among all next tokens, (V,) float64."""
    found = torch.zeros(matrix.vocabulary, dtype=torch.float64, device=matrix.counts.device)
    return found.index_add(0, matrix.indices, matrix.counts) / matrix.totals.sum()


def unigram_entropy(matrix: ContextMatrix) -> float:
    """Return the entropy of the next tokens without their contexts, in nats: the loss of knowing frequencies alone."""
    shares = unigram(matrix)
    return float(-torch.special.xlogy(shares, shares).sum())


def pmi(matrix: ContextMatrix) -> Tensor:
    """Return log p(token | context) / p(token) of every pair that occurs, (nnz,) float64, natural logarithm.

    Its mean over samples is the mutual information of context and next token: the unigram entropy less `entropy()`.
    Outside the support it is minus infinity, and not held.
    """
    probs = matrix.counts / matrix.totals[matrix.rows]
    return (probs / unigram(matrix)[matrix.indices]).log()


def strongest_pairs(matrix: ContextMatrix, count: int, least: float = 5) -> Tensor:
    """Return the places of the `count` entries of largest PMI among pairs seen `least` times, best first, (n,) int64.

    PMI is largest for rare pairs, of which few samples say little; hence the limit. Equal ones: the more frequent pair
    first. Raises InputError for a count below 1.
    """
    if count < 1:
        raise InputError(f"pairs: at least 1, got {count}")
    often = (matrix.counts >= least).nonzero().flatten()
    common_first = often[torch.sort(matrix.counts[often], descending=True, stable=True).indices]
    values = pmi(matrix)[common_first]
    return common_first[torch.sort(values, descending=True, stable=True).indices[:count]]
