from __future__ import annotations

from typing import Any

import pytest

from geomem.errors import RunError
from geomem.studies.claim import Verdict, combine
from geomem.studies.linguistic_collapse import predicates
from geomem.studies.linguistic_collapse.course import LOSS
from geomem.studies.linguistic_collapse.predicates import CDNV, COURSE, GATES, NC4
from geomem.studies.linguistic_collapse.settings import LAPTOP
from tests.studies.geometric_memory.samples import Made


def made(condition: str, numbers: dict[str, Any]) -> Made:
    return Made({(condition, metric): values for metric, values in numbers.items()}, LAPTOP)  # pyright: ignore


def verdict(judge: Any, condition: str, numbers: dict[str, Any]) -> Verdict:
    return combine([test.verdict() for test in judge(made(condition, numbers))])


GOOD = {
    "simplex/etf_error": 1e-8, "simplex/norm_cov": 1e-9, "simplex/log_kernel_cov": 1e-9, "simplex/cdnv": 0.0,
    "simplex/nc4": 1.0, "simplex/dual_cosine": 1.0, "scaling/unchanged": 1e-15, "scaling/squared": 1e-15,
    "shift/unchanged": 1e-12, "random/log_kernel": -0.342, "random/log_kernel_cov": 0.19, "random/dual_cosine": 0.002,
}  # fmt: skip


@pytest.mark.parametrize(
    ("judge", "change", "value"),
    [
        (predicates.simplex, "simplex/etf_error", 1e-5),
        (predicates.simplex, "simplex/cdnv", 1e-5),
        (predicates.simplex, "simplex/nc4", 0.99),
        (predicates.simplex, "simplex/dual_cosine", 0.99),
        (predicates.invariance, "scaling/unchanged", 1e-5),
        (predicates.invariance, "scaling/squared", 1e-5),
        (predicates.invariance, "shift/unchanged", 1e-5),
        (predicates.random_means, "random/log_kernel", -0.33),
        (predicates.random_means, "random/log_kernel_cov", 0.24),
        (predicates.random_means, "random/log_kernel_cov", 0.12),
        (predicates.random_means, "random/dual_cosine", -0.02),
    ],
)
def test_gates_can_fail(judge: Any, change: str, value: float) -> None:
    good = {name: [number, number] for name, number in GOOD.items()}
    assert verdict(judge, GATES, good) == "supported"
    assert verdict(judge, GATES, good | {change: [value, value]}) == "contradicted"


def courses(*values: float) -> list[dict[int, float]]:
    """Two seeds at steps 0, 50, 100, 500."""
    return [dict(zip((0, 50, 100, 500), values, strict=True))] * 2


def test_the_cdnv_at_the_end_is_compared_with_step_100() -> None:
    assert verdict(predicates.variability, COURSE, {CDNV: courses(5, 4, 3, 1.4)}) == "supported"
    assert verdict(predicates.variability, COURSE, {CDNV: courses(9, 1, 3, 1.6)}) == "contradicted"


def test_agreement_at_the_end_is_compared_with_the_start() -> None:
    assert verdict(predicates.agreement, COURSE, {NC4: courses(0.01, 0.3, 0.1, 0.021)}) == "supported"
    assert verdict(predicates.agreement, COURSE, {NC4: courses(0.01, 0.3, 0.1, 0.019)}) == "contradicted"
    assert verdict(predicates.agreement, COURSE, {NC4: courses(0.0, 0.3, 0.1, 0.1)}) == "supported"


def test_loss_and_cdnv_must_fall_together() -> None:
    losses = courses(7, 6, 5, 4)
    assert verdict(predicates.loss, COURSE, {LOSS: losses, CDNV: courses(9, 8, 2, 1)}) == "supported"
    assert verdict(predicates.loss, COURSE, {LOSS: losses, CDNV: courses(2, 9, 3, 1)}) == "contradicted"


def test_a_model_alone_leaves_the_claims_open() -> None:
    with pytest.raises(RunError, match="a course needs a run with checkpoints/step-\\*, one model has none"):
        predicates.variability(made(COURSE, {"text/contexts": [3.0]}))
    with pytest.raises(RunError, match="no checkpoint of step 100; there are: 0, 7"):
        predicates.variability(made(COURSE, {CDNV: [{0: 9.0, 7: 1.0}]}))
