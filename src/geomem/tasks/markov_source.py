"""A Markov source of order 2 whose every probability is known: stationary, of prefixes, and of the next token.

Each pair of tokens allows a few next tokens and forbids the rest, unless a floor gives every token some probability.
Tokens that are popular are allowed more often and are then likelier, so that stationary probabilities of pairs span
decades. Sequences begin with a pair drawn from the stationary distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from geomem.errors import InputError
from geomem.seeding import torch_generator

_POLISH = 200
"""Steps of the chain after the linear system was solved."""


@dataclass(frozen=True)
class MarkovSource:
    """Everything that is known of a source of V tokens, float64.

    transitions: (V, V, V), P(c | a, b) at [a, b, c]. stationary: (V, V) of pairs, 0 for pairs that pass away.
    """

    transitions: Tensor
    stationary: Tensor

    @property
    def vocabulary(self) -> int:
        """Number of tokens V."""
        return len(self.transitions)

    @property
    def unigram(self) -> Tensor:
        """(V,) stationary probabilities of tokens."""
        return self.stationary.sum(1)

    @property
    def pair_entropy(self) -> Tensor:
        """(V, V) entropy in nats of the next token after each pair."""
        return -torch.xlogy(self.transitions, self.transitions).sum(-1)

    @property
    def entropy_rate(self) -> float:
        """Nats a token of a long sequence."""
        return float((self.stationary * self.pair_entropy).sum())

    @property
    def decades(self) -> float:
        """log10 of the largest over the smallest stationary probability of a pair that occurs."""
        occurring = self.stationary[self.stationary > 0]
        return float((occurring.max() / occurring.min()).log10())

    def conditionals(self, tokens: Tensor) -> Tensor:
        """Return P(next | tokens so far) for tokens (B, T): (B, T, V), row t follows x_0..x_t."""
        first = self.stationary / self.unigram.clamp(min=1e-300)[:, None]
        after = self.transitions[tokens[:, :-1], tokens[:, 1:]]
        return torch.cat([first[tokens[:, :1]], after], dim=1)

    def prefix_log_probs(self, tokens: Tensor) -> Tensor:
        """Return log P(x_0..x_t) for tokens (B, T), (B, T); -inf from the first forbidden token on."""
        steps = self.conditionals(tokens)[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0].log()
        return torch.cat([self.unigram[tokens[:, :1]].log(), steps], dim=1).cumsum(1)

    def sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Draw sequences (count, length) int64."""
        pairs = torch.multinomial(self.stationary.flatten(), count, replacement=True, generator=generator)
        columns = [pairs // self.vocabulary, pairs % self.vocabulary]
        steps = self.transitions.cumsum(-1)
        steps = steps / steps[..., -1:]  # the last is 1 exactly, so that no draw falls behind it
        for _ in range(2, length):
            drawn = torch.rand(count, 1, generator=generator, dtype=torch.float64)
            rows = steps[columns[-2], columns[-1]]
            columns.append(torch.searchsorted(rows, drawn, right=True)[:, 0])
        return torch.stack(columns[:length], dim=1)

    def forbidden(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """Return for pairs (B, 2) a token (B,) that never follows, uniformly drawn.

        Raises InputError for a source with a floor, where every token may follow.
        """
        never = (self.transitions[tokens[:, 0], tokens[:, 1]] == 0).double()
        if not bool(never.any(1).all()):
            raise InputError("this source gives every token some probability, so nothing is forbidden")
        return torch.multinomial(never, 1, generator=generator)[:, 0]


def draw_source(
    vocabulary: int, supports: tuple[int, ...], *, popularity: float, least: float, floor: float, seed: int
) -> MarkovSource:
    """Draw a source from the stream "source" of `seed`.

    supports: sizes of the set of next tokens, one drawn for each pair. popularity: exponent s, token r is as popular as
    (r + 1)^-s. least: smallest probability inside a set. floor: probability that every token has after every pair.
    Raises InputError for sets that do not fit the vocabulary, or a least probability or a floor that leave no room.
    """
    if not supports or min(supports) < 1 or max(supports) > vocabulary:
        raise InputError(f"supports: sizes from 1 to vocabulary = {vocabulary}, got {supports}")
    if not 0 <= least * max(supports) < 1:
        raise InputError(f"least: {max(supports)} tokens of at least {least} leave no room")
    if not 0 <= floor * vocabulary < 1:
        raise InputError(f"floor: {vocabulary} tokens of at least {floor} leave no room")
    generator = torch_generator(seed, "source")
    shape = (vocabulary, vocabulary)
    weight = torch.arange(1, vocabulary + 1, dtype=torch.float64) ** -popularity
    # Gumbel noise on log weights: the k largest are k draws without replacement.
    noise = -torch.empty(*shape, vocabulary, dtype=torch.float64).exponential_(generator=generator).log()
    order = (weight.log() + noise).argsort(-1, descending=True)
    sizes = torch.tensor(supports)[torch.randint(len(supports), shape, generator=generator)]
    inside = torch.zeros(*shape, vocabulary, dtype=torch.bool)
    inside.scatter_(-1, order, torch.arange(vocabulary).expand(*shape, -1) < sizes[..., None])
    drawn = weight * torch.empty(*shape, vocabulary, dtype=torch.float64).exponential_(generator=generator)
    drawn = drawn.masked_fill(~inside, 0)
    drawn = drawn / drawn.sum(-1, keepdim=True)
    inner = torch.where(inside, least + (1 - least * sizes[..., None].double()) * drawn, 0.0)
    transitions = floor + (1 - floor * vocabulary) * inner
    transitions = transitions / transitions.sum(-1, keepdim=True)
    return MarkovSource(transitions, _stationary(transitions))


def _stationary(transitions: Tensor) -> Tensor:
    """Return the stationary distribution (V, V) of the largest set of pairs that is never left."""
    size, members = len(transitions), _recurrent(transitions)
    pairs = members.nonzero()
    place = torch.full((size, size), -1)
    place[members] = torch.arange(len(pairs))
    chain = torch.zeros(len(pairs), len(pairs), dtype=torch.float64)
    steps = transitions[members]  # (n, V); where a step is possible its pair is a member, too
    rows, following = steps.nonzero(as_tuple=True)
    chain[rows, place[pairs[rows, 1], following]] = steps[rows, following]
    # x (I - P) = 0 with sum x = 1: adding ones to the matrix puts the sum into every equation.
    system = torch.eye(len(pairs), dtype=torch.float64) - chain.T + 1
    found = torch.linalg.solve(system, torch.ones(len(pairs), dtype=torch.float64)).clamp(min=0)
    for _ in range(_POLISH):
        # Half steps of the chain keep the digits of small entries, which elimination does not.
        found = (found + found @ chain) / 2
    stationary = torch.zeros(size, size, dtype=torch.float64)
    stationary[members] = found / found.sum()
    return stationary


def _recurrent(transitions: Tensor) -> Tensor:
    """Return (V, V) bool: the largest strongly connected set of pairs that no step leads out of."""
    size = len(transitions)
    first, second, third = (part.numpy() for part in transitions.nonzero(as_tuple=True))
    sources, targets = first * size + second, second * size + third
    graph = csr_array((np.ones(len(sources)), (sources, targets)), shape=(size * size, size * size))
    count, labels = connected_components(graph, connection="strong")
    leaves = np.zeros(count, dtype=bool)
    leaves[labels[sources[labels[sources] != labels[targets]]]] = True
    members = np.bincount(labels, minlength=count)
    best = int(np.where(leaves, 0, members).argmax())
    return torch.from_numpy(labels == best).view(size, size)
