"""The phases of representation geometry in a training run, by a stated rule (arXiv 2509.23024, Section 4).

The paper names three phases by eye: *warmup*, a collapse while the learning rate rises; *entropy-seeking*, effective
rank (RankMe) rises and alpha falls; *compression-seeking*, rank falls and alpha rises; later repeats are possible. The
rule here finds them in the measured curve alone, and no constant in it was fitted to one.

1. **Turning points.** Only ratios of RankMe mean anything (its variants differ by factors), so the curve is ln RankMe.
   It is cut where it turns: a maximum followed by a fall that counts, a minimum followed by a rise that counts.
   What happens between two turning points is one stretch, from extreme to extreme, wherever a plateau lies.
2. **A change counts** when it exceeds 5 % (`LEAST_CHANGE`), and the noise. 5 % is what the sample alone can do: with
   ten tokens a dimension, the least the paper's protocol allows, RankMe is low by d / 2n = 5 % (`marchenko_pastur`),
   so a smaller change may be one of the sample. Noise: of K checkpoints any two may be the extremes of a flat
   curve, so a change must be beyond the joint 95 % point (Bonferroni) of all K (K - 1) / 2 differences, with the
   errors of the two points at hand. Without intervals there is only the 5 %.
3. **Names.** A fall that opens the series is warmup, if the series reaches back to the start: its first step is at most
   1 % of its last (`OPENING`), because by then learning-rate warmup ends in the runs of the paper. Every other fall
   with alpha rising is compression-seeking, every rise with alpha falling entropy-seeking. Where alpha does not move
   the other way from RankMe, or by less than its own 95 % noise, the paper has no name for it: mixed. Where no alpha
   is given at either end, RankMe alone decides.

A warmup looks like compression, alpha included: only its place tells them apart, which is why a series that starts
late has none. A warmup shorter than the first two checkpoints cannot be seen at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from scipy.special import ndtri

from geomem.errors import InputError
from geomem.geometry.vectors import Z95

PhaseName = Literal["warmup", "entropy-seeking", "compression-seeking", "mixed"]

LEAST_CHANGE = 0.05
"""Least change of RankMe that counts, as a share of the smaller end: what a scant sample alone can do."""

OPENING = 0.01
"""A series whose first step is at most this share of its last one reaches back to the start of training."""


@dataclass(frozen=True)
class Checkpoint:
    """One point of a trajectory: RankMe and alpha at a step, each with its 95 % interval where one is known."""

    step: float
    rankme: float
    alpha: float = math.nan
    rankme_interval: tuple[float, float] | None = None
    alpha_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Phase:
    """A stretch of training from step `start` to step `end`, both measured checkpoints.

    change: of RankMe, relative to its start. alpha_change: difference of alpha, NaN where it is not known.
    """

    name: PhaseName
    start: float
    end: float
    change: float
    alpha_change: float


def detect_phases(trajectory: Sequence[Checkpoint], least_change: float = LEAST_CHANGE) -> list[Phase]:
    """Return the phases of a trajectory in order, by the rule at the head of this file; [] when nothing counts.

    least_change: smallest relative change of RankMe that counts, for exact curves that need no margin for sampling.
    Checkpoints whose RankMe is NaN (no spread at all) are left out. Raises InputError when steps do not rise, a RankMe
    is below 1, or `least_change` is not positive.
    """
    if not least_change > 0:
        raise InputError(f"least change: must be more than 0, got {least_change}")
    points = [point for point in trajectory if not math.isnan(point.rankme)]
    _check(points)
    turns = _turning_points(points, least_change)
    return [_phase(points, start, end, first=number == 0) for number, (start, end) in enumerate(pairwise(turns))]


def _check(points: Sequence[Checkpoint]) -> None:
    for before, after in pairwise(points):
        if after.step <= before.step:
            raise InputError(f"trajectory: steps must rise, got {after.step:g} after {before.step:g}")
    for point in points:
        if point.rankme < 1 - 1e-6:
            raise InputError(f"trajectory: RankMe is at least 1, got {point.rankme:g} at step {point.step:g}")


def _turning_points(points: Sequence[Checkpoint], least_change: float) -> list[int]:
    """Return the places of the extremes between which ln RankMe changes by what counts, alternately up and down."""
    heights = [math.log(point.rankme) for point in points]
    errors = [_log_error(point) for point in points]
    beyond = _joint_quantile(len(points))

    def counts(one: int, other: int) -> bool:
        change = abs(heights[other] - heights[one])
        return change > max(math.log1p(least_change), beyond * math.hypot(errors[one], errors[other]))

    turns: list[int] = []
    low = high = 0
    rising: bool | None = None
    for here in range(1, len(points)):
        low = here if heights[here] < heights[low] else low
        high = here if heights[here] > heights[high] else high
        if rising is not True and high > low and counts(low, high):
            turns.append(low)
            rising, low = True, high
        elif rising is not False and low > high and counts(high, low):
            turns.append(high)
            rising, high = False, low
        elif rising is True and high == here:
            low = high
        elif rising is False and low == here:
            high = low
    if rising is not None:
        turns.append(high if rising else low)
    return turns


def _phase(points: Sequence[Checkpoint], start: int, end: int, *, first: bool) -> Phase:
    one, other = points[start], points[end]
    change, alpha_change = other.rankme / one.rankme - 1, other.alpha - one.alpha
    opens = first and points[0].step <= OPENING * points[-1].step
    noise = Z95 * math.hypot(_error(one.alpha_interval), _error(other.alpha_interval))
    # A missing alpha (NaN) fails the comparison, so RankMe alone decides.
    against = abs(alpha_change) <= noise or alpha_change * change >= 0
    name: PhaseName
    if change < 0 and opens:
        name = "warmup"
    elif against:
        name = "mixed"
    else:
        name = "entropy-seeking" if change > 0 else "compression-seeking"
    return Phase(name, one.step, other.step, change, alpha_change)


def _joint_quantile(count: int) -> float:
    """Return the normal quantile beyond which one of all count (count - 1) / 2 differences lies with 5 % at most."""
    pairs = max(1, count * (count - 1) // 2)
    return float(-ndtri(0.025 / pairs))


def _log_error(point: Checkpoint) -> float:
    """Return the standard error of ln RankMe."""
    return _error(point.rankme_interval) / point.rankme


def _error(interval: tuple[float, float] | None) -> float:
    """Return the standard error behind a 95 % interval; 0 where none is known."""
    if interval is None or not all(map(math.isfinite, interval)):
        return 0.0
    return (interval[1] - interval[0]) / (2 * Z95)
