from __future__ import annotations

import math

import pytest
import torch

from geomem.seeding import torch_generator
from geomem.studies.linguistic_collapse.gates import (
    SAMPLES,
    UNCHANGED,
    random_numbers,
    report,
    run_gates,
    scaling_errors,
    shift_errors,
    simplex,
    simplex_numbers,
)
from geomem.studies.linguistic_collapse.settings import Gates
from geomem.training.progress import silent
from geomem.training.work import Work


@pytest.mark.parametrize("classes", [3, 8])
def test_corners_of_a_simplex_are_as_far_apart_as_can_be(classes: int) -> None:
    corners = simplex(classes, torch_generator(0, "here"))
    assert corners.shape == (classes, classes - 1)
    expected = torch.full((classes, classes), -1 / (classes - 1), dtype=torch.float64).fill_diagonal_(1)
    torch.testing.assert_close(corners @ corners.T, expected)
    assert not torch.allclose(corners, simplex(classes, torch_generator(1, "here")))


def test_the_gate_of_the_simplex_is_met() -> None:
    found = simplex_numbers(8, torch_generator(0, "here"))
    assert max(found[name] for name in ("cdnv", "norm_cov", "etf_error", "log_kernel_cov")) < 1e-6
    assert found["nc4"] == 1
    assert found["dual_cosine"] == pytest.approx(1, abs=1e-9)


def test_states_off_the_corners_do_not_pass() -> None:
    corners = simplex(8, torch_generator(0, "here"))
    noise = torch.randn(8 * SAMPLES, 7, generator=torch_generator(0, "noise"), dtype=torch.float64)
    found = report(corners.repeat(SAMPLES, 1) + noise, corners, rows=corners.flip(0))
    assert found["cdnv"].value > 0.1
    assert found["etf_error"].value > 0.05
    assert found["nc4"].value < 1
    assert found["dual_cosine"].value < 0.5


def test_scale_and_shift_change_what_they_may() -> None:
    assert max(scaling_errors(3.0, torch_generator(0, "here")).values()) < 1e-9
    assert max(shift_errors(torch_generator(0, "here")).values()) < 1e-6
    assert "cdnv_squared" not in UNCHANGED


def test_random_means_have_the_numbers_of_random_directions() -> None:
    found = random_numbers(1000, 64, torch_generator(0, "here"))
    assert found["log_kernel"] == pytest.approx(-0.5 * math.log(2), abs=0.01)
    assert found["log_kernel_cov"] == pytest.approx(0.18, abs=0.05)
    assert abs(found["dual_cosine"]) < 0.01


def test_the_work_names_every_gate() -> None:
    work = Work(function="x:y", settings={"gates": Gates(classes=100).model_dump(mode="json")})
    found = run_gates(work, None, silent).numbers  # pyright: ignore[reportArgumentType]
    assert {name.partition("/")[0] for name in found} == {"simplex", "scaling", "shift", "random"}
    other = run_gates(work.model_copy(update={"seed": 1}), None, silent)  # pyright: ignore[reportArgumentType]
    assert found["random/log_kernel"] != other.numbers["random/log_kernel"]
