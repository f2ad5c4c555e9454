"""The predicates behind the claims: evidence to tests. The thresholds are the card's and were fixed before any run."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from geomem.errors import RunError
from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.joint_vs_conditional.features import DENSE, DESCENT, ridge_name
from geomem.studies.joint_vs_conditional.settings import Settings

FEATURES, SEQUENCES, ARITHMETIC = "features", "sequences", "arithmetic"
"""Experiments; the first and the last are conditions of cells, too."""
SPARSE_SOURCE, DENSE_SOURCE = "sparse-source", "dense-source"
"""Conditions of the sequence models."""


def fitted(evidence: Evidence) -> list[Test]:
    """Ask, of every step of descent with a gap below 1e-2, for a correlation above 0.9 and a slope of 0.7 to 1.2."""
    correlation = after(evidence, DESCENT, "correlation", 1e-2)
    slope = after(evidence, DESCENT, "slope", 1e-2)
    return [
        Test(Bound("least partial correlation once the gap is below 0.01", 0.9, "above"), _each(correlation, min)),
        Test(Bound("least slope since then", 0.7, "at least"), _each(slope, min)),
        Test(Bound("largest slope since then", 1.2, "at most"), _each(slope, max)),
    ]


def rises(evidence: Evidence) -> list[Test]:
    """Ask that the slope grows from every ridge to the next smaller one."""
    settings: Settings = evidence.settings
    slopes = [evidence.measured(FEATURES, f"{ridge_name(ridge)}/slope") for ridge in settings.features.ridges]
    least = {seed: min(after[seed] - before[seed] for before, after in pairwise(slopes)) for seed in slopes[0]}
    return [Test(Bound("least growth of the slope from one ridge to the next smaller", 0.0, "above"), least)]


def flat(evidence: Evidence) -> list[Test]:
    """Ask that without unseen tokens the slope stays small at all times."""
    return [Test(Bound("largest |slope| at any step", 0.2, "below"), largest(evidence))]


def flatter(evidence: Evidence) -> list[Test]:
    """Ask what the card expects beyond its gate: at most 0.1 at all times, and next to nothing in the end."""
    late = after(evidence, DENSE, "slope", 2e-5)
    return [
        Test(Bound("largest |slope| at any step", 0.1, "at most"), largest(evidence)),
        Test(Bound("largest |slope| once the gap is below 2e-5", 0.02, "below"),
             {seed: max(map(abs, values)) for seed, values in late.items()}),
    ]  # fmt: skip


def gauge(evidence: Evidence) -> list[Test]:
    """Ask that a gauge that changes no prediction changes the raw spill's AUROC and nothing of the centred one."""

    def measured(name: str) -> dict[int, float]:
        return evidence.measured(SPARSE_SOURCE, f"gauge/{name}")

    return [
        Test(Bound("largest change of a centred spill", 1e-6, "below"), measured("centred_moved")),
        Test(Bound("change of the centred spill's AUROC", 1e-6, "below"), measured("centred_auroc_change")),
        Test(Bound("change of the raw spill's AUROC", 0.01, "above"), measured("raw_auroc_change")),
    ]


def identity(evidence: Evidence) -> list[Test]:
    """Ask that the centred level is minus the mean log-probability."""
    return [
        Test(Bound(f"largest difference, {condition.replace('-', ' ')}", 1e-12, "below"),
             {seed: max(evidence.series(condition, seed, "identity_error")[1]) for seed in evidence.seeds(condition)})
        for condition in (SPARSE_SOURCE, DENSE_SOURCE)
    ]  # fmt: skip


def largest(evidence: Evidence) -> dict[int, float]:
    """Return the largest |slope| of the dense control over all measured steps, for every seed."""
    name = f"{DENSE}/slope"
    return {seed: max(map(abs, evidence.series(FEATURES, seed, name)[1])) for seed in evidence.seeds(FEATURES)}


def after(evidence: Evidence, run: str, name: str, gap: float) -> dict[int, list[float]]:
    """Return the values of a metric at the steps from which on the gap stays below a level, for every seed.

    Raises RunError when a seed never gets there.
    """
    found: dict[int, list[float]] = {}
    for seed in evidence.seeds(FEATURES):
        gaps = evidence.series(FEATURES, seed, f"{run}/gap")[1]
        values = evidence.series(FEATURES, seed, f"{run}/{name}")[1]
        above = [place for place, value in enumerate(gaps) if not value < gap]
        first = above[-1] + 1 if above else 0
        if first >= len(gaps):
            raise RunError(f"seed {seed}: the gap of '{run}' never stays below {gap:g}; take more steps")
        found[seed] = values[first:]
    return found


def _each(values: dict[int, list[float]], which: Callable[[list[float]], float]) -> dict[int, float]:
    return {seed: which(found) for seed, found in values.items()}
