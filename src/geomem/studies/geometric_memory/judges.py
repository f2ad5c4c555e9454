"""Numbers of this study that combine several cells, or none."""

from __future__ import annotations

from collections.abc import Callable

from geomem.errors import RunError
from geomem.geometry.storage import cycle_storage, path_star_storage
from geomem.studies.evidence import Evidence
from geomem.studies.yardsticks import Values, fiedler_gain


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
