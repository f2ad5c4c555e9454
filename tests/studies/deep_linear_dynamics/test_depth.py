from __future__ import annotations

import pytest

from geomem.studies.deep_linear_dynamics.depth import full_matrices, run_depths, timed
from geomem.studies.deep_linear_dynamics.settings import Depths
from geomem.training.progress import silent
from geomem.training.work import Work

QUICK = Depths(depths=(1, 2, 4, 30), steps=100, step=4e-3)


@pytest.mark.parametrize("depth", [1, 3, 20])
def test_a_simulated_time_is_the_integral(depth: int) -> None:
    found, exact = timed(QUICK, depth)
    assert found == pytest.approx(exact, rel=1e-4)


def test_full_matrices_come_nearer_with_the_step() -> None:
    coarse, arrays = full_matrices(QUICK, 0)
    fine, _ = full_matrices(QUICK.model_copy(update={"step": 2e-3}), 0)
    assert fine / coarse == pytest.approx(0.5, abs=0.1)
    assert arrays["matrices/strengths"].shape[1] == 4


def test_the_work_rises_to_the_limit() -> None:
    work = Work(function="x:y", settings={"depths": QUICK.model_dump(mode="json")})
    found = run_depths(work, None, silent)  # pyright: ignore[reportArgumentType]
    assert found.numbers["depth/limit"] == pytest.approx(6.2091, abs=5e-5)
    times = [row.value for row in found.rows if row.metric == "depth/time" and not row.condition]
    assert times == pytest.approx([2.944, 2.944, 3.816, 5.746], abs=2e-3)
    assert found.numbers["depth/smallest_rise"] == pytest.approx(6.2091 - 5.7456, abs=1e-3)
    assert found.numbers["depth/last_gap"] == pytest.approx(1 - 5.7456 / 6.2091, abs=1e-3)
