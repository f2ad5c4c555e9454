from __future__ import annotations

import pytest
import torch

from geomem.studies.deep_linear_dynamics.modes import decoupled, run_modes, small_random, unbalanced
from geomem.studies.deep_linear_dynamics.settings import Modes, Unbalanced
from geomem.training.progress import silent
from geomem.training.work import Work

QUICK = Modes(step=4e-3, stds=(1e-2, 1e-3))


def test_decoupled_modes_stay_apart_and_near_their_sigmoids() -> None:
    numbers, rows, arrays = decoupled(QUICK, 0)
    assert numbers["sigmoid/error"] < 0.02
    assert numbers["sigmoid/halving"] == pytest.approx(0.5, abs=0.05)
    assert numbers["sigmoid/off_diagonal"] < 1e-10
    halves = [row.value for row in rows if row.metric == "sigmoid/half_time" and not row.condition]
    theory = [row.value for row in rows if row.metric == "sigmoid/half_time" and row.condition == "theory"]
    assert halves == pytest.approx(theory, rel=0.02)
    assert arrays["sigmoid/strengths"].shape == (len(arrays["sigmoid/times"]), 4)


def test_the_unbalanced_time_is_that_of_the_card() -> None:
    found = unbalanced(Unbalanced(step=1e-3))
    assert found["unbalanced/theory"] == pytest.approx(1.58803, abs=5e-6)
    assert found["unbalanced/error"] < 1e-4
    assert unbalanced(Unbalanced(step=0.3))["unbalanced/error"] > 1e-4, "coarse steps must be seen"


def test_starts_read_off_the_weights_beat_one_fitted_start() -> None:
    numbers, rows = small_random(QUICK, 1e-3, 3)
    assert numbers["read_error"] < numbers["fitted_error"] < 0.1
    fitted = [row.value for row in rows if row.metric == "random/0.001/fitted_ratio"]
    assert fitted[0] == pytest.approx(1), "the first mode decides the fit"
    assert numbers["fitted_error"] == pytest.approx(max(abs(one - 1) for one in fitted[1:]))


def test_the_work_names_everything() -> None:
    told = {"modes": QUICK.model_dump(mode="json"), "unbalanced": Unbalanced(step=1e-3).model_dump(mode="json")}
    found = run_modes(Work(function="x:y", settings=told), None, silent)  # pyright: ignore[reportArgumentType]
    assert {name.partition("/")[0] for name in found.numbers} == {"sigmoid", "unbalanced", "random"}
    errors = [found.numbers[f"random/{std:g}/fitted_error"] for std in QUICK.stds]
    assert found.numbers["random/improvement"] == pytest.approx(errors[1] / errors[0])
    assert all(torch.as_tensor(list(found.numbers.values())).isfinite())
