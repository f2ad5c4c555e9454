"""The predicates behind the claims: evidence to tests. The thresholds are the card's and were fixed before any run."""

from __future__ import annotations

import math

from geomem.errors import RunError
from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.layer_skipping.settings import Settings

MODEL = "model"
"""Condition of the cells of a causal model."""
NO_MORE = 1e-12


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def no_neighbours(evidence: Evidence) -> list[Test]:
    """Ask that no plan, of the model or of random similarity, holds neighbours or misses a layer it had room for."""
    words = {
        "plan/neighbours": "pairs of neighbours in the model's plans",
        "rule/neighbours": "pairs of neighbours in plans on random similarity",
        "rule/missed": "plans on random similarity with room for a further candidate",
    }
    return [Test(Bound(text, NO_MORE, "at most"), evidence.measured(MODEL, name)) for name, text in words.items()]


def better_than_neighbours(evidence: Evidence) -> list[Test]:
    """Ask, for every size of at least two, how often a plan keeps as much accuracy as a run of neighbours.

    Sizes for which most restarts find no plan are left out. Raises RunError when none is left.
    """
    tests: list[Test] = []
    for size in _settings(evidence).plans.budgets:
        metric = f"restarts/skip{size}_share"
        try:
            found = evidence.measured(MODEL, metric)
        except RunError:
            continue
        if size >= 2 and not any(math.isnan(value) for value in found.values()):
            words = f"restarts in which {size} layers without neighbours keep as much"
            tests.append(Test(Bound(words, 0.8, "at least"), found))
    if not tests:
        raise RunError(
            "no two layers pass their input on with a cosine above the threshold, so there is no plan to judge"
        )
    return tests


def likeness_says_damage(evidence: Evidence) -> list[Test]:
    """Ask whether layers that change the stream least are missed least."""
    rho = evidence.measured(MODEL, "damage/spearman")
    return [Test(Bound("Spearman of similarity and minus the loss increase", 0.7, "at least"), rho)]


def cache_agrees(evidence: Evidence) -> list[Test]:
    """Ask that decoding without layers gives the same tokens with a cache as without one."""
    return [Test(Bound("tokens the same with and without a cache", 1 - NO_MORE, "at least"),
                 evidence.measured(MODEL, "decoding/cached_same"))]  # fmt: skip


def recent_tokens_count_more(evidence: Evidence) -> list[Test]:
    """Ask whether the token just before moves a prediction more than one further back, and more than untrained."""
    own = evidence.measured(MODEL, "influence/ratio")
    fresh = evidence.measured(MODEL, "influence/ratio", control="untrained")
    more = {seed: own[seed] / fresh[seed] for seed in own if seed in fresh}
    return [
        Test(Bound("influence of the nearest token over that of the furthest", 1.0, "above"), own),
        Test(Bound("the same over that of an untrained network", 1.0, "above"), more),
    ]
