"""Numbers by layer: as one number a seed for claims, and as curves for pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomem.errors import RunError
from geomem.runs.exhibits import ProfilePanel, Reference, Series
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence

Profiles = NDArray[np.float64]
Measured = tuple[str, str]
"""A metric, and the control it was measured under ("" for none)."""


def over_depth(
    evidence: Evidence, condition: str, combine: Callable[[Profiles], Any], *measured: str | Measured
) -> dict[int, float]:
    """Return a number a seed from the values of one or several metrics by layer; NaN for a seed that diverged.

    combine: values (metric, layer), the metrics in the order of `measured` -> a number. Raises RunError for what was
    not measured.
    """
    asked = [(one, "") if isinstance(one, str) else one for one in measured]
    found: dict[int, float] = {}
    for seed in evidence.seeds(condition):
        rows = [evidence.profile(condition, seed, metric, control=control)[1] for metric, control in asked]
        found[seed] = float(combine(np.array(rows)))
    lost = {seed: math.nan for name, seed in evidence.ended if name == condition and seed not in found}
    return dict(sorted({**found, **lost}.items()))


def by_layer(
    evidence: Evidence,
    condition: str,
    metric: str,
    name: str,
    *,
    control: str = "",
    dashed: bool = False,
    layers: slice = slice(None),
) -> list[Series]:
    """Return the curve of a metric over layers (mean and range of the seeds), or nothing where it was not measured.

    layers: which of them to show, such as all but the last, where a number is 0 by construction.
    """
    try:
        found = {seed: evidence.profile(condition, seed, metric, control=control) for seed in evidence.seeds(condition)}
    except RunError:
        return []
    shown = next(iter(found.values()))[0][layers]
    return [band(name, shown, {seed: values[layers] for seed, (_, values) in found.items()}, dashed=dashed)]


def panel(
    title: str, *series: Sequence[Series], references: Sequence[Reference] = (), log_y: bool = False
) -> list[ProfilePanel]:
    """Return a panel of the curves there are, or nothing when there is none."""
    shown = tuple(one for some in series for one in some)
    if not shown:
        return []
    return [ProfilePanel(title=title, series=shown, references=tuple(references), log_y=log_y)]
