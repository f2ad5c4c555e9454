"""The predicates behind the claims: evidence to tests. Thresholds were fixed before any run."""

from __future__ import annotations

import math
from itertools import pairwise

from geomem.probing.lingen.lingen import LINGEN, SINGLE
from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.logit_low_rank.exact import BOUND
from geomem.studies.logit_low_rank.imitation import NONSENSE_BOTH
from geomem.studies.logit_low_rank.material import NONSENSE, OTHER
from geomem.studies.logit_low_rank.settings import Settings

ISAN, HMM, MODEL = "isan", "hmm", "model"
"""Conditions of the cells."""

SHUFFLED = "shuffled"
HALF = 0.5
"""Of what another set of futures shares beyond chance, the share that must be left."""


def exact_rank(evidence: Evidence) -> list[Test]:
    """Ask for as many singular values as the network has dimensions, and none more."""
    return [
        Test(Bound("σ_{d+1} / σ_1", 1e-8, "below"), evidence.measured(ISAN, "rank/next")),
        Test(Bound("σ_d / σ_1", 1e-8, "above"), evidence.measured(ISAN, "rank/last")),
        Test(Bound("relative residual of a target's row", 1e-8, "below"), evidence.measured(ISAN, "lingen/residual")),
    ]


def exact_lingen(evidence: Evidence) -> list[Test]:
    """Ask for no divergence of LinGen, and for much where futures are left out."""
    return [
        Test(Bound("cumulative KL of LinGen", 1e-8, "below"), evidence.measured(ISAN, f"lingen/{LINGEN}")),
        Test(Bound("cumulative KL, single-token matrix", 0.5, "above"), evidence.measured(ISAN, f"lingen/{SINGLE}")),
    ]


def markov(evidence: Evidence) -> list[Test]:
    """Ask for a small divergence of the truncation to rank 2."""
    return [Test(Bound("KL of rank 2", 1e-3, "below"), evidence.measured(HMM, "kl/rank_2"))]


def bound(evidence: Evidence) -> list[Test]:
    """Compare divergences with the bound, at the end of training."""
    return [Test(Bound("largest D / (|L - A|² / nF)", 0.25, "at most"), evidence.measured(MODEL, BOUND))]


def slope(evidence: Evidence) -> list[Test]:
    """Ask for a power law of the singular values whose exponent is above one half, and not steep."""
    settings: Settings = evidence.settings
    first, last = settings.reading.window
    values = evidence.measured(MODEL, "spectrum/alpha")
    what = f"α on ranks {first} to {min(last, settings.reading.histories)}"
    return [Test(Bound(what, 0.5, "above"), values), Test(Bound(what, 1.2, "below"), values)]


def falling(evidence: Evidence) -> list[Test]:
    """Ask each further rank for a smaller divergence than the one before."""
    settings: Settings = evidence.settings
    found = [evidence.measured(MODEL, f"kl/rank_{rank}") for rank in settings.reading.kept]
    # Below a billionth of a nat there is rounding, which need not fall.
    worst = {seed: max((later[seed] / earlier[seed] for earlier, later in pairwise(found) if earlier[seed] > 1e-9),
                       default=0.0) for seed in found[0]}  # fmt: skip
    return [Test(Bound("largest KL of a rank / KL of the one before", 1.0, "below"), worst)]


def lingen(evidence: Evidence) -> list[Test]:
    """Compare LinGen with its single-token variant, from the second token on, with histories and futures of a text."""
    return [Test(Bound("KL of LinGen / single-token, from step 2", 0.6, "below"), _share(evidence, ""))]


def nonsense(evidence: Evidence) -> list[Test]:
    """Compare the same with nonsense histories and futures."""
    return [Test(Bound("KL of LinGen / single-token, from step 2", 0.6, "below"), _share(evidence, NONSENSE_BOTH))]


def transfer(evidence: Evidence) -> list[Test]:
    """Ask how much of the column space that two sets of futures share is shared with nonsense futures."""
    own, odd, chance = (
        evidence.measured(MODEL, "transfer/cosine", control=name) for name in (OTHER, NONSENSE, SHUFFLED)
    )
    shares = {seed: (odd[seed] - chance[seed]) / (own[seed] - chance[seed]) for seed in own}
    beyond = {seed: own[seed] - chance[seed] for seed in own}
    return [
        Test(Bound("mean principal cosine of two sets of text, beyond shuffled entries", 0.1, "above"), beyond,
             needed=True),
        Test(Bound("share of it that nonsense futures keep", HALF, "above"), shares),
    ]  # fmt: skip


def _share(evidence: Evidence, condition: str) -> dict[int, float]:
    own, single = (
        evidence.measured(MODEL, f"lingen/{name}_later", control=condition) for name in (LINGEN, SINGLE)
    )  # fmt: skip
    return {seed: own[seed] / single[seed] if single[seed] > 0 else math.inf for seed in own}
