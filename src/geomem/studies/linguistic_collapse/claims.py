"""The claims of arXiv 2405.17767: what the paper says, where, what it reports, and which predicate judges it."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.linguistic_collapse import predicates

PAPER = "arXiv 2405.17767"

CLAIMS = (
    Claim(
        "NC1",
        "In training the states of one next token draw together: CDNV falls.",
        f"{PAPER}, NC1 and training",
        "NC-like properties progress with training",
        "training",
        "at the end less than half of what it is at step 100, when the warm-up ends",
        predicates.variability,
    ),
    Claim(
        "NC4",
        "In training the output layer comes to decide as the nearest class mean does, on unseen tokens.",
        f"{PAPER}, NC4",
        "3.4 to 37.8 % over 210 trained models",
        "training",
        "more than twice what it is before the first step",
        predicates.agreement,
    ),
    Claim(
        "NC1-loss",
        "The smaller the CDNV, the smaller the loss on held-out text.",
        f"{PAPER}, collapse and generalisation",
        "R² of loss and log CDNV 0.915 over 210 models (released table, exponent 2)",
        "training",
        "rank correlation over the checkpoints of one training, exponent 1",
        predicates.loss,
    ),
    Claim(
        "G1",
        "A perfect simplex counts as fully collapsed.",
        f"{PAPER}, definitions",
        "closed form",
        "gates",
        "exact up to rounding",
        predicates.simplex,
    ),
    Claim(
        "G2",
        "Neither a scale nor a shift of all states changes what it must not change.",
        f"{PAPER}, definitions",
        "closed form",
        "gates",
        "exact up to rounding",
        predicates.invariance,
    ),
    Claim(
        "G3",
        "Random class means have the kernels and cosines of random directions.",
        f"{PAPER}, definitions",
        "closed form for many classes",
        "gates",
        "sampling error of 1000 means in 64 dimensions, with room for the few directions' curvature",
        predicates.random_means,
    ),
)
