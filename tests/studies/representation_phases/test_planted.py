from __future__ import annotations

import pytest
import torch

from geomem.seeding import torch_generator
from geomem.studies.representation_phases.planted import eigenvalues, power_law, run_planted
from geomem.studies.representation_phases.settings import Planted
from geomem.training.progress import silent
from geomem.training.work import Work


@pytest.mark.parametrize("exponent", [0.5, 1.5])
def test_planted_rows_have_the_planted_spectrum(exponent: float) -> None:
    rows = power_law(exponent, 96, torch_generator(0, "here"))
    expected = torch.arange(1, 97, dtype=torch.float64).pow(-exponent)
    torch.testing.assert_close(eigenvalues(rows), expected, rtol=1e-9, atol=0)
    assert rows.mean(0).abs().max() < 1e-12


def test_the_gate_of_the_metrics_is_met() -> None:
    planted = Planted()
    work = Work(function="x:y", settings={"planted": planted.model_dump(mode="json")})
    found = run_planted(work, None, silent).numbers  # pyright: ignore[reportArgumentType]
    assert found["isotropic/rankme"] > 63.5
    assert found["rank-1/rankme"] < 1.01
    assert found["power-law/error"] < 0.01
    assert {f"power-law/{exponent:g}/{width}" for exponent in planted.exponents for width in planted.widths} < set(
        found
    )
