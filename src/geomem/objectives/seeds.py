"""Seed-conditioning: a random string before every prompt, so that the noise enters at the input (arXiv 2504.15266).

In training an example keeps its seed for good, and no other example has it; seeds say nothing about the answer. At
test time every prompt gets a fresh one that no training example had. Both come from one bijection of 0..L^S - 1 (S
letters out of L): training examples have the first half of it, test prompts the second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, Batch
from geomem.counter import random_keys
from geomem.decoding.reader import Reader
from geomem.decoding.sampling import GREEDY, Sampling
from geomem.errors import InputError


@dataclass(frozen=True)
class Seeds:
    """Seeds of `length` letters; their ids are first, first + 1, ..., first + letters - 1."""

    length: int
    letters: int
    first: int

    @property
    def count(self) -> int:
        """How many seeds there are for training, and as many for tests."""
        return self.letters**self.length // 2

    def training(self, index: Tensor) -> Tensor:
        """Return (B, length) int64 seeds of the examples `index` (B,). Raises InputError when there are too few."""
        if len(index) and int(index.max()) >= self.count:
            raise InputError(
                f"objective seed: {self.letters} letters give {self.count} seeds of length {self.length}, too few for "
                f"example {int(index.max())}; raise length"
            )
        return self._spell(index)

    def fresh(self, count: int, generator: torch.Generator | None) -> Tensor:
        """Return (count, length) int64 seeds that no training example has, all different while there are enough."""
        if count * 4 > self.count:  # few seeds: a random order of all of them, again and again
            rounds = [torch.randperm(self.count, generator=generator) for _ in range(-(-count // self.count))]
            return self._spell(self.count + torch.cat(rounds)[:count])
        drawn = torch.empty(0, dtype=torch.int64)
        while len(drawn) < count:
            drawn = _first_seen(torch.cat([drawn, torch.randint(self.count, (count,), generator=generator)]))
        return self._spell(self.count + drawn[:count])

    def _spell(self, numbers: Tensor) -> Tensor:
        """Return the seeds (B, length) of numbers (B,) below letters^length: a bijection that looks like chance.

        An unbalanced Feistel network on the number's digits: in every round one of them is moved on by a hash of all
        others, which the inverse can take back. Digits alone would tell early examples from late ones.
        """
        powers = torch.tensor([self.letters**place for place in range(self.length)], device=numbers.device)
        digits = numbers[:, None] // powers % self.letters
        for turn in range(4 * self.length if self.length > 1 else 0):
            place = turn % self.length
            others = (digits * powers).sum(1) - digits[:, place] * powers[place]
            moved = random_keys(turn, others, 1)[:, 0] % self.letters
            digits[:, place] = (digits[:, place] + moved) % self.letters
        return self.first + digits


def _first_seen(numbers: Tensor) -> Tensor:
    """Return the distinct numbers in the order in which they first occur."""
    values, places = torch.unique(numbers, return_inverse=True)
    first = torch.full((len(values),), len(numbers)).scatter_reduce(0, places, torch.arange(len(numbers)), "amin")
    return numbers[first.sort().values]


def seeded(batch: Batch, seeds: Seeds) -> Batch:
    """Return the batch with each example's seed before it.

    Raises InputError when the batch's examples are not numbered, for then none can keep its seed.
    """
    if batch.index is None:
        raise InputError("objective seed: the examples of this task are not numbered, so that none could keep its seed")
    return prepend(batch, seeds.training(batch.index))


def prepend(batch: Batch, start: Tensor) -> Batch:
    """Return the batch with `start` (B, S) before its tokens, without labels there."""
    blank = torch.full_like(start, IGNORE)
    # The first token had nothing before it and no label that counted; it must not get one now.
    labels = torch.cat([blank, torch.full_like(batch.labels[:, :1], IGNORE), batch.labels[:, 1:]], dim=1)
    weights = batch.weights
    if weights is not None:
        weights = torch.cat([torch.zeros_like(start, dtype=weights.dtype), weights], dim=1)
    columns = batch.columns + start.shape[1] if isinstance(batch.columns, Tensor) else batch.columns
    return replace(batch, tokens=torch.cat([start, batch.tokens], dim=1), labels=labels, weights=weights,
                   columns=columns)  # fmt: skip


@dataclass(frozen=True)
class Seeded(Reader):
    """A fresh seed before every prompt, then another reader."""

    inner: Reader
    seeds: Seeds

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return logits (B, K, V) after fresh seeds, the same ones for the same number of rows."""
        return self.inner.logits(model, prepend(batch, self._fixed(batch.tokens)))

    def generate(
        self,
        model: nn.Module,
        prompts: Tensor,
        length: int,
        *,
        sampling: Sampling = GREEDY,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return answers (B, `length`); seeds are drawn by the generator, which may be None for fixed ones."""
        drawn = self.seeds.fresh(len(prompts), generator) if generator is not None else self._fixed(prompts)
        shown = torch.cat([drawn.to(prompts.device), prompts], dim=1)
        return self.inner.generate(model, shown, length, sampling=sampling, generator=generator)

    def greedy(self, model: nn.Module, prompts: Tensor, targets: Tensor, forced: Tensor) -> Tensor:
        """Return greedy answers (B, K) after the seeds that `logits` had."""
        return self.inner.greedy(model, torch.cat([self._fixed(prompts), prompts], dim=1), targets, forced)

    def _fixed(self, rows: Tensor) -> Tensor:
        return self.seeds.fresh(len(rows), torch.Generator().manual_seed(0)).to(rows.device)
