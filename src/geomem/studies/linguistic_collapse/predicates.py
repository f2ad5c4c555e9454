"""The predicates behind the claims: evidence to tests. Thresholds were fixed before any run."""

from __future__ import annotations

import math

import torch

from geomem.geometry.distance import spearman
from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.linguistic_collapse.classes import NEXT_TOKEN
from geomem.studies.linguistic_collapse.course import LOSS
from geomem.studies.linguistic_collapse.settings import Settings
from geomem.studies.over_training import Course, at, over_training

GATES, COURSE = "gates", "course"
"""Conditions of the cells."""

CDNV, NC4 = f"{NEXT_TOKEN}/cdnv", f"{NEXT_TOKEN}/nc4"
EXACT = 1e-6
"""What rounding may do to a number that should be exact."""


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def simplex(evidence: Evidence) -> list[Test]:
    """Ask for full collapse where there is full collapse."""

    def measured(name: str) -> dict[int, float]:
        return evidence.measured(GATES, f"simplex/{name}")

    zero = {"etf_error": "distance from a simplex", "norm_cov": "CoV of the lengths of class means",
            "log_kernel_cov": "CoV of the log kernel", "cdnv": "CDNV"}  # fmt: skip
    one = {"nc4": "agreement of nearest mean and output layer", "dual_cosine": "mean cosine of output rows and means"}
    return [
        *(Test(Bound(words, EXACT, "below"), measured(name)) for name, words in zero.items()),
        *(Test(Bound(words, 1 - EXACT, "above"), measured(name)) for name, words in one.items()),
    ]


def invariance(evidence: Evidence) -> list[Test]:
    """Ask for what scale and shift may not change, and for the law of the published exponent."""
    words = {
        "scaling/unchanged": "largest relative change by scaling",
        "scaling/squared": "relative error of the 1/t² law of the CDNV with exponent 2",
        "shift/unchanged": "largest relative change by a constant vector, bias made up for",
    }
    return [Test(Bound(text, EXACT, "below"), evidence.measured(GATES, name)) for name, text in words.items()]


def random_means(evidence: Evidence) -> list[Test]:
    """Ask for the numbers of class means that are independent Gaussian vectors."""
    kernel, spread, cosine = (
        evidence.measured(GATES, f"random/{name}") for name in ("log_kernel", "log_kernel_cov", "dual_cosine")
    )

    def off(values: dict[int, float], target: float) -> dict[int, float]:
        return {seed: abs(value - target) for seed, value in values.items()}

    return [
        Test(Bound("mean log kernel, distance from -log √2", 0.01, "below"), off(kernel, -0.5 * math.log(2))),
        Test(Bound("CoV of the log kernel, distance from 0.18", 0.05, "below"), off(spread, 0.18)),
        Test(Bound("mean cosine with random output rows, distance from 0", 0.01, "below"), off(cosine, 0.0)),
    ]


def variability(evidence: Evidence) -> list[Test]:
    """Compare the CDNV at the end with that at an early step."""
    early = _settings(evidence).from_step

    def share(found: Course) -> float:
        return found[max(found)] / at(found, early)

    values = over_training(evidence, COURSE, share, CDNV)
    return [Test(Bound(f"CDNV at the end / at step {early}", 0.5, "below"), values)]


def agreement(evidence: Evidence) -> list[Test]:
    """Compare NC4 at the end with that at the start."""

    def growth(found: Course) -> float:
        first, last = at(found, 0), found[max(found)]
        return last / first if first > 0 else math.inf

    values = over_training(evidence, COURSE, growth, NC4)
    return [Test(Bound("NC4 at the end / at the start", 2.0, "above"), values)]


def loss(evidence: Evidence) -> list[Test]:
    """Correlate the loss on held-out text with the logarithm of the CDNV over checkpoints."""

    def correlation(losses: Course, variances: Course) -> float:
        steps = sorted(losses)
        logs = [math.log(variances[step]) for step in steps]
        return spearman(torch.tensor([losses[step] for step in steps]), torch.tensor(logs))

    values = over_training(evidence, COURSE, correlation, LOSS, CDNV)
    return [Test(Bound("Spearman's correlation of loss and log CDNV over checkpoints", 0.8, "above"), values)]
