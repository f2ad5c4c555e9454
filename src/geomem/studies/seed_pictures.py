"""Pictures of one number over seeds: against steps, or as it stands at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from geomem.runs.exhibits import BarPanel, Bars, BarSeries, Curves, Exhibit, Reference, Series
from geomem.studies.evidence import Evidence


def over_time(
    id: str,
    title: str,
    caption: str,
    metric: str,
    conditions: dict[str, str],
    *,
    label: str,
    chance: Callable[[Evidence], float] | None = None,
    percent: bool = True,
    order: int = 0,
    log_x: bool = False,
) -> Callable[[Evidence], Sequence[Exhibit]]:
    """Return a picture of one metric against steps: the mean over seeds, with the range of the seeds as a band.

    conditions: condition -> name in the legend; conditions without finished cells are left out.
    """

    def draw(evidence: Evidence) -> Sequence[Exhibit]:
        series = tuple(
            _series(evidence, one, name, metric) for one, name in conditions.items() if one in evidence.conditions
        )
        if not series:
            return []
        lines = () if chance is None else (Reference(name="chance", value=chance(evidence)),)
        return [
            Curves(
                id=id,
                title=title,
                caption=caption,
                experiment=evidence.directory.name,
                order=order,
                series=series,
                references=lines,
                y_label=label,
                percent=percent,
                log_x=log_x,
            )
        ]

    return draw


def together(*drawers: Callable[[Evidence], Sequence[Exhibit]]) -> Callable[[Evidence], Sequence[Exhibit]]:
    """Return all pictures of several drawers."""
    return lambda evidence: [exhibit for draw in drawers for exhibit in draw(evidence)]


def _series(evidence: Evidence, condition: str, name: str, metric: str) -> Series:
    by_seed = [dict(zip(*evidence.series(condition, seed, metric), strict=True)) for seed in evidence.seeds(condition)]
    steps = sorted(set.intersection(*(set(one) for one in by_seed)))
    values = np.array([[one[step] for step in steps] for one in by_seed])
    low, high = (_vector(values.min(0)), _vector(values.max(0))) if len(values) > 1 else (None, None)
    return Series(name=name, x=tuple(steps), y=_vector(values.mean(0)), low=low, high=high)


def final_bars(
    id: str,
    title: str,
    caption: str,
    metric: str,
    conditions: Sequence[str] | None = None,
    *,
    label: str,
    percent: bool = False,
    chance: Callable[[Evidence], float] | None = None,
    order: int = 0,
) -> Callable[[Evidence], Sequence[Exhibit]]:
    """Return a picture of one final number a condition: the mean over seeds with their range."""

    def draw(evidence: Evidence) -> Sequence[Exhibit]:
        names = [one for one in (conditions or evidence.conditions) if one in evidence.conditions]
        if not names:
            return []
        values = [np.array(list(evidence.measured(one, metric).values())) for one in names]
        bars = BarSeries(
            name=label,
            values=tuple(float(one.mean()) for one in values),
            low=tuple(float(one.min()) for one in values),
            high=tuple(float(one.max()) for one in values),
        )
        lines = () if chance is None else (Reference(name="chance", value=chance(evidence)),)
        return [
            Bars(
                id=id,
                title=title,
                caption=caption,
                experiment=evidence.directory.name,
                order=order,
                percent=percent,
                panels=(BarPanel(title="", categories=tuple(names), series=(bars,)),),
                references=lines,
                y_label=label,
            )
        ]

    return draw


def _vector(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
