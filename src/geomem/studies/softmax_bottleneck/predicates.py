"""The predicates behind the claims: evidence to tests. The thresholds are the card's and were fixed before any run."""

from __future__ import annotations

from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.softmax_bottleneck.settings import Settings

FLOOR, SAMPLING, MIXTURES, MODEL = "floor", "sgns", "mixtures", "language-model"
"""Experiments, and the conditions of their cells."""

EXACT = 1e-9
"""What whole numbers may differ by."""


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def ranks(evidence: Evidence) -> list[Test]:
    """Ask for the rank of the true logits, exactly, and one more before centring."""
    tests: list[Test] = []
    for rank in _settings(evidence).floor.ranks:
        for name, more in (("centred", 0), ("plain", 1)):
            measured = evidence.measured(FLOOR, f"rank_{rank}/{name}")
            off = {seed: abs(value - rank - more) for seed, value in measured.items()}
            words = f"difference of the {name} matrix's rank from {rank + more}"
            tests.append(Test(Bound(words, EXACT, "below"), off))
    return tests


def enough(evidence: Evidence) -> list[Test]:
    """Ask that a softmax of the rank reaches the distributions, from a random start."""
    return [
        Test(Bound(f"KL at dimension {rank}, random starts", 1e-8, "below"),
             evidence.measured(FLOOR, f"rank_{rank}/random_kl_{rank}"))
        for rank in _settings(evidence).floor.ranks
    ]  # fmt: skip


def too_few(evidence: Evidence) -> list[Test]:
    """Ask that one dimension fewer leaves a floor, whatever the start."""
    return [
        Test(Bound(f"KL at dimension {rank - 1} for rank {rank}, best of all starts", 1e-3, "above"),
             evidence.measured(FLOOR, f"rank_{rank}/kl_{rank - 1}"))
        for rank in _settings(evidence).floor.ranks
    ]  # fmt: skip


def sampling(evidence: Evidence) -> list[Test]:
    """Ask for PMI - log k at full dimension, and for a strictly larger error at every smaller one than there."""
    widths = _settings(evidence).sampling.widths
    errors = [evidence.measured(SAMPLING, f"width_{width}/error") for width in widths]
    tests = [Test(Bound(f"largest error at dimension {widths[-1]}", 1e-6, "below"), errors[-1])]
    for width, found in zip(widths[:-1], errors[:-1], strict=True):
        more = {seed: found[seed] - errors[-1][seed] for seed in found}
        words = f"error at dimension {width} beyond that at {widths[-1]}"
        tests.append(Test(Bound(words, 0.0, "above"), more))
    return tests


def softmaxes_mix(evidence: Evidence) -> list[Test]:
    """Ask that a mixture of softmaxes fits better and leaves the dimension."""
    own = _settings(evidence).mixtures
    kl, one, rank = (evidence.measured(MIXTURES, name) for name in ("softmaxes/kl", "softmax/kl", "softmaxes/rank"))
    return [
        Test(Bound("KL of the mixture of softmaxes over that of one softmax", 0.5, "below"),
             {seed: kl[seed] / one[seed] for seed in kl}),
        Test(Bound("rank of the mixture of softmaxes", 2.0 * own.dimension, "above"), rank),
    ]  # fmt: skip


def contexts_do_not(evidence: Evidence) -> list[Test]:
    """Ask that a mixture of contexts stays at the dimension and fits as one softmax does."""
    own = _settings(evidence).mixtures
    kl, one, rank = (evidence.measured(MIXTURES, name) for name in ("contexts/kl", "softmax/kl", "contexts/rank"))
    return [
        Test(Bound("rank of the mixture of contexts", float(own.dimension), "at most"), rank),
        Test(Bound("KLs of the mixture of contexts and one softmax apart", 0.05, "at most"),
             {seed: abs(kl[seed] / one[seed] - 1) for seed in kl}),
    ]  # fmt: skip


def language(evidence: Evidence) -> list[Test]:
    """Ask for min(d, V - 1) exactly, one more before centring, of a model whose output layer is a plain one."""

    def off(name: str, most: str) -> dict[int, float]:
        found, expected = (evidence.measured(MODEL, f"model/{one}") for one in (name, most))
        return {seed: abs(found[seed] - expected[seed]) for seed in found}

    return [
        Test(Bound("difference of the rank from min(d, V - 1)", EXACT, "below"), off("rank", "most")),
        Test(Bound("difference of the rank before centring from one more", EXACT, "below"),
             off("plain_rank", "plain_most")),
        Test(Bound("relative difference of the logits from the output layer's product", 1e-3, "below"),
             evidence.measured(MODEL, "model/layer_error"), needed=True),
    ]  # fmt: skip
