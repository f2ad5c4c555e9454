from __future__ import annotations

import math
from typing import Any

import pytest

from geomem.studies.claim import Verdict, combine
from geomem.studies.deep_linear_dynamics import predicates
from geomem.studies.deep_linear_dynamics.predicates import CONTROL, DEPTH, HIERARCHY, MODES, NEXT_TOKEN, STARTS
from geomem.studies.deep_linear_dynamics.settings import LAPTOP
from tests.studies.geometric_memory.samples import Made

GOOD = {
    MODES: {
        "sigmoid/error": 0.003, "sigmoid/halving": 0.5, "unbalanced/error": 1e-6, "random/improvement": 0.7,
        **{f"random/{std:g}/{kind}_error": 0.05 for std in LAPTOP.modes.stds for kind in ("fitted", "read")},
    },
    DEPTH: {"depth/error": 1e-6, "depth/smallest_rise": 0.1, "matrices/error": 7e-4},
    STARTS: {"starts/orthogonal_growth": 1.2, "starts/gaussian_over_orthogonal": 9.0},
    HIERARCHY: {
        "spectrum/error": 1e-14, "spectrum/drawn_error": 0.02, "stages/smallest_wait": 0.03, "stages/variation": 0.03,
    },
    NEXT_TOKEN: {"next-token/order": -0.95},
    CONTROL: {"single/spread": 0.001, "double/spread": 1.2},
}  # fmt: skip


def verdict(judge: Any, numbers: dict[str, dict[str, float]]) -> Verdict:
    made = {(name, metric): [value, value] for name, some in numbers.items() for metric, value in some.items()}
    return combine([test.verdict() for test in judge(Made(made, LAPTOP))])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("judge", "condition", "metric", "bad", "expected"),
    [
        (predicates.sigmoid, MODES, "sigmoid/error", 0.011, "contradicted"),
        (predicates.sigmoid, MODES, "sigmoid/halving", 0.7, "contradicted"),
        (predicates.sigmoid, MODES, "sigmoid/halving", 0.25, "contradicted"),
        (predicates.unbalanced, MODES, "unbalanced/error", 2e-4, "contradicted"),
        (predicates.small_random, MODES, "random/0.01/fitted_error", 0.12, "contradicted"),
        (predicates.small_random, MODES, "random/0.0001/fitted_error", 0.12, "contradicted"),
        (predicates.small_random, MODES, "random/improvement", 1.1, "contradicted"),
        (predicates.read_off, MODES, "random/0.001/read_error", 0.12, "contradicted"),
        (predicates.read_off, MODES, "random/0.001/read_error", math.nan, "inconclusive"),
        (predicates.integral, DEPTH, "depth/error", 2e-4, "contradicted"),
        (predicates.integral, DEPTH, "depth/smallest_rise", -0.01, "contradicted"),
        (predicates.matrices, DEPTH, "matrices/error", 6e-3, "contradicted"),
        (predicates.orthogonal, STARTS, "starts/orthogonal_growth", 1.6, "contradicted"),
        (predicates.gaussian, STARTS, "starts/gaussian_over_orthogonal", 1.5, "contradicted"),
        (predicates.spectrum, HIERARCHY, "spectrum/error", 1e-9, "contradicted"),
        (predicates.spectrum, HIERARCHY, "spectrum/drawn_error", 0.06, "contradicted"),
        (predicates.stages, HIERARCHY, "stages/smallest_wait", -0.01, "contradicted"),
        (predicates.stages, HIERARCHY, "stages/variation", 0.2, "contradicted"),
        (predicates.support_order, NEXT_TOKEN, "next-token/order", -0.4, "contradicted"),
        (predicates.control, CONTROL, "single/spread", 0.03, "contradicted"),
        (predicates.control, CONTROL, "double/spread", 0.01, "inconclusive"),
    ],
)
def test_every_threshold_can_fail(judge: Any, condition: str, metric: str, bad: float, expected: str) -> None:
    assert verdict(judge, GOOD) == "supported"
    assert verdict(judge, GOOD | {condition: GOOD[condition] | {metric: bad}}) == expected
