"""What tasks hand to models and objectives: tokens with labels, or distinct contexts with soft labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Union

import torch
from torch import Tensor

IGNORE = -100
"""Label of a position where no loss is taken (the Hugging Face convention)."""


@dataclass(frozen=True)
class Batch:
    """Token sequences with hard labels.

    tokens: (B, T) int64.
    labels: (B, T) int64, aligned with `tokens` as in Hugging Face: `labels[b, t]` is predicted from tokens before t;
        `IGNORE` where no loss is taken. Column 0 has nothing before it and never counts.
    weights: (B, T) float32 or None; relative weight of each labelled position.
    columns: the columns of `labels` that hold a label, when the task knows them: an int k for the last k, else (K,)
        int64 ascending; None to look for them (which on a GPU waits for the device).
    filler: id of the token that may stand in for a hidden target input (`$`), or None.
    """

    tokens: Tensor
    labels: Tensor
    weights: Tensor | None = None
    columns: int | Tensor | None = None
    filler: int | None = None

    def to(self, device: torch.device | str) -> Batch:
        """Return the same batch on another device."""
        weights = None if self.weights is None else self.weights.to(device)
        columns = self.columns.to(device) if isinstance(self.columns, Tensor) else self.columns
        return replace(
            self, tokens=self.tokens.to(device), labels=self.labels.to(device), weights=weights, columns=columns
        )

    @property
    def examples(self) -> int:
        """Number of sequences."""
        return int(self.tokens.shape[0])


@dataclass(frozen=True)
class ContextBatch:
    """Distinct contexts with sparse soft labels for the token that follows the last one.

    tokens: (B, T) int64, each row one distinct context.
    weights: (B,) float32, relative weight of each context (its share of the examples it stands for).
    rows, targets: (nnz,) int64; probs: (nnz,) float32: context `rows[i]` is followed by `targets[i]` with
        probability `probs[i]`; the probabilities of a row sum to 1. Rows ascend.
    """

    tokens: Tensor
    weights: Tensor
    rows: Tensor
    targets: Tensor
    probs: Tensor

    def to(self, device: torch.device | str) -> ContextBatch:
        """Return the same batch on another device."""
        moved = (part.to(device) for part in (self.tokens, self.weights, self.rows, self.targets, self.probs))
        return ContextBatch(*moved)

    @property
    def examples(self) -> int:
        """Number of contexts."""
        return int(self.tokens.shape[0])


AnyBatch = Union[Batch, ContextBatch]


def labelled_columns(labels: Tensor) -> int | Tensor:
    """Return the columns of `labels` (B, T) that hold a label, column 0 aside, in the form `Batch.columns` has.

    Raises ValueError when there is none.
    """
    found = (labels[:, 1:] != IGNORE).any(0).nonzero().flatten() + 1
    count, length = len(found), labels.shape[1]
    if count == 0:
        raise ValueError(f"no column of labels {tuple(labels.shape)} holds a label after the first token")
    return count if int(found[0]) == length - count else found


def random_places(allowed: Tensor, counts: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return (B, T) bool: in row b, `counts[b]` of the `allowed` (B, T) places, every choice equally likely.

    counts: (B,) int64, at most the allowed places of the row. generator: None for torch's global one.
    """
    scores = torch.rand(allowed.shape, generator=generator, device=allowed.device).masked_fill(~allowed, 2.0)
    return scores.argsort(1).argsort(1) < counts[:, None]


@dataclass(frozen=True)
class ContextMatrix:
    """All distinct contexts of a body of knowledge and the distribution of what follows each (CSR).

    contexts: (C, T) int64; weights: (C,) float32 = share of examples that have this context, sums to 1;
    indptr: (C + 1,) int64, indices: (nnz,) int64 token ids, probs: (nnz,) float32, each row sums to 1.
    """

    contexts: Tensor
    weights: Tensor
    indptr: Tensor
    indices: Tensor
    probs: Tensor

    def __len__(self) -> int:
        return int(self.contexts.shape[0])

    @property
    def nnz(self) -> int:
        """Number of (context, next token) pairs with non-zero probability."""
        return int(self.indices.shape[0])

    @classmethod
    def from_pairs(cls, contexts: Tensor, targets: Tensor) -> ContextMatrix:
        """Group examples, contexts (M, T) each followed by targets (M,), into distinct contexts."""
        unique, inverse = torch.unique(contexts, dim=0, return_inverse=True)
        span = int(targets.max()) + 1
        keys, counts = torch.unique(inverse * span + targets, return_counts=True)
        rows, indices = keys // span, keys % span
        per_context = torch.bincount(inverse, minlength=len(unique))
        indptr = torch.zeros(len(unique) + 1, dtype=torch.int64)
        indptr[1:] = torch.bincount(rows, minlength=len(unique)).cumsum(0)
        probs = counts.to(torch.float64) / per_context[rows]
        weights = per_context.to(torch.float64) / len(targets)
        return cls(unique, weights.float(), indptr, indices, probs.float())

    @property
    def rows(self) -> Tensor:
        """(nnz,) int64: the context each entry belongs to."""
        return torch.repeat_interleave(self.indptr[1:] - self.indptr[:-1])

    def batch(self, index: Tensor) -> ContextBatch:
        """Slice the contexts `index` (B,) into a batch; weights are left as shares of the whole."""
        starts, counts = self.indptr[index], self.indptr[index + 1] - self.indptr[index]
        rows = torch.repeat_interleave(counts)
        ends = counts.cumsum(0)
        entries = torch.arange(len(rows), device=rows.device) + (starts - ends + counts)[rows]
        return ContextBatch(self.contexts[index], self.weights[index], rows, self.indices[entries], self.probs[entries])

    def full(self) -> ContextBatch:
        """All contexts as one batch, nothing copied."""
        return ContextBatch(self.contexts, self.weights, self.rows, self.indices, self.probs)

    def to(self, device: torch.device | str) -> ContextMatrix:
        """Return the same matrix on another device."""
        parts = (self.contexts, self.weights, self.indptr, self.indices, self.probs)
        return ContextMatrix(*(part.to(device) for part in parts))

    def entropy(self) -> Tensor:
        """Return the floor of the cross-entropy in nats: mean over examples of the next-token entropy."""
        surprise = -(self.probs * self.probs.log()).double()
        return (surprise * self.weights[self.rows].double()).sum()
