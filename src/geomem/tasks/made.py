"""Streams whose examples are made when asked for, and how well their labels are predicted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from geomem.batch import Batch, labelled_columns
from geomem.decoding.evaluating import evaluating
from geomem.decoding.reader import Reader
from geomem.tasks.scoring import rows_per_chunk


@dataclass(frozen=True)
class MadeStream:
    """Examples 0..size-1, each a function of its number alone: `make` turns (B,) int64 into a batch on their device."""

    size: int
    make: Callable[[Tensor], Batch]

    def batch(self, index: Tensor) -> Batch:
        """Return the examples `index` (B,) int64."""
        return self.make(index)

    def full(self) -> Batch:
        """Return all examples."""
        return self.make(torch.arange(self.size))

    def to(self, device: torch.device | str) -> MadeStream:
        """Return the stream itself: it holds no data, and works wherever `index` is."""
        return self


def score_labels(model: nn.Module, batch: Batch, reader: Reader, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Return hits (M, K) bool and losses (M, K) float64 in nats of the labelled columns, true tokens shown; on the CPU.

    Every row must have a label in each of those columns.
    """
    columns = labelled_columns(batch.labels) if batch.columns is None else batch.columns
    labels = batch.labels[:, -columns:] if isinstance(columns, int) else batch.labels[:, columns]
    hits, losses = torch.empty(labels.shape, dtype=torch.bool), torch.empty(labels.shape, dtype=torch.float64)
    rows = rows_per_chunk(batch.tokens.shape[1], int(labels.max()) + 1)
    with evaluating(model):
        for part in torch.arange(len(labels)).split(rows):
            chosen = Batch(batch.tokens[part], batch.labels[part], columns=columns).to(device)
            logits = reader.logits(model, chosen).float().cpu()
            true = labels[part]
            hits[part] = logits.argmax(-1) == true
            losses[part] = nn.functional.cross_entropy(
                logits.flatten(0, 1), true.flatten(), reduction="none"
            ).double().view(true.shape)  # fmt: skip
    return hits, losses
