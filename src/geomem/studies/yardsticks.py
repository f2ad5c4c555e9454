"""Yardsticks that the claims of several studies are judged by, and numbers made of two others, seed by seed."""

from __future__ import annotations

import math

from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence

Values = dict[int, float]


def far_above_chance(values: Values, chance: float, words: str) -> Test:
    """Require ten times chance (at most 1, where chance is above a tenth)."""
    return Test(Bound(words, min(1.0, 10 * chance), "at least"), values)


def at_chance(values: Values, chance: float, trials: int, words: str) -> Test:
    """Require no more than chance plus three standard errors over `trials`, plus one trial."""
    limit = chance + 3 * math.sqrt(chance * (1 - chance) / trials) + 1 / trials
    return Test(Bound(words, limit, "at most"), values)


def fiedler_gain(evidence: Evidence, condition: str) -> Values:
    """Return the Fiedler energy over its chance level, for every seed."""
    return ratio(evidence.measured(condition, "eigen-energy/fiedler"),
                 evidence.measured(condition, "eigen-energy/fiedler_chance"))  # fmt: skip


def learned_at(evidence: Evidence, condition: str, seed: int, metric: str, level: float) -> float:
    """Return the first evaluated step at which a metric reached a level; infinity if it never did."""
    steps, values = evidence.series(condition, seed, metric)
    return next((float(step) for step, value in zip(steps, values, strict=True) if value >= level), math.inf)


def difference(first: Values, second: Values) -> Values:
    """Return first minus second for the seeds both have."""
    return {seed: first[seed] - second[seed] for seed in first if seed in second}


def ratio(first: Values, second: Values) -> Values:
    """Return first over second for the seeds both have; NaN where neither was reached (inf / inf) or both are 0."""
    return {seed: _divide(first[seed], second[seed]) for seed in first if seed in second}


def _divide(first: float, second: float) -> float:
    if math.isinf(first) and math.isinf(second):
        return math.nan
    if second == 0:
        return math.nan if first == 0 else math.inf
    return first / second
