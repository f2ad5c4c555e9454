from __future__ import annotations

import torch

from geomem.studies.deep_linear_dynamics.control import run_control
from geomem.studies.deep_linear_dynamics.settings import Control, Modes
from geomem.training.progress import silent
from geomem.training.work import Work


def test_one_matrix_has_one_rate_and_two_have_stages() -> None:
    told = {"control": Control(step=1e-2).model_dump(mode="json"), "modes": Modes().model_dump(mode="json")}
    found = run_control(Work(function="x:y", settings=told), None, silent)  # pyright: ignore[reportArgumentType]
    assert found.numbers["single/spread"] < 0.02
    assert found.numbers["double/spread"] > 1
    shares = found.arrays["single/strengths"]
    assert float((shares.max(1).values - shares.min(1).values).max()) < 2e-3
    assert float(found.arrays["double/strengths"][-1].min()) > 0.95
    torch.testing.assert_close(found.arrays["single/times"], found.arrays["double/times"])
