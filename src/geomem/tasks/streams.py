"""Streams: one kind of example each, all rows of one length, held in tensors and sliced into batches."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from geomem.batch import AnyBatch, Batch, ContextBatch, labelled_columns
from geomem.contexts.matrix import ContextMatrix

ENDLESS = 2**62
"""Size of a stream that makes examples when asked for and never runs out; each is taken once, in order."""


class Stream(Protocol):
    """One kind of example."""

    @property
    def size(self) -> int:
        """Number of examples or contexts, or `ENDLESS`."""
        ...

    def batch(self, index: Tensor) -> AnyBatch:
        """Return the examples `index` (B,) int64."""
        ...

    def full(self) -> AnyBatch:
        """Return all examples as one batch; nothing is copied where the stream holds its data.

        Raises InputError for an endless stream.
        """
        ...

    def to(self, device: torch.device | str) -> Stream:
        """Return the same stream with its data on another device (index tensors must then be there too)."""
        ...


class SequenceStream:
    """Token sequences with hard labels: tokens, labels (M, T) int64 as in `Batch`."""

    def __init__(self, tokens: Tensor, labels: Tensor) -> None:
        if tokens.shape != labels.shape or tokens.dim() != 2:
            raise ValueError(f"tokens {tuple(tokens.shape)} and labels {tuple(labels.shape)} must be one (M, T)")
        self.tokens, self.labels = tokens, labels
        self.columns = labelled_columns(labels)

    @property
    def size(self) -> int:
        """Number of sequences."""
        return int(self.tokens.shape[0])

    def batch(self, index: Tensor) -> Batch:
        """Return the sequences `index` (B,) int64."""
        tokens, labels = self.tokens.index_select(0, index), self.labels.index_select(0, index)
        return Batch(tokens, labels, columns=self.columns, index=index)

    def full(self) -> Batch:
        """Return all sequences."""
        index = torch.arange(self.size, device=self.tokens.device)
        return Batch(self.tokens, self.labels, columns=self.columns, index=index)

    def to(self, device: torch.device | str) -> SequenceStream:
        """Return the same stream on another device."""
        return SequenceStream(self.tokens.to(device), self.labels.to(device))


class ContextStream:
    """Distinct contexts with soft labels."""

    def __init__(self, matrix: ContextMatrix) -> None:
        self.matrix = matrix

    @property
    def size(self) -> int:
        """Number of distinct contexts."""
        return len(self.matrix)

    def batch(self, index: Tensor) -> ContextBatch:
        """Return the contexts `index` (B,) int64."""
        return self.matrix.batch(index)

    def full(self) -> ContextBatch:
        """Return all contexts."""
        return self.matrix.full()

    def to(self, device: torch.device | str) -> ContextStream:
        """Return the same stream on another device."""
        return ContextStream(self.matrix.to(device))
