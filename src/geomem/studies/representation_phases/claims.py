"""The claims of arXiv 2509.23024: what the paper says, where, what it reports, and which predicate judges it."""

from __future__ import annotations

from collections.abc import Callable

from geomem.studies.claim import Claim, Test
from geomem.studies.evidence import Evidence
from geomem.studies.representation_phases import predicates

PAPER = "arXiv 2509.23024"


def _claim(
    id: str, experiment: str, statement: str, where: str, reported: str, why: str,
    judge: Callable[[Evidence], list[Test]],
) -> Claim:  # fmt: skip
    return Claim(id, statement, f"{PAPER}, {where}", reported, experiment, why, judge)


CLAIMS = (
    _claim(
        "L1",
        "language-model",
        "Effective rank collapses while the learning rate warms up.",
        "pretraining of OLMo-2 and Pythia",
        "a rapid collapse, curves only",
        "0.7 of the start: far more than any sampling error at 20 sequences a dimension",
        predicates.collapse,
    ),
    _claim(
        "L2",
        "language-model",
        "After the collapse effective rank rises.",
        "pretraining of OLMo-2 and Pythia",
        "the entropy-seeking phase, curves only",
        "by half: a phase, not a fluctuation",
        predicates.rise,
    ),
    _claim(
        "L3",
        "language-model",
        "While effective rank rises, the model comes to agree with the n-grams of its own corpus.",
        "memorisation against an infinity-gram",
        "correlation rises through the entropy-seeking phase to a peak",
        "a gain of 0.2 from step 100, the end of the warm-up, to the largest value",
        predicates.memorisation,
    ),
    _claim(
        "T1",
        "toy",
        "In the linear toy effective rank first dips.",
        "linear toy with cross-entropy",
        "RankMe 1.91 → 1.88",
        "within 60 of 400 steps; the reproduction has it at steps 15 to 19",
        predicates.toy_dip,
    ),
    _claim(
        "T2",
        "toy",
        "With cross-entropy, unequal classes and too few dimensions effective rank rises and then falls again.",
        "linear toy with cross-entropy",
        "RankMe 1.99 at its peak (step 150 to 210), 1.981 at step 300",
        "half of the fall in the figure, in three of four runs",
        predicates.toy_fall,
    ),
    _claim(
        "T3-wider",
        "toy",
        "With one dimension more it does not fall again.",
        "controls of the linear toy",
        "no compression",
        "an eighth of the fall that counts",
        predicates.toy_wider,
    ),
    _claim(
        "T3-squared-error",
        "toy",
        "With the squared error it does not fall again.",
        "controls of the linear toy",
        "no compression",
        "an eighth of the fall that counts",
        predicates.toy_squared_error,
    ),
    Claim(
        "T3-plain-start",
        "From a start of independent random numbers it does not fall again.",
        "an independent reproduction; geomem",
        "no fall in 4 of 4 runs",
        "toy",
        "an eighth of the fall that counts, in every run",
        predicates.toy_plain_start,
    ),
    Claim(
        "T4",
        "Entropy falls exactly when directions that are large already grow faster: dS/dt = -Cov(d ln λ/dt, ln p).",
        "an independent reproduction",
        "an identity",
        "toy",
        "a finite difference along the gradient flow, every tenth step",
        predicates.identity,
    ),
    Claim(
        "M1",
        "The metrics give back spectra that were planted.",
        f"{PAPER}, definitions of RankMe and alpha",
        "closed forms",
        "metrics",
        "closed forms; for the Gaussian the sampling error of 20 000 rows",
        predicates.planted,
    ),
)
