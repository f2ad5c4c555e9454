"""Small helpers on tables of vectors: unit rows, chunks that bound memory, intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator

from jaxtyping import Float
from torch import Tensor

Z95 = 1.959963984540054
"""Half width of a central 95 % normal interval, in standard deviations."""

CHUNK_ENTRIES = 1 << 22
"""Entries of a temporary matrix (32 MiB in float64): large enough for fast products, small enough for any machine."""


def unit_rows(table: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
    """Return the rows in float64, scaled to length 1; a zero row stays zero, so that its cosine with all is 0."""
    rows = table.double()
    norms = rows.norm(dim=1, keepdim=True)
    return rows / norms.where(norms > 0, norms.new_ones(()))


def row_chunks(rows: int, width: int, entries: int = CHUNK_ENTRIES) -> Iterator[slice]:
    """Cut 0..rows into slices such that slice x width stays within `entries` (at least one row each)."""
    step = max(1, entries // max(1, width))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def wilson_interval(successes: float, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a proportion; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    share, spread = successes / trials, Z95**2 / trials
    centre = (share + spread / 2) / (1 + spread)
    half = Z95 * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def mean_interval(values: Float[Tensor, " n"]) -> tuple[float, float]:
    """Return the 95 % normal interval of a mean; the bare mean twice when fewer than two values are given."""
    mean = float(values.mean())
    if values.numel() < 2:
        return mean, mean
    half = Z95 * float(values.std()) / math.sqrt(values.numel())
    return mean - half, mean + half
