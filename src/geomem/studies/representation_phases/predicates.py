"""The predicates behind the claims: evidence to tests.

Thresholds were fixed before any run, after an independent reproduction of the toy and pilots with it: a dip before step
60, a fall of RankMe by 0.004 after its peak in three of four runs, none of 0.0005 in the controls; of the language
model a collapse to 0.7 of the start at the end of the warm-up, a rise by half from there, and a gain of 0.2 in the
correlation with the n-grams of its corpus.
"""

from __future__ import annotations

from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.over_training import Course, at, from_step, over_training
from geomem.studies.representation_phases.course import RANKME, alignment
from geomem.studies.representation_phases.settings import Settings
from geomem.studies.representation_phases.toy_runs import variants

TOY, PLANTED, COURSE = "toy", "planted", "course"
"""Conditions of the cells."""


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def toy_dip(evidence: Evidence) -> list[Test]:
    """Ask for an early dip, in every run at every tilt."""
    tests: list[Test] = []
    for tilt in _settings(evidence).toy.tilts:
        steps = evidence.measured(TOY, f"tilt-{tilt:g}/dip_step_latest")
        depths = evidence.measured(TOY, f"tilt-{tilt:g}/dip_depth_least")
        tests.append(Test(Bound(f"step of the lowest RankMe, latest run, tilt {tilt:g}", 60, "below"), steps))
        tests.append(Test(Bound(f"RankMe lost by then, least of the runs, tilt {tilt:g}", 0, "above"), depths))
    return tests


def toy_fall(evidence: Evidence) -> list[Test]:
    """Ask for a fall after the peak, in three quarters of the runs at every tilt."""
    return [
        Test(
            Bound(
                f"fall of RankMe from peak to trough that three of four runs reach, tilt {tilt:g}", 0.004, "at least"
            ),
            evidence.measured(TOY, f"tilt-{tilt:g}/drawdown_of_most"),
        )
        for tilt in _settings(evidence).toy.tilts
    ]


def toy_wider(evidence: Evidence) -> list[Test]:
    """Ask for no fall with a dimension more; the toy itself must fall."""
    return [_no_fall(evidence, "wider"), _falls(evidence)]


def toy_squared_error(evidence: Evidence) -> list[Test]:
    """Ask for no fall under the squared error; the toy itself must fall."""
    return [_no_fall(evidence, "squared-error"), _falls(evidence)]


def toy_plain_start(evidence: Evidence) -> list[Test]:
    """Ask for no fall from an independent start; the toy itself must fall."""
    return [_no_fall(evidence, "plain-start"), _falls(evidence)]


def identity(evidence: Evidence) -> list[Test]:
    """Compare the rate of the entropy with the covariance formula, in every condition."""
    found = [evidence.measured(TOY, f"{name}/identity_error") for name in variants(_settings(evidence).toy)]
    worst = {seed: max(one[seed] for one in found) for seed in found[0]}
    return [Test(Bound("relative error of the covariance formula for dS/dt, worst run", 1e-2, "below"), worst)]


def planted(evidence: Evidence) -> list[Test]:
    """Compare the metrics with spectra that are known."""
    return [
        Test(Bound("error of alpha, worst power law", 0.01, "below"), evidence.measured(PLANTED, "power-law/error")),
        Test(Bound("RankMe of isotropic Gaussian rows, d = 64", 63.5, "above"),
             evidence.measured(PLANTED, "isotropic/rankme")),
        Test(Bound("RankMe of a matrix of rank 1", 1.01, "below"), evidence.measured(PLANTED, "rank-1/rankme")),
    ]  # fmt: skip


def collapse(evidence: Evidence) -> list[Test]:
    """Compare RankMe at the end of the warm-up with that at the start."""
    warmup = _settings(evidence).lm.warmup

    def share(found: Course) -> float:
        return at(found, warmup) / at(found, 0)

    values = over_training(evidence, COURSE, share, RANKME)
    return [Test(Bound("RankMe at the end of the warm-up / at the start", 0.7, "below"), values)]


def rise(evidence: Evidence) -> list[Test]:
    """Compare the largest RankMe after the warm-up with that at its end."""
    warmup = _settings(evidence).lm.warmup

    def growth(found: Course) -> float:
        return max(from_step(found, warmup)) / at(found, warmup)

    values = over_training(evidence, COURSE, growth, RANKME)
    return [Test(Bound("largest RankMe after the warm-up / at its end", 1.5, "at least"), values)]


def memorisation(evidence: Evidence) -> list[Test]:
    """Ask how far the correlation with the n-grams of the corpus rises."""
    settings = _settings(evidence)

    def gain(found: Course) -> float:
        return max(from_step(found, settings.from_step)) - at(found, settings.from_step)

    values = over_training(evidence, COURSE, gain, alignment(settings.probe.order))
    words = f"gain in Spearman's correlation from step {settings.from_step} to its largest"
    return [Test(Bound(words, 0.2, "at least"), values)]


def _no_fall(evidence: Evidence, name: str) -> Test:
    words = "fall of RankMe from peak to trough, largest of the runs"
    return Test(Bound(words, 5e-4, "below"), evidence.measured(TOY, f"{name}/drawdown_largest"))


def _falls(evidence: Evidence) -> Test:
    tilt = _settings(evidence).toy.control_tilt
    values = evidence.measured(TOY, f"tilt-{tilt:g}/drawdown_of_most")
    return Test(Bound("the same with the full conditions, three of four runs", 0.004, "at least"), values, needed=True)
