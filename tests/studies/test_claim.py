from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from geomem.errors import RunError
from geomem.studies.claim import Bound, Claim, Test, combine, deciding, judge

ABOVE = Bound("accuracy", 0.5, "at least")
NAN = math.nan


@pytest.mark.parametrize(
    ("side", "below", "equal", "above"),
    [
        ("at least", False, True, True),
        ("above", False, False, True),
        ("at most", True, True, False),
        ("below", True, False, False),
    ],
)
def test_the_four_sides_of_a_bound(side: Any, below: bool, equal: bool, above: bool) -> None:
    bound = Bound("x", 0.5, side)
    assert [bound.met(value) for value in (0.4, 0.5, 0.6)] == [below, equal, above]
    assert not bound.met(NAN)
    assert bound.text() == f"x {side} 0.5"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({0: 0.9}, "supported"),
        ({0: 0.9, 1: 0.5, 2: 0.6}, "supported"),
        ({0: 0.1, 1: 0.2}, "contradicted"),
        ({0: 0.9, 1: 0.1}, "inconclusive"),
        ({}, "inconclusive"),
        ({0: NAN}, "inconclusive"),
        ({0: 0.9, 1: NAN}, "inconclusive"),
        ({0: 0.1, 1: NAN}, "inconclusive"),
        ({0: math.inf}, "supported"),
        ({0: -math.inf}, "contradicted"),
    ],
)
def test_every_seed_is_a_witness(values: dict[int, float], verdict: str) -> None:
    assert Test(ABOVE, values).verdict() == verdict


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8))
def test_the_interval_is_students(values: list[float]) -> None:
    mean, low, high = Test(ABOVE, dict(enumerate(values))).interval()
    error = stats.sem(values)
    assert mean == pytest.approx(sum(values) / len(values), abs=1e-9)
    if error > 1e-9:
        expected = stats.t.interval(0.95, len(values) - 1, loc=mean, scale=error)
        assert (low, high) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert low <= mean <= high


def test_the_interval_of_one_seed_is_a_point_and_of_none_is_nothing() -> None:
    assert Test(ABOVE, {3: 0.25}).interval() == (0.25, 0.25, 0.25)
    assert Test(ABOVE, {3: 0.25, 4: NAN}).interval() == (0.25, 0.25, 0.25)
    assert all(math.isnan(value) for value in Test(ABOVE, {3: NAN}).interval())


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "inconclusive"),
        (["supported", "supported"], "supported"),
        (["supported", "inconclusive"], "inconclusive"),
        (["inconclusive", "contradicted"], "contradicted"),
        (["supported", "contradicted"], "contradicted"),
    ],
)
def test_the_worst_test_decides(verdicts: Any, expected: str) -> None:
    assert combine(verdicts) == expected


class _Evidence:
    cells = {("trained", 0): None}  # noqa: RUF012


def _claim(judged: Any) -> Claim:
    return Claim("C", "A statement.", "where", "what", "experiment", "why", judged)


def test_a_claim_whose_experiment_was_not_run_says_how_to_run_it() -> None:
    assert judge(_claim(lambda _e: []), None) == ("not run", [], "run it with --experiment experiment")


def test_a_claim_whose_evidence_is_missing_is_inconclusive_and_says_so() -> None:
    def missing(_evidence: Any) -> list[Test]:
        raise RunError("no finished run of condition 'frozen'")

    evidence: Any = _Evidence()
    assert judge(_claim(missing), evidence) == ("inconclusive", [], "no finished run of condition 'frozen'")


def test_one_seed_is_noted() -> None:
    evidence: Any = _Evidence()
    tests = [Test(ABOVE, {0: 0.9})]
    assert judge(_claim(lambda _e: tests), evidence) == ("supported", tests, "one seed only")
    two = [Test(ABOVE, {0: 0.9, 1: 0.8})]
    assert judge(_claim(lambda _e: two), evidence)[2] == ""


def test_a_condition_of_the_experiment_that_is_missed_never_contradicts() -> None:
    bound = Bound("training leaves answered by the control", 0.95, "at least")
    missed = {0: 0.1, 1: 0.2}
    assert Test(bound, missed).verdict() == "contradicted"
    assert Test(bound, missed, needed=True).verdict() == "inconclusive"
    assert Test(bound, {0: 0.99, 1: 1.0}, needed=True).verdict() == "supported"
    assert combine(["supported", Test(bound, missed, needed=True).verdict()]) == "inconclusive"


def test_the_number_shown_is_the_claim_s_own_unless_its_condition_failed() -> None:
    condition = Bound("learned", 0.95, "at least")
    met, missed = (Test(condition, {0: value, 1: value}, needed=True) for value in (0.99, 0.5))
    good, bad = (Test(ABOVE, {0: value, 1: value}) for value in (0.9, -1.0))
    assert deciding([met, good]) is good
    assert deciding([met, good, bad]) is bad
    assert deciding([missed, bad]) is bad
    assert deciding([good, missed]) is missed
    assert deciding([met]) is met
    assert deciding([]) is None
