"""The predicates behind the claims: evidence to tests, with the thresholds of the card."""

from __future__ import annotations

from geomem.errors import RunError
from geomem.studies.attention_sinks.checkpoint import MASSIVE
from geomem.studies.attention_sinks.planted import KAPPAS, LIFETIMES, TOO_WEAK
from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence

STREAMS, NETWORK, MODEL = "streams", "network", "model"
"""Conditions of the three experiments."""
LEAST = 124_000_000
"""Weights from which a checkpoint is large enough for gate B (card: GPT-2 small and up)."""


def by_size(evidence: Evidence, metric: str) -> dict[int, dict[int, float]]:
    """Return what was measured at every size kappa of the planted tokens: kappa -> seed -> value."""
    seeds = evidence.seeds(STREAMS)
    series = {seed: dict(zip(*evidence.series(STREAMS, seed, metric), strict=True)) for seed in seeds}
    return {kappa: {seed: series[seed][kappa] for seed in seeds} for kappa in KAPPAS}


def active_range(evidence: Evidence) -> list[Test]:
    """The planted first-token sink is active in layers 2 to 10 and nowhere else, at every size of the others."""
    found = by_size(evidence, "planted/range_off")
    off = {seed: sum(found[kappa][seed] for kappa in KAPPAS) for seed in found[KAPPAS[0]]}
    return [Test(Bound("sizes at which the active layers are not 2 to 10", 0, "at most"), off)]


def too_weak(evidence: Evidence) -> list[Test]:
    """Nothing is flagged up to kappa = 20."""
    found = by_size(evidence, "planted/flagged")
    return [Test(Bound(f"tokens flagged (kappa {kappa})", 0, "at most"), found[kappa]) for kappa in TOO_WEAK]


def strong_enough(evidence: Evidence) -> list[Test]:
    """From kappa = 30 both planted tokens are found as they are, and no other token is."""
    missed, false = by_size(evidence, "planted/missed"), by_size(evidence, "planted/false")
    wrong = {seed: sum(false[kappa][seed] for kappa in KAPPAS) for seed in false[KAPPAS[0]]}
    return [
        *(Test(Bound(f"planted tokens missed (kappa {kappa})", 0, "at most"), missed[kappa]) for kappa in LIFETIMES),
        Test(Bound("tokens flagged that were not planted", 0, "at most"), wrong),
    ]


def network_grows(evidence: Evidence) -> list[Test]:
    """Lifetime and sink score do not fall as the planted vector grows."""
    return [
        Test(
            Bound(f"rank correlation of the planted vector's size and {words}", 0.9, "at least"),
            evidence.measured(NETWORK, f"network/{name}_spearman"),
        )
        for name, words in (("lifetime", "lifetime"), ("score", "sink score"))
    ]


def primary_sink(evidence: Evidence) -> list[Test]:
    """A large enough model has a sink at position 0 by attention and by norm, and its untrained twin has none.

    Raises RunError for a smaller model, of which the gate says nothing.
    """
    sizes = evidence.measured(MODEL, "sinks/parameters")
    if min(sizes.values()) < LEAST:
        raise RunError(
            f"the model has {min(sizes.values()) / 1e6:.3g} million weights, and this is claimed of 124 million and "
            "more; name such a checkpoint with --set model=PATH"
        )
    return [*_gate(evidence, needed=False), *_untrained(evidence)]


def rank_changes(evidence: Evidence) -> list[Test]:
    """Leaving sinks out changes the effective rank."""
    return _masking(evidence, "rank", "effective rank")


def cosine_changes(evidence: Evidence) -> list[Test]:
    """Leaving sinks out changes the average cosine."""
    return _masking(evidence, "cosine", "average cosine of two tokens")


def _masking(evidence: Evidence, name: str, words: str) -> list[Test]:
    """Judge the change where there is a sink; without one only the gate, which leaves the claim open."""
    gate = _gate(evidence, needed=True)
    if any(test.verdict() != "supported" for test in gate):
        return gate
    bound = Bound(f"relative change of the {words} when sinks are kept, median of layers", 0.2, "above")
    return [Test(bound, evidence.measured(MODEL, f"masking/{name}")), *gate]


def _gate(evidence: Evidence, *, needed: bool) -> list[Test]:
    return [
        Test(
            Bound("attention to position 0, mean over the middle half of the blocks", 0.3, "at least"),
            evidence.measured(MODEL, "sinks/middle_attention"),
            needed,
        ),
        Test(
            Bound(
                f"share of blocks after which position 0 is {MASSIVE:.0f} times as long as the median", 0.5, "at least"
            ),
            evidence.measured(MODEL, "sinks/massive_share"),
            needed,
        ),
    ]


def _untrained(evidence: Evidence) -> list[Test]:
    return [
        Test(
            Bound("the same attention, untrained", 0.3, "below"),
            evidence.measured(MODEL, "sinks/middle_attention", control="untrained"),
            needed=True,
        ),
        Test(
            Bound("the same share, untrained", 0.5, "below"),
            evidence.measured(MODEL, "sinks/massive_share", control="untrained"),
            needed=True,
        ),
    ]
