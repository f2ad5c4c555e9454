"""Tokens cut into windows of one length; which windows, shards and positions to take, the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.seeding import torch_generator

ROWS = 4096
"""Windows looked at together when all of them are counted."""


@dataclass(frozen=True)
class Windows:
    """The tokens of a text as windows that follow one another without overlap; a short last one is left out.

    tokens: (n,) int32. context: tokens of a window, `start` included. start: a token put before each window, or None.
    first: how many tokens are left out before the first window.
    """

    tokens: Tensor
    context: int
    start: int | None = None
    first: int = 0

    @property
    def step(self) -> int:
        """Tokens of the text in one window."""
        return self.context - (self.start is not None)

    def __len__(self) -> int:
        return (len(self.tokens) - self.first) // self.step

    def batch(self, index: Tensor) -> Tensor:
        """Return the windows `index` (B,) int64 as (B, context) int64, on the device of the tokens."""
        places = self.first + index[:, None] * self.step + torch.arange(self.step, device=self.tokens.device)
        found = self.tokens[places].long()
        if self.start is None:
            return found
        return torch.cat([torch.full_like(found[:, :1], self.start), found], dim=1)

    def to(self, device: torch.device | str) -> Windows:
        """Return the same windows on another device."""
        return replace(self, tokens=self.tokens.to(device))


def cut_windows(tokens: Tensor, context: int, *, start: int | None = None, first: int = 0) -> Windows:
    """Cut tokens (n,) int32 into windows of `context`, each with the token `start` before it if there is one.

    Raises InputError when a window could predict nothing, or when the text is shorter than one window: it says how many
    tokens there are and which context would fit.
    """
    longest = len(tokens) - first + (start is not None)
    if context < 2:
        raise InputError(f"context: a window has at least 2 tokens, got {context}")
    if longest < 2:
        raise InputError(f"the text has {len(tokens)} token(s), too few to predict one from another")
    if longest < context:
        raise InputError(f"the text has {len(tokens)} tokens, fewer than one window of {context}; "
                         f"a --context of {longest} or less would fit")  # fmt: skip
    return Windows(tokens, context, start, first)


def choose_windows(count: int, context: int, max_tokens: int | None, seed: int) -> Tensor:
    """Return which of `count` windows to take, ascending int64: all, or as many as `max_tokens` allows (at least one).

    They are spread evenly over the text: one is drawn by `seed` from each of as many equal stretches.
    """
    wanted = count if max_tokens is None else min(count, max(1, max_tokens // context))
    return _one_of_each(count, wanted, seed, "windows")


def shard(index: Tensor, number: int, shards: int) -> Tensor:
    """Return the part `number` (from 0) of `shards` of (m,) windows: contiguous, and together all of them once."""
    if not 0 <= number < shards:
        raise ValueError(f"shard {number} is outside 0..{shards - 1}")
    return index[len(index) * number // shards : len(index) * (number + 1) // shards]


def next_token_counts(windows: Windows, index: Tensor, vocabulary: int) -> Tensor:
    """Return how often each token is the one to predict in the windows `index` (m,): (V,) int64.

    Every token of a window but its first is predicted from those before it.
    Raises InputError when the text has a token outside the vocabulary.
    """
    counts = torch.zeros(vocabulary, dtype=torch.int64)
    for rows in index.split(ROWS):
        found = torch.bincount(windows.batch(rows)[:, 1:].flatten().cpu(), minlength=vocabulary)
        if len(found) > vocabulary:
            raise InputError(f"the text has token {len(found) - 1}, outside the vocabulary of {vocabulary}; "
                             "the tokenizer does not belong to the model")  # fmt: skip
        counts += found
    return counts


@dataclass(frozen=True)
class SamplePlan:
    """Token positions to look at: rows, columns (n,) int64, window numbers (ascending) and places in the window."""

    rows: Tensor
    columns: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def within(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Return rows, counted from `start`, and columns of the positions in windows `start` to `stop` - 1."""
        first, last = torch.searchsorted(self.rows, torch.tensor([start, stop])).tolist()
        return self.rows[first:last] - start, self.columns[first:last]


def sample_plan(windows: int, context: int, total: int, seed: int, skip: int = 0) -> SamplePlan:
    """Choose `total` different positions of `windows` windows, spread evenly over the text; all if there are fewer.

    skip: places at the start of each window never chosen. The plan depends on no batch and no shard: a worker with the
    windows a to b - 1 takes `within(a, b)`.
    """
    width = context - skip
    found = _one_of_each(windows * width, min(total, windows * width), seed, "positions")
    return SamplePlan(found // width, found % width + skip)


def _one_of_each(count: int, wanted: int, seed: int, stream: str) -> Tensor:
    """Draw one number from each of `wanted` equal stretches of 0..count-1."""
    edges = torch.arange(wanted + 1) * count // max(1, wanted)
    widths = edges[1:] - edges[:-1]
    uniform = torch.rand(wanted, generator=torch_generator(seed, "text", stream), dtype=torch.float64)
    return edges[:-1] + (uniform * widths).long()
