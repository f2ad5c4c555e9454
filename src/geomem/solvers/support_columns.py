"""Support sets as constraints on columns of logits, and the exact Euclidean projection onto them.

A column l in R^V with support S and margin t > 0 is feasible when l is constant on S and that constant exceeds every
other entry by at least t (arXiv 2408.15417, the constraints of NTP-SVM). With margin 0 this is, up to its sign, the
polar of the dual cone {g: entries sum to 0, g <= 0 off the support}, so that one routine projects onto both.

Inside, a context is a row: its V entries lie side by side in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomem.errors import InputError

Floats = NDArray[Any]
"""A numpy array of float32 or float64."""

CHUNK = 1 << 17
"""Entries that are worked on at once: they fit into the cache of one core."""

PASSES = 60
"""More Newton passes than any column needs; equal entries may otherwise flip for ever on their last bit."""


@dataclass(frozen=True)
class SupportColumns:
    """Support sets of n contexts over V tokens (CSR, as rows) with a margin each.

    tokens: (nnz,) int64, the allowed tokens, context after context; starts: (n + 1,) int64; margins: (n,) float64 >= 0.
    """

    vocabulary: int
    tokens: NDArray[np.int64]
    starts: NDArray[np.int64]
    margins: NDArray[np.float64]

    @classmethod
    def from_rows(cls, support: NDArray[np.bool_], margins: NDArray[np.float64]) -> SupportColumns:
        """Build from a bool table (n, V), one row a context. Raises InputError for a context without any token."""
        sizes = support.sum(1)
        if not sizes.all():
            raise InputError(f"column {int(sizes.argmin())} of the support is empty: every context needs a next token")
        return cls(support.shape[1], np.nonzero(support)[1], np.r_[0, np.cumsum(sizes)], margins)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(n,) int64: how many tokens each context allows."""
        return np.diff(self.starts)

    def without_margin(self) -> SupportColumns:
        """Return the same supports with margin 0."""
        return SupportColumns(self.vocabulary, self.tokens, self.starts, np.zeros_like(self.margins))

    def centred(self) -> NDArray[np.float64]:
        """Return (n, V) the centred support times the margin: feasible, every margin tight (card 3.3)."""
        share = self.margins * self.sizes / self.vocabulary
        table = np.repeat(-share[:, None], self.vocabulary, axis=1)
        table.reshape(-1)[self._places(0, len(self.margins))] += np.repeat(self.margins, self.sizes)
        return table

    def off_support_mass(self, table: Floats) -> NDArray[np.float64]:
        """Return (n,) the sum of each row of `table` (n, V) outside its support."""
        inside = np.add.reduceat(table.reshape(-1)[self._places(0, len(self.margins))], self.starts[:-1])
        return table.sum(1) - inside

    def project(self, table: Floats, levels: Floats) -> Floats:
        """Return the nearest feasible rows to `table` (n, V), in its own precision.

        levels: (n,) where to start looking for each row's greatest entry off the support; overwritten with it.

        A row's projection is `level + margin` on the support and min(y, level) off it, where the level solves
        k (level + margin - mean_S y) = sum_off max(y - level, 0). The difference of both sides is concave, increasing
        and piecewise linear, so that Newton's method ends at the exact root after finitely many passes (about three).
        """
        projected = np.empty_like(table)
        rows = max(1, CHUNK // self.vocabulary)
        for first in range(0, len(table), rows):
            chunk = slice(first, first + rows)
            self._project_chunk(table[chunk], levels[chunk], projected[chunk], first)
        return projected

    def _project_chunk(self, y: Floats, levels: Floats, out: Floats, first: int) -> None:
        last = first + len(y)
        places, sizes = self._places(first, last), self.sizes[first:last]
        margins = self.margins[first:last].astype(y.dtype)
        inside = y.reshape(-1)[places]
        fixed = np.add.reduceat(inside, self.starts[first:last] - self.starts[first]) - sizes * margins
        y.reshape(-1)[places] = -np.inf  # never above a level, so that only entries off the support count below
        before: NDArray[np.int64] | None = None
        for _ in range(PASSES):
            above = np.count_nonzero(y > levels[:, None], axis=1)
            if before is not None and (above == before).all():
                break
            np.maximum(y, levels[:, None], out=out)
            total = out.sum(1) - (self.vocabulary - above) * levels
            levels[:] = (fixed + total) / (sizes + above)
            before = above
        np.minimum(y, levels[:, None], out=out)
        out.reshape(-1)[places] = np.repeat(levels + margins, sizes)
        y.reshape(-1)[places] = inside

    def _places(self, first: int, last: int) -> NDArray[np.int64]:
        """Return the flat places of the supports of rows first..last in a table that begins with row first."""
        rows = np.repeat(np.arange(last - first), self.sizes[first:last])
        return rows * self.vocabulary + self.tokens[self.starts[first] : self.starts[last]]


def support_rows(support: Tensor) -> NDArray[np.bool_]:
    """Return a support table (V, m), bool or 0/1, as rows (m, V) bool. Raises InputError for anything else."""
    if support.ndim != 2 or 0 in support.shape:
        raise InputError(f"the support has shape {tuple(support.shape)}, where (tokens, contexts) is wanted")
    if support.dtype != torch.bool and not bool(((support == 0) | (support == 1)).all()):
        raise InputError("the support has entries other than 0 and 1; pass `P > 0`")
    return np.ascontiguousarray(support.cpu().T.to(torch.bool).numpy())
