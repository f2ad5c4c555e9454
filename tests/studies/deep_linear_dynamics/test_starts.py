from __future__ import annotations

import pytest
import torch

from geomem.solvers.gradient_flow import follow, product
from geomem.studies.deep_linear_dynamics.settings import Starts
from geomem.studies.deep_linear_dynamics.starts import KINDS, begin, best_iterations, run_starts
from geomem.studies.deep_linear_dynamics.watch import bases
from geomem.training.progress import silent
from geomem.training.work import Work

QUICK = Starts(width=6, spectrum=(2.0, 1.0), depths=(2, 4), rates=(0.05, 0.3, 60.0), budget=400)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [2, 7])
def test_all_starts_have_one_size(kind: str, depth: int) -> None:
    left, right = bases(6, 6, 2, 0)
    weights = begin(kind, QUICK, depth, left, right, 0)
    assert len(weights) == depth
    assert float(product(weights).norm()) == pytest.approx(0.1 * 6**0.5)
    values = torch.linalg.svdvals(product(weights))
    if kind == "orthogonal":
        torch.testing.assert_close(values, torch.full((6,), 0.1).double())
    if kind == "decoupled":
        assert float(values[2]) < 1e-12
        strengths = left.T @ product(weights) @ right
        torch.testing.assert_close(strengths, float(values[0]) * torch.eye(2, dtype=torch.float64))


def test_iterations_are_those_of_the_best_rate() -> None:
    left, right = bases(6, 6, 2, 0)
    target = (left * torch.tensor(QUICK.spectrum)) @ right.T
    weights = begin("orthogonal", QUICK, 3, left, right, 0)
    found = best_iterations(weights, target, QUICK)

    def alone(rate: float) -> int:
        course = follow(weights, target, step=rate / 3, steps=QUICK.budget)
        loss = (course.seen - target).square().sum((1, 2))
        return int((loss <= QUICK.goal * loss[0]).int().argmax())

    # The rate of 60 diverges and must not disturb the others.
    assert found == min(alone(0.05), alone(0.3))
    assert best_iterations(weights, target, QUICK.model_copy(update={"budget": 5})) == 5


def test_the_work_counts_every_kind_and_depth() -> None:
    work = Work(function="x:y", settings={"starts": QUICK.model_dump(mode="json")})
    found = run_starts(work, None, silent)  # pyright: ignore[reportArgumentType]
    counted = {(row.metric, row.layer): row.value for row in found.rows}
    assert {key for key in counted if not key[0].endswith("spread")} == {
        (f"starts/{kind}", depth) for kind in KINDS for depth in (2, 4)}  # fmt: skip
    assert counted["starts/orthogonal/spread", 4] == pytest.approx(1)
    growth = counted["starts/orthogonal", 4] / counted["starts/orthogonal", 2]
    assert found.numbers["starts/orthogonal_growth"] == growth
    ratio = counted["starts/gaussian", 4] / counted["starts/orthogonal", 4]
    assert found.numbers["starts/gaussian_over_orthogonal"] == ratio
