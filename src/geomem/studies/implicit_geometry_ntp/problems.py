"""Next-token problems of the study: P and pi over supports that are symmetric, random or shared."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Generator, Tensor

from geomem.geometry.next_token import centred_support, entropy, finite_component


@dataclass(frozen=True)
class Problem:
    """probs: P (V, m), columns are next-token distributions. shares: pi (m,), how often each context occurs."""

    probs: Tensor
    shares: Tensor

    @cached_property
    def support(self) -> Tensor:
        """S (V, m) bool: which token may follow which context."""
        return self.probs > 0

    @cached_property
    def finite(self) -> Tensor:
        """L_in (V, m): the log-odds that the finite part should reach."""
        return finite_component(self.probs)

    @cached_property
    def proxy(self) -> Tensor:
        """The centred support (V, m), the stand-in for L_mm."""
        return centred_support(self.support)

    @cached_property
    def entropy(self) -> float:
        """The floor of the loss, in nats."""
        return float(entropy(self.probs, self.shares))


def subsets(vocabulary: int, size: int) -> Tensor:
    """Return the support (V, m) bool whose columns are all subsets of `size` tokens."""
    chosen = torch.tensor(list(itertools.combinations(range(vocabulary), size)))
    return torch.zeros(vocabulary, len(chosen), dtype=torch.bool).index_put(
        (chosen.flatten(), torch.arange(len(chosen)).repeat_interleave(size)), torch.tensor(True)
    )


def random_supports(vocabulary: int, contexts: int, largest: int, generator: Generator, least: int = 1) -> Tensor:
    """Return (V, m) bool: supports of `least` to `largest` tokens, sizes and tokens drawn evenly."""
    sizes = torch.randint(least, largest + 1, (contexts,), generator=generator)
    return torch.rand(vocabulary, contexts, generator=generator).argsort(0).argsort(0) < sizes


def even(support: Tensor) -> Tensor:
    """Return P that is uniform on every support."""
    return support.double() / support.sum(0)


def uneven(support: Tensor, generator: Generator) -> Tensor:
    """Return P with weights drawn from 0.25 to 1 on every support, normalised."""
    weights = 0.25 + 0.75 * torch.rand(support.shape, generator=generator, dtype=torch.float64)
    return support * weights / (support * weights).sum(0)


def even_shares(contexts: int) -> Tensor:
    """Return pi = 1 / m."""
    return torch.full((contexts,), 1 / contexts, dtype=torch.float64)


def uneven_shares(contexts: int, generator: Generator) -> Tensor:
    """Return shares drawn from 0.25 to 1, normalised."""
    weights = 0.25 + 0.75 * torch.rand(contexts, generator=generator, dtype=torch.float64)
    return weights / weights.sum()
