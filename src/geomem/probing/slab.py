"""What one forward pass over a batch of windows leaves for the measurements to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


@dataclass
class Slab:
    """One batch of B windows of T tokens.

    tokens: (B, T) int64. targets: (B, T) int64, the token that follows each. windows: (B,) int64, their numbers.
    streams: L + 1 tensors (B, T, d), the residual stream entering block l, the last one leaving the last block.
    final: (B, T, d), what the output layer reads; None for a model without one.
    scalars: per block, the numbers by token that `updates` reads, or None where a family of models cannot give them.
    keep: (B, T) bool, False where a token is an attention sink and left out of the other measurements.
    sinks: what the detector found, for the attention family.
    """

    tokens: Tensor
    targets: Tensor
    windows: Tensor
    streams: list[Tensor]
    keep: Tensor
    final: Tensor | None = None
    scalars: list[Any] = field(default_factory=list[Any])
    sinks: Any = None
    _rows: dict[int, Tensor] = field(default_factory=dict[int, Tensor])

    @cached_property
    def _index(self) -> Tensor | None:
        """Flat places of the kept tokens; None when all are kept, so that nothing is copied."""
        flat = self.keep.flatten()
        return None if bool(flat.all()) else flat.nonzero().flatten()

    def rows(self, layer: int) -> Tensor:
        """Return the kept tokens of a layer, (n, d)."""
        if layer not in self._rows:
            flat = self.streams[layer].flatten(0, 1)
            self._rows[layer] = flat if self._index is None else flat.index_select(0, self._index)
        return self._rows[layer]

    def kept(self, values: Tensor) -> Tensor:
        """Return the kept tokens' entries of a (B, T, ...) tensor, (n, ...)."""
        flat = values.flatten(0, 1)
        return flat if self._index is None else flat.index_select(0, self._index)

    @cached_property
    def row_windows(self) -> Tensor:
        """(n,) int64: the window each kept token belongs to."""
        return self.kept(self.windows[:, None].expand_as(self.tokens))

    @property
    def count(self) -> int:
        """Number of kept tokens."""
        return len(self.row_windows)


def next_tokens(windows: Tensor, following: Tensor) -> Tensor:
    """Return (W, T): the token after each token of `windows` (W, T); `following` (W,) comes after the last of each."""
    return torch.cat([windows[:, 1:], following[:, None]], dim=1)
