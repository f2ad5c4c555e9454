from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from geomem.solvers.gradient_flow import Course
from geomem.studies.deep_linear_dynamics.hierarchy import level_halves, levels_of, run_hierarchy, spectra
from geomem.studies.deep_linear_dynamics.settings import Hierarchy
from geomem.training.progress import silent
from geomem.training.work import Work

QUICK = Hierarchy(branching=(2, 2, 2), features=400, hidden=16, draws=3, step=2e-3, time=1.0)


def test_the_spectrum_is_that_of_the_tree() -> None:
    numbers, rows = spectra(QUICK, 0)
    assert numbers["spectrum/error"] < 1e-10
    assert 0 < numbers["spectrum/drawn_error"] < 0.2
    drawn = [row.value for row in rows if row.metric == "spectrum/eigenvalue" and not row.condition]
    assert drawn == sorted(drawn, reverse=True)


def test_levels_come_in_order_of_singular_values() -> None:
    assert levels_of(torch.tensor([1, 1, 2])).tolist() == [0, 1, 2, 2]


def test_half_times_are_of_the_mean_strength_and_of_levels_that_have_modes() -> None:
    seen = torch.tensor([[0.0, 0.0, 0.0], [4.0, 0.0, 1.0], [4.0, 1.0, 3.0]], dtype=torch.float64)
    course = Course(torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64), seen, [])
    s = torch.tensor([4.0, math.nan, 2.0], dtype=torch.float64)
    found = level_halves(course, torch.tensor([0, 2, 2]), s)
    assert found[0] == pytest.approx(0.5)
    assert math.isnan(found[1])
    assert found[2] == pytest.approx(1 + 1 / 3)


def test_the_work_learns_the_tree_from_the_root_down() -> None:
    work = Work(function="x:y", settings={"hierarchy": QUICK.model_dump(mode="json")})
    found = run_hierarchy(work, None, silent)  # pyright: ignore[reportArgumentType]
    halves = [row.value for row in found.rows if row.metric == "stages/half_time" and not row.condition]
    assert halves == sorted(halves)
    assert found.numbers["stages/smallest_wait"] == pytest.approx(min(b - a for a, b in pairwise(halves)))
    assert found.numbers["stages/variation"] < 0.1
    told = [row.value for row in found.rows if row.metric == "stages/half_time" and row.condition == "theory"]
    assert halves == pytest.approx(told, rel=0.1)
    assert float(found.arrays["stages/linear"][-1].min()) > 0.95, "all levels are learned at the end"


def test_a_level_without_modes_is_left_out() -> None:
    work = Work(function="x:y", settings={"hierarchy": QUICK.model_copy(update={"branching": (2, 1, 2)}).model_dump()})
    found = run_hierarchy(work, None, silent)  # pyright: ignore[reportArgumentType]
    assert all(math.isfinite(value) for value in found.numbers.values())
