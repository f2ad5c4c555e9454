"""Building blocks of this study's claims: yardsticks, and numbers that combine several cells."""

from __future__ import annotations

import math
from collections.abc import Callable

from geomem.errors import RunError
from geomem.geometry.storage import cycle_storage, path_star_storage
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


def over_graphs(evidence: Evidence, model: str, metric: str, combine: Callable[[list[float]], float]) -> Values:
    """Combine a metric over the tiny graphs a model was trained on, for every seed.

    "fiedler gain" is the Fiedler energy over the share that random vectors get.
    """
    conditions = [name for name in evidence.conditions if name.partition("-")[2] == model]
    if not conditions:
        raise RunError(f"no finished run of {model} in {evidence.directory.name}")
    gain = metric == "fiedler gain"
    values = [fiedler_gain(evidence, name) if gain else evidence.measured(name, metric) for name in conditions]
    return {seed: combine([one[seed] for one in values]) for seed in values[0] if all(seed in one for one in values)}


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


def storage_ratios() -> dict[str, list[float]]:
    """Return geometric / associative cost on path-stars and cycles from ten nodes to a million, by quantity."""
    stars = [path_star_storage(arms, length, projected=True) for arms in (10, 100, 10_000) for length in (4, 10, 100)]
    cycles = [cycle_storage(nodes) for nodes in (10, 100, 10_000, 1_000_000)]
    return {
        "bits, path-star": [one.bits_ratio for one in stars],
        "norm, path-star": [one.norm_ratio for one in stars],
        "bits, cycle": [one.bits_ratio for one in cycles],
        "norm, cycle": [one.norm_ratio for one in cycles],
    }


def _divide(first: float, second: float) -> float:
    if math.isinf(first) and math.isinf(second):
        return math.nan
    if second == 0:
        return math.nan if first == 0 else math.inf
    return first / second
