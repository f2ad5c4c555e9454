"""The predicates behind the claims: evidence to tests."""

from __future__ import annotations

from geomem.studies.claim import Bound, Test
from geomem.studies.deep_linear_dynamics.settings import Settings
from geomem.studies.evidence import Evidence

MODES, DEPTH, STARTS, HIERARCHY, CONTROL = "modes", "depths", "starts", "hierarchy", "control"
NEXT_TOKEN, OWN = "next-token", "own"
"""Conditions of the cells."""


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def sigmoid(evidence: Evidence) -> list[Test]:
    """Ask for the sigmoids, and for the error of a first-order method: half the step, half the error."""
    halving = evidence.measured(MODES, "sigmoid/halving")
    return [
        Test(Bound("largest |u - theory| / s", 0.01, "below"), evidence.measured(MODES, "sigmoid/error")),
        Test(Bound("error at half the learning rate / error", 0.6, "at most"), halving),
        Test(Bound("error at half the learning rate / error", 0.4, "at least"), halving),
    ]


def unbalanced(evidence: Evidence) -> list[Test]:
    """Ask for the time of the closed form."""
    return [Test(Bound("relative error of the time", 1e-4, "below"), evidence.measured(MODES, "unbalanced/error"))]


def small_random(evidence: Evidence) -> list[Test]:
    """Ask for half-times near those of a fitted sigmoid, the nearer the smaller the weights."""
    tests = [
        Test(
            Bound(f"largest error of a half-time, weights of size {std:g}", 0.1, "below"),
            evidence.measured(MODES, f"random/{std:g}/fitted_error"),
        )
        for std in _settings(evidence).modes.stds
    ]
    falls = Bound("error / error at the next larger size, the largest of these", 1.0, "below")
    return [*tests, Test(falls, evidence.measured(MODES, "random/improvement"))]


def read_off(evidence: Evidence) -> list[Test]:
    """Ask for half-times near those told from the initial weights, without a fit."""
    return [
        Test(
            Bound(f"largest error of a half-time, weights of size {std:g}", 0.1, "below"),
            evidence.measured(MODES, f"random/{std:g}/read_error"),
        )
        for std in _settings(evidence).modes.stds
    ]


def integral(evidence: Evidence) -> list[Test]:
    """Ask for the integral at every depth, and for times that rise towards the limit and stay below it."""
    rise = Bound("smallest rise of D t from one depth to the next, and to the limit", 0.0, "above")
    return [
        Test(Bound("largest relative error of the time", 1e-4, "below"), evidence.measured(DEPTH, "depth/error")),
        Test(rise, evidence.measured(DEPTH, "depth/smallest_rise")),
    ]


def matrices(evidence: Evidence) -> list[Test]:
    """Ask of full matrices what the equation of one mode says."""
    return [Test(Bound("largest |u - theory| / s", 5e-3, "below"), evidence.measured(DEPTH, "matrices/error"))]


def orthogonal(evidence: Evidence) -> list[Test]:
    """Compare the iterations of the deepest orthogonal network with those of the middle depth."""
    depths = _settings(evidence).starts.depths
    words = f"iterations at depth {depths[-1]} / at depth {depths[len(depths) // 2 - 1]}"
    return [Test(Bound(words, 1.5, "below"), evidence.measured(STARTS, "starts/orthogonal_growth"))]


def gaussian(evidence: Evidence) -> list[Test]:
    """Compare the deepest Gaussian network with the orthogonal one."""
    words = f"iterations at depth {_settings(evidence).starts.depths[-1]}, Gaussian / orthogonal"
    return [Test(Bound(words, 2.0, "above"), evidence.measured(STARTS, "starts/gaussian_over_orthogonal"))]


def spectrum(evidence: Evidence) -> list[Test]:
    """Ask for the eigenvalues of the tree."""
    return [
        Test(
            Bound("largest error against the exact covariance", 1e-10, "below"),
            evidence.measured(HIERARCHY, "spectrum/error"),
        ),
        Test(
            Bound("largest relative error of drawn features", 0.05, "below"),
            evidence.measured(HIERARCHY, "spectrum/drawn_error"),
        ),
    ]


def stages(evidence: Evidence) -> list[Test]:
    """Ask for levels learned from the root down, each in a time inverse to its singular value."""
    return [
        Test(
            Bound("shortest wait from one level to the next", 0.0, "above"),
            evidence.measured(HIERARCHY, "stages/smallest_wait"),
        ),
        Test(
            Bound("coefficient of variation of s × half-time over levels", 0.1, "below"),
            evidence.measured(HIERARCHY, "stages/variation"),
        ),
    ]


def control(evidence: Evidence) -> list[Test]:
    """Ask for one rate of all modes in a single matrix, and for stages in two."""
    return [
        Test(Bound("spread of half-times, one matrix", 0.02, "below"), evidence.measured(CONTROL, "single/spread")),
        Test(
            Bound("spread of half-times, two matrices", 0.02, "above"),
            evidence.measured(CONTROL, "double/spread"),
            needed=True,
        ),
    ]


def support_order(evidence: Evidence) -> list[Test]:
    """Ask for larger singular values of the centred support to be learned sooner."""
    words = "rank correlation of singular value and time, modes of the centred support"
    return [Test(Bound(words, -0.5, "at most"), evidence.measured(NEXT_TOKEN, "next-token/order"))]
