from __future__ import annotations

from typing import Any

import pytest

from geomem.errors import RunError
from geomem.studies.claim import Verdict, combine
from geomem.studies.representation_phases import predicates
from geomem.studies.representation_phases.course import RANKME, alignment
from geomem.studies.representation_phases.settings import LAPTOP
from tests.studies.geometric_memory.samples import Made


def verdict(judge: Any, numbers: dict[str, Any], condition: str) -> Verdict:
    evidence = Made({(condition, metric): values for metric, values in numbers.items()}, LAPTOP)  # pyright: ignore
    return combine([test.verdict() for test in judge(evidence)])


def toy(**changes: list[float]) -> dict[str, list[float]]:
    """Numbers of two seeds that meet every bound; a change holds for one condition, as in `wider__drawdown_largest`."""
    numbers: dict[str, list[float]] = {}
    for name in ("tilt-0", "tilt-0.2", "tilt-0.3", "wider", "squared-error", "plain-start", "uniform-counts"):
        good = {"dip_step_latest": 16.0, "dip_depth_least": 0.1, "drawdown_of_most": 0.005, "identity_error": 1e-9,
                "drawdown_largest": 0.006 if name.startswith("tilt") else 1e-5}  # fmt: skip
        numbers |= {f"{name}/{metric}": [value, value] for metric, value in good.items()}
    return numbers | {name.replace("__", "/"): values for name, values in changes.items()}


@pytest.mark.parametrize(
    ("judge", "change", "value"),
    [
        (predicates.toy_dip, "tilt-0.3/dip_step_latest", 60.0),
        (predicates.toy_dip, "tilt-0/dip_depth_least", 0.0),
        (predicates.toy_fall, "tilt-0.2/drawdown_of_most", 0.0039),
        (predicates.toy_wider, "wider/drawdown_largest", 6e-4),
        (predicates.toy_squared_error, "squared-error/drawdown_largest", 6e-4),
        (predicates.toy_plain_start, "plain-start/drawdown_largest", 6e-4),
        (predicates.identity, "plain-start/identity_error", 0.011),
    ],
)
def test_claims_about_the_toy_can_fail(judge: Any, change: str, value: float) -> None:
    assert verdict(judge, toy(), predicates.TOY) == "supported"
    assert verdict(judge, toy() | {change: [value, value]}, predicates.TOY) == "contradicted"
    assert verdict(judge, toy() | {change: [value, toy()[change][1]]}, predicates.TOY) == "inconclusive"


def test_a_control_says_nothing_where_the_toy_itself_does_not_fall() -> None:
    still = toy() | {"tilt-0.2/drawdown_of_most": [0.001, 0.001]}
    for judge in (predicates.toy_wider, predicates.toy_squared_error, predicates.toy_plain_start):
        assert verdict(judge, still, predicates.TOY) == "inconclusive"


@pytest.mark.parametrize(
    ("change", "value"), [("power-law/error", 0.02), ("isotropic/rankme", 63.4), ("rank-1/rankme", 1.02)]
)
def test_the_gate_of_the_metrics_can_fail(change: str, value: float) -> None:
    good = {"power-law/error": [1e-12], "isotropic/rankme": [63.9], "rank-1/rankme": [1.0]}
    assert verdict(predicates.planted, good, predicates.PLANTED) == "supported"
    assert verdict(predicates.planted, good | {change: [value]}, predicates.PLANTED) == "contradicted"


def courses(*values: float) -> list[dict[int, float]]:
    """Two seeds at steps 0, 50, 100, 500."""
    return [dict(zip((0, 50, 100, 500), values, strict=True))] * 2


def test_collapse_and_rise_are_counted_from_the_end_of_the_warm_up() -> None:
    good, flat, late = courses(50, 3, 5, 20), courses(50, 49, 48, 47), courses(50, 3, 36, 40)
    for judge, met in ((predicates.collapse, (True, False, False)), (predicates.rise, (True, False, False))):
        found = [verdict(judge, {RANKME: one}, predicates.COURSE) for one in (good, flat, late)]
        assert found == ["supported" if one else "contradicted" for one in met]


def test_memorisation_is_a_gain_from_step_100_to_the_largest_value() -> None:
    name = alignment(5)
    rising, falling = courses(0.0, 0.3, 0.1, 0.31), courses(0.0, 0.9, 0.1, 0.29)
    assert verdict(predicates.memorisation, {name: rising}, predicates.COURSE) == "supported"
    assert verdict(predicates.memorisation, {name: falling}, predicates.COURSE) == "contradicted"


def test_a_model_alone_or_another_series_leaves_the_claims_open() -> None:
    alone = Made({(predicates.COURSE, "text/sequences"): [9.0]}, LAPTOP)  # pyright: ignore[reportArgumentType]
    with pytest.raises(RunError, match="a course needs a run with checkpoints/step-\\*, one model has none"):
        predicates.collapse(alone)
    other = Made({(predicates.COURSE, RANKME): [{0: 9.0, 7: 1.0}]}, LAPTOP)  # pyright: ignore[reportArgumentType]
    with pytest.raises(RunError, match="no checkpoint of step 100; there are: 0, 7"):
        predicates.collapse(other)
    with pytest.raises(RunError, match="no checkpoint at or after step 100; the last is 7"):
        predicates.rise(other)
