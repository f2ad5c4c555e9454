"""What tasks hand to models and objectives: tokens with labels, or distinct contexts with soft labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Union

import torch
from torch import Tensor

from geomem.errors import InputError

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
    index: (B,) int64 or None; the number of each example in its stream, by which it can be told from all others.
    """

    tokens: Tensor
    labels: Tensor
    weights: Tensor | None = None
    columns: int | Tensor | None = None
    index: Tensor | None = None

    def to(self, device: torch.device | str) -> Batch:
        """Return the same batch on another device."""
        weights = None if self.weights is None else self.weights.to(device)
        columns = self.columns.to(device) if isinstance(self.columns, Tensor) else self.columns
        index = None if self.index is None else self.index.to(device)
        return replace(
            self,
            tokens=self.tokens.to(device),
            labels=self.labels.to(device),
            weights=weights,
            columns=columns,
            index=index,
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


@dataclass(frozen=True)
class Alphabet:
    """The tokens a task offers to an objective.

    size: how many there are; ids behind them are free for tokens that an objective brings itself.
    filler: the one that stands in for hidden targets or masks them, or None. pause: the one that means "wait", or None.
    """

    size: int
    filler: int | None = None
    pause: int | None = None


def labelled_columns(labels: Tensor) -> int | Tensor:
    """Return the columns of `labels` (B, T) that hold a label, column 0 aside, in the form `Batch.columns` has.

    Raises ValueError when there is none.
    """
    found = (labels[:, 1:] != IGNORE).any(0).nonzero().flatten() + 1
    count, length = len(found), labels.shape[1]
    if count == 0:
        raise ValueError(f"no column of labels {tuple(labels.shape)} holds a label after the first token")
    return count if int(found[0]) == length - count else found


def answer_batch(prompts: Tensor, answers: Tensor) -> Batch:
    """Return prompts (B, T) followed by answers (B, K), both int64, with labels on the answers."""
    labels = torch.cat([torch.full_like(prompts, IGNORE), answers], dim=1)
    return Batch(torch.cat([prompts, answers], dim=1), labels, columns=answers.shape[1])


def answer_length(batch: Batch, who: str) -> int:
    """Return K when the labels of a batch are its last K columns.

    Raises InputError, naming `who` asks, when they are scattered or when the first token is among them.
    """
    columns = batch.columns if isinstance(batch.columns, int) else labelled_columns(batch.labels)
    if not isinstance(columns, int):
        raise InputError(f"{who}: needs examples that end with their answer, and this task's labels are scattered")
    return columns


def hide_answers(batch: Batch, filler: int) -> Tensor:
    """Return the batch's tokens (B, T) with each labelled one replaced by `filler`; the first stays as it is."""
    hidden = batch.labels != IGNORE
    hidden[:, 0] = False
    return batch.tokens.masked_fill(hidden, filler)


def random_places(allowed: Tensor, counts: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return (B, T) bool: in row b, `counts[b]` of the `allowed` (B, T) places, every choice equally likely.

    counts: (B,) int64, at most the allowed places of the row. generator: None for torch's global one.
    """
    scores = torch.rand(allowed.shape, generator=generator, device=allowed.device).masked_fill(~allowed, 2.0)
    return scores.argsort(1).argsort(1) < counts[:, None]
