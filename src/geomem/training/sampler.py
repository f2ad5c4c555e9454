"""Which examples a step sees, as a function of (seed, step) alone: resuming needs no replay and no stored state."""

from __future__ import annotations

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.seeding import torch_generator
from geomem.tasks.streams import ENDLESS


class Sampler:
    """Epochs of shuffled examples laid end to end and cut into batches.

    `indices(step)` is the same whatever was asked before. A batch at least as large as the data is the whole data
    in order, every step (full batch).

    An endless stream is taken in the order of its numbers, which shuffling would not make more random: its examples
    are independent. used: how many of its examples earlier stages have taken; a finite stream is shuffled anew.
    Raises InputError for an endless stream without a batch size.
    """

    def __init__(self, size: int, batch: int | None, seed: int, name: str, used: int = 0) -> None:
        if size == ENDLESS and batch is None:
            raise InputError(f"batch: stream '{name}' has no end; give its batch size, for example {{{name}: 128}}")
        self.size, self._used = size, used
        self.batch = size if batch is None else min(batch, size)
        self._seed, self._name = seed, name
        self._cached_epoch, self._cached = -1, torch.empty(0, dtype=torch.int64)

    @property
    def full(self) -> bool:
        """True when every step sees all examples."""
        return self.batch == self.size

    def indices(self, step: int) -> Tensor:
        """Return the (batch,) int64 example numbers of a step (counted from 0)."""
        if self.full:
            return torch.arange(self.size)
        start, stop = step * self.batch, (step + 1) * self.batch
        if self.size == ENDLESS:
            return torch.arange(self._used + start, self._used + stop)
        first, last = start // self.size, (stop - 1) // self.size
        parts = [self._epoch(first)[start - first * self.size : stop - first * self.size]]
        if last != first:
            parts.append(self._epoch(last)[: stop - last * self.size])
        return torch.cat(parts)

    def _epoch(self, epoch: int) -> Tensor:
        if epoch != self._cached_epoch:
            generator = torch_generator(self._seed, "order", self._name, epoch)
            self._cached_epoch, self._cached = epoch, torch.randperm(self.size, generator=generator)
        return self._cached
