"""Curves over seeds: the mean, with the range of the seeds as a band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geomem.runs.exhibits import Series


def band(
    name: str, x: Sequence[float], by_seed: Mapping[int, Sequence[float]], *, dashed: bool = False
) -> Series:  # fmt: skip
    """Return the mean over seeds at every x, and the range of the seeds where there are several."""
    values = np.array([by_seed[seed] for seed in sorted(by_seed)], dtype=float)
    several = len(values) > 1
    return Series(
        name=name,
        x=tuple(x),
        y=tuple(values.mean(0)),
        low=tuple(values.min(0)) if several else None,
        high=tuple(values.max(0)) if several else None,
        dashed=dashed,
    )
