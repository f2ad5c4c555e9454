"""The claims: the gates of the detector, and what a real checkpoint must show."""

from __future__ import annotations

from geomem.studies.attention_sinks import predicates
from geomem.studies.claim import Claim

PAPER = "arXiv 2512.22213"

CLAIMS = (
    Claim(
        "A-range",
        "The detector finds the layers in which a planted first-token sink is active.",
        f"{PAPER}, detection; planted streams of geomem",
        "the algorithm; no planted test",
        "planted-streams",
        "planted in layers 2 to 10, so exactly those",
        predicates.active_range,
    ),
    Claim(
        "A-weak",
        "Tokens that only lean towards the sink are not flagged.",
        f"{PAPER}, detection; planted streams of geomem",
        "the algorithm; no planted test",
        "planted-streams",
        "up to kappa = 20 nothing, exactly; there the expected cosine is 0.89, one standard deviation below the 0.9 "
        "of the detector",
        predicates.too_weak,
    ),
    Claim(
        "A-strong",
        "Planted secondary sinks are found with their creation layer and lifetime, and no other token is.",
        f"{PAPER}, detection; planted streams of geomem",
        "the algorithm; no planted test",
        "planted-streams",
        "planted in layers 5 to 8: created at 5, living 4 layers (3 or 4 at kappa = 30), secondary; exactly",
        predicates.strong_enough,
    ),
    Claim(
        "A-network",
        "In a network with a planted sink, lifetime and attention do not fall as the sink's vector grows.",
        f"{PAPER}, claim 3; planted network of geomem",
        "the norm of the MLP's output sets both",
        "planted-network",
        "monotone but for ties: Spearman 0.9",
        predicates.network_grows,
    ),
    Claim(
        "B",
        "A language model of 124 million weights or more has a sink at its first token.",
        f"{PAPER}, claim 1, and earlier work on the first token",
        "in all 11 model families",
        "checkpoint",
        "attention ten times the uniform one, and a norm far above the 1.0 to 1.75 of models without sinks",
        predicates.primary_sink,
    ),
    Claim(
        "C-rank",
        "Where there is a sink, leaving it out changes the effective rank of a layer by more than a fifth.",
        "geomem, masking check",
        "not in the paper",
        "checkpoint",
        "a measurement that a handful of tokens changes by a fifth is about those tokens",
        predicates.rank_changes,
    ),
    Claim(
        "C-cosine",
        "Where there is a sink, leaving it out changes the average cosine of two tokens by more than a fifth.",
        "geomem, masking check",
        "not in the paper",
        "checkpoint",
        "a measurement that a handful of tokens changes by a fifth is about those tokens",
        predicates.cosine_changes,
    ),
)
