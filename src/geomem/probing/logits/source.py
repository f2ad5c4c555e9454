"""What gives logits of next tokens: a language model, or a generator whose state is known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from geomem.geometry.logit_rank import centred


@dataclass(frozen=True)
class LogitMatrix:
    """An extended logit matrix: values (n, F, k), and which k tokens each future has, columns (F, k) int64.

    Values are centred over the whole vocabulary; the columns of a future are the same for all histories.
    """

    values: Tensor
    columns: Tensor


class Reading(Protocol):
    """n sequences that have been read so far, and can be read on."""

    def logits(self) -> Tensor:
        """Return the centred logits (n, V) of the next token of each."""
        ...

    def combined(self, weights: Tensor) -> Tensor:
        """Return the sum of the n rows of centred logits, each times its weight (n,) float64: (V,)."""
        ...

    def read(self, tokens: Tensor) -> None:
        """Read one more token of each sequence, tokens (n,) int64."""
        ...

    def copy(self) -> Reading:
        """Return a reading at the same place that goes on by itself."""
        ...


class Source(Protocol):
    """Gives logits for histories (n, T) int64 and what may follow them."""

    @property
    def vocabulary(self) -> int:
        """Number of tokens V."""
        ...

    def begin(self, histories: Tensor) -> Reading:
        """Read histories (n, T)."""
        ...

    def matrix(
        self, histories: Tensor, futures: Sequence[Tensor], *, tokens: int | None = None, columns: Tensor | None = None
    ) -> LogitMatrix:
        """Return the extended logit matrix of histories (n, T) and F futures (t,), the empty one allowed.

        tokens: how many tokens of each future to keep, those with the highest logit in the mean over histories; None
        keeps all. columns: (F, k), to take these instead, as in another matrix.
        """
        ...


class Machine(Protocol):
    """A generator with a state of fixed size: `geometry.isan`, `geometry.hidden_markov`."""

    @property
    def vocabulary(self) -> int: ...  # noqa: D102
    def begin(self, count: int) -> Tensor: ...  # noqa: D102
    def step(self, state: Tensor, tokens: Tensor) -> Tensor: ...  # noqa: D102
    def logits(self, state: Tensor) -> Tensor: ...  # noqa: D102


class MachineReading:
    """Sequences read by a machine."""

    def __init__(self, machine: Machine, state: Tensor) -> None:
        self.machine, self.state = machine, state

    def logits(self) -> Tensor:
        """Return centred logits (n, V)."""
        return centred(self.machine.logits(self.state))

    def combined(self, weights: Tensor) -> Tensor:
        """Return the weighted sum (V,) of the rows."""
        return weights @ self.logits()

    def read(self, tokens: Tensor) -> None:
        """Read one more token each."""
        self.state = self.machine.step(self.state, tokens)

    def copy(self) -> MachineReading:
        """Return the same place; states are never changed in place."""
        return MachineReading(self.machine, self.state)


class MachineSource:
    """The logits of a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return self.machine.vocabulary

    def begin(self, histories: Tensor) -> MachineReading:
        """Read histories (n, T)."""
        reading = MachineReading(self.machine, self.machine.begin(len(histories)))
        for tokens in histories.T:
            reading.read(tokens)
        return reading

    def matrix(
        self, histories: Tensor, futures: Sequence[Tensor], *, tokens: int | None = None, columns: Tensor | None = None
    ) -> LogitMatrix:
        """Return the extended logit matrix; see `Source`."""
        start = self.begin(histories)
        whole = torch.stack([self._after(start, future) for future in futures], dim=1)
        chosen = top_tokens(whole.mean(0), tokens) if columns is None else columns
        return LogitMatrix(whole.gather(2, chosen.expand(len(whole), -1, -1)), chosen)

    def _after(self, start: MachineReading, future: Tensor) -> Tensor:
        reading = start.copy()
        for token in future:
            reading.read(token.expand(len(reading.state)))
        return reading.logits()


def top_tokens(means: Tensor, tokens: int | None) -> Tensor:
    """Return the tokens (F, k) of the highest logits of means (F, V), ascending by id; all of them for None."""
    vocabulary = means.shape[1]
    if tokens is None or tokens >= vocabulary:
        return torch.arange(vocabulary).expand(len(means), -1)
    return means.topk(tokens, dim=1).indices.sort(1).values.cpu()
