"""Numbers over the checkpoints of a training: as one number a seed for claims, and as curves for pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from geomem.errors import RunError
from geomem.runs.exhibits import Series
from geomem.studies.bands import band
from geomem.studies.evidence import Evidence

Course = Mapping[int, float]
"""Values by step, in the order of training."""


def over_training(evidence: Evidence, condition: str, combine: Callable[..., float], *metrics: str) -> dict[int, float]:
    """Return a number a seed from the courses of one or several metrics; NaN for a seed that diverged.

    combine: one `Course` for each metric -> a number. Raises RunError where there is no course: a model alone has none.
    """
    found: dict[int, float] = {}
    for seed in evidence.seeds(condition):
        found[seed] = float(combine(*(course(evidence, condition, seed, metric) for metric in metrics)))
    lost = {seed: math.nan for name, seed in evidence.ended if name == condition and seed not in found}
    return dict(sorted({**found, **lost}.items()))


def course(evidence: Evidence, condition: str, seed: int, metric: str) -> Course:
    """Return the values of a metric by step. Raises RunError for a model without checkpoints on the way to it."""
    try:
        steps, values = evidence.series(condition, seed, metric)
    except RunError as error:
        raise RunError(f"{error}; a course needs a run with checkpoints/step-*, one model has none") from None
    return dict(zip(steps, values, strict=True))


def at(found: Course, step: int) -> float:
    """Return the value at a step. Raises RunError, with the steps there are, when no checkpoint was kept there."""
    if step not in found:
        raise RunError(f"no checkpoint of step {step}; there are: {', '.join(map(str, found))}")
    return found[step]


def first_above(found: Course, level: float) -> float:
    """Return the first step at which the value exceeds a level; infinity if it never does."""
    return next((float(step) for step, value in found.items() if value > level), math.inf)


def best(found: Course) -> float:
    """Return the largest value."""
    return max(found.values())


def from_step(found: Course, step: int) -> list[float]:
    """Return the values at a step and later. Raises RunError when there is none."""
    later = [value for place, value in found.items() if place >= step]
    if not later:
        raise RunError(f"no checkpoint at or after step {step}; the last is {max(found)}")
    return later


def by_step(evidence: Evidence, condition: str, metric: str, name: str, **style: Any) -> list[Series]:
    """Return the curve of a metric over training (mean and range of the seeds), or nothing where there is no course."""
    try:
        found = {seed: evidence.series(condition, seed, metric) for seed in evidence.seeds(condition)}
    except RunError:
        return []
    steps = next(iter(found.values()))[0]
    return [band(name, steps, {seed: values for seed, (_, values) in found.items()}, **style)]


def log_steps(series: Series) -> Series:
    """Return the points after step 0 against the logarithm of the step, to the base 10."""
    kept = [place for place, step in enumerate(series.x) if step > 0]

    def pick(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(values[place] for place in kept)

    low, high = (None if one is None else pick(one) for one in (series.low, series.high))
    x = tuple(math.log10(step) for step in pick(series.x))
    # Made anew, so that the numbers are rounded as those of every series are.
    return Series.model_validate({**series.model_dump(), "x": x, "y": pick(series.y), "low": low, "high": high})
