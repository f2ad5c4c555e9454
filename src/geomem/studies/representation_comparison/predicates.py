"""The predicates behind the claims: evidence to tests, with the thresholds of the card."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.representation_comparison.sampling import NAMES
from geomem.studies.representation_comparison.systems import CONDITION

DIGITS = "networks"
"""Condition of the experiment on digits."""
NULL, INFLATED = 0.03, 0.15


def noise(evidence: Evidence, condition: str, metric: str) -> dict[int, list[float]]:
    """Return the score against noise at every size, from most stimuli to fewest, for every seed.

    NaN for a seed whose training diverged.
    """
    found: dict[int, list[float]] = {}
    for seed in evidence.seeds(condition):
        pairs = sorted(zip(*evidence.series(condition, seed, f"noise/{metric}"), strict=True), reverse=True)
        found[seed] = [value for _, value in pairs]
    lost = {seed: [math.nan, math.nan] for name, seed in evidence.ended if name == condition and seed not in found}
    return {**found, **lost}


def at_zero(condition: str) -> Callable[[Evidence], list[Test]]:
    """Return the predicate: unbiased CKA and RSA of noise are nothing at every size."""

    def judge(evidence: Evidence) -> list[Test]:
        return [
            Test(
                Bound(f"largest |{NAMES[metric]}| with noise over sizes", NULL, "at most"),
                {seed: max(map(abs, values)) for seed, values in noise(evidence, condition, metric).items()},
            )
            for metric in ("cka-unbiased", "rsa")
        ]

    return judge


def biased_grows(evidence: Evidence) -> list[Test]:
    """Biased CKA of noise is larger at each size than at the size before, which has more stimuli."""
    steps = {
        seed: min(after - before for before, after in pairwise(values))
        for seed, values in noise(evidence, DIGITS, "cka").items()
    }
    return [Test(Bound("smallest rise of biased CKA with noise from one size to the next", 0, "above"), steps)]


def svcca_inflated(evidence: Evidence) -> list[Test]:
    """SVCCA of noise is far from nothing at every size."""
    least = {seed: min(values) for seed, values in noise(evidence, DIGITS, "svcca").items()}
    return [Test(Bound("smallest SVCCA with noise over sizes", INFLATED, "at least"), least)]


digits_at_zero = at_zero(DIGITS)
words_at_zero = at_zero(CONDITION)
