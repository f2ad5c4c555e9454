"""Pauses between a prompt and its answer: more positions to compute in, no more depth (arXiv 2310.02226)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, Batch, labelled_columns
from geomem.decoding.reader import Reader
from geomem.decoding.sampling import GREEDY, Sampling


@dataclass(frozen=True)
class Paused(Reader):
    """The same token `count` times after every prompt, then another reader: its first answer is read at the last pause.

    pause: the token's id. count: how often; 0 asks without pauses.
    """

    inner: Reader
    pause: int
    count: int

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return logits (B, K, V) of the labels, with the pauses before the first of them."""
        return self.inner.logits(model, insert_pauses(batch, self.pause, self.count))

    def generate(
        self,
        model: nn.Module,
        prompts: Tensor,
        length: int,
        *,
        sampling: Sampling = GREEDY,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return answers (B, `length`) to prompts (B, T) and the pauses after them."""
        return self.inner.generate(model, self._after(prompts), length, sampling=sampling, generator=generator)

    def greedy(self, model: nn.Module, prompts: Tensor, targets: Tensor, forced: Tensor) -> Tensor:
        """Return greedy answers (B, K) after the pauses."""
        return self.inner.greedy(model, self._after(prompts), targets, forced)

    def _after(self, prompts: Tensor) -> Tensor:
        return torch.cat([prompts, prompts.new_full((len(prompts), self.count), self.pause)], dim=1)


def insert_pauses(batch: Batch, pause: int, count: int) -> Batch:
    """Return the batch with `count` copies of the token `pause` before its first labelled column.

    No loss is taken on a pause; the label behind them is predicted at the last one. With 0 the batch comes back itself.
    """
    if count == 0:
        return batch
    columns = labelled_columns(batch.labels) if batch.columns is None else batch.columns
    first = batch.tokens.shape[1] - columns if isinstance(columns, int) else int(columns[0])

    def widened(rows: Tensor, value: float) -> Tensor:
        return torch.cat([rows[:, :first], rows.new_full((len(rows), count), value), rows[:, first:]], dim=1)

    return replace(
        batch,
        tokens=widened(batch.tokens, pause),
        labels=widened(batch.labels, IGNORE),
        weights=None if batch.weights is None else widened(batch.weights, 0.0),
        columns=columns if isinstance(columns, int) else columns + count,
    )
