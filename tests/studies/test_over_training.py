from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geomem.errors import RunError
from geomem.studies.over_training import at, best, by_step, course, first_above, from_step, over_training
from tests.studies.geometric_memory.samples import Made

COURSES = [{0: 1.0, 10: 5.0}, {0: 2.0, 10: 7.0}]


def made(**numbers: list[Any]) -> Made:
    return Made({("c", name): values for name, values in numbers.items()})


def test_a_number_a_seed_is_combined_from_courses() -> None:
    evidence = made(a=COURSES, b=[{0: 1.0, 10: 1.0}] * 2)
    found = over_training(evidence, "c", lambda one, two: one[10] - two[0], "a", "b")
    assert found == {0: 4.0, 1: 6.0}
    assert course(evidence, "c", 1, "a") == COURSES[1]


def test_when_a_level_is_exceeded() -> None:
    found = {0: 0.1, 10: 0.9, 20: 0.95, 30: 0.2}
    assert first_above(found, 0.9) == 20.0
    assert first_above(found, 0.95) == float("inf")
    assert best(found) == 0.95


def test_a_seed_that_diverged_counts_as_lost(tmp_path: Path) -> None:
    evidence = made(a=COURSES)
    evidence.ended = {("c", 2): None, ("d", 3): None}  # type: ignore[assignment, dict-item]  # pyright: ignore
    found = over_training(evidence, "c", lambda one: at(one, 10), "a")
    assert found[0] == 5.0
    assert str(found[2]) == "nan"
    assert list(found) == [0, 1, 2]


def test_steps_that_are_not_there_are_named() -> None:
    with pytest.raises(RunError, match="no checkpoint of step 5; there are: 0, 10"):
        at(COURSES[0], 5)
    assert from_step(COURSES[0], 1) == [5.0]
    with pytest.raises(RunError, match="no checkpoint at or after step 11; the last is 10"):
        from_step(COURSES[0], 11)
    with pytest.raises(RunError, match="'b' was not measured in condition 'c' of made-up; a course needs a run"):
        course(made(a=COURSES), "c", 0, "b")


def test_curves_have_the_range_of_the_seeds() -> None:
    (line,) = by_step(made(a=COURSES), "c", "a", "words", dashed=True)
    assert (line.name, line.x, line.y, line.dashed) == ("words", (0, 10), (1.5, 6.0), True)
    assert (line.low, line.high) == ((1.0, 5.0), (2.0, 7.0))
    assert by_step(made(a=COURSES), "c", "b", "words") == []


def test_steps_on_a_logarithmic_axis_leave_out_the_start() -> None:
    from geomem.runs.exhibits import Series
    from geomem.studies.over_training import log_steps

    found = log_steps(Series(name="a", x=(0, 1, 7, 100), y=(3, 4, 4, 5), low=(2, 3, 3, 4), high=None, dashed=True))
    assert found.x == (0, 0.845098, 2)  # six digits, as on the disk
    assert found.y == (4, 4, 5)
    assert found.low == (3, 3, 4)
    assert found.high is None
    assert found.dashed
