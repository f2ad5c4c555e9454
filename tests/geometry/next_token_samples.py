"""Next-token problems whose geometry is known, and random ones."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor


def subsets(vocabulary: int, size: int) -> Tensor:
    """Return the support (V, m) bool whose m columns are all subsets of `size` tokens."""
    chosen = list(itertools.combinations(range(vocabulary), size))
    support = torch.zeros(vocabulary, len(chosen), dtype=torch.bool)
    for column, tokens in enumerate(chosen):
        support[list(tokens), column] = True
    return support


def uniform(support: Tensor) -> tuple[Tensor, Tensor]:
    """Return P uniform on every support and pi uniform."""
    count = support.shape[1]
    return support.double() / support.sum(0), torch.full((count,), 1 / count, dtype=torch.float64)


def uneven(support: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return random P on the supports and random pi, no entry tiny."""
    generator = torch.Generator().manual_seed(seed)
    probs = support * (0.3 + torch.rand(support.shape, generator=generator, dtype=torch.float64))
    shares = 0.3 + torch.rand(support.shape[1], generator=generator, dtype=torch.float64)
    return probs / probs.sum(0), shares / shares.sum()


def random_support(vocabulary: int, contexts: int, largest: int, seed: int = 0) -> Tensor:
    """Return (V, m) bool: supports of 1 to `largest` tokens, drawn evenly."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(1, largest + 1, (contexts,), generator=generator)
    scores = torch.rand(vocabulary, contexts, generator=generator)
    return scores.argsort(0).argsort(0) < sizes
