from __future__ import annotations

import numpy as np
import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.marchenko_pastur import isotropic_eigenvalues, isotropic_rankme, isotropic_spectrum
from geomem.geometry.spectrum import FUNCTIONALS, covariance_eigenvalues, participation_ratio
from tests.geometry.samples import normal


@pytest.mark.parametrize(
    ("count", "width", "tolerance"), [(900, 64, 0.01), (65, 64, 0.015), (40, 90, 0.04), (60, 8, 0.03)]
)
def test_chance_levels_against_simulation(count: int, width: int, tolerance: float) -> None:
    draws = [covariance_eigenvalues(normal(count, width, seed=seed)) for seed in range(40)]
    expected = isotropic_eigenvalues(count, width)
    for name, function in FUNCTIONALS.items():
        found = np.mean([float(function(values)) for values in draws])
        assert float(function(expected)) == pytest.approx(found, rel=tolerance, nan_ok=True), name


def test_eigenvalues_in_closed_form() -> None:
    values = isotropic_eigenvalues(2001, 500)
    ratio = 500 / 2000
    scale = 2000 / 2001
    assert float(values.sum()) == pytest.approx(500 * scale, rel=1e-9)
    # The second moment of the law is 1 + ratio, and its support ends at (1 +- sqrt(ratio))^2.
    assert float(values.square().mean()) == pytest.approx((1 + ratio) * scale**2, rel=1e-3)
    assert float(values[0]) == pytest.approx(1.5**2 * scale, rel=0.03)
    assert float(values[-1]) == pytest.approx(0.5**2 * scale, rel=0.03)
    assert torch.all(values.diff() <= 0)


@pytest.mark.parametrize(("count", "width"), [(400, 100), (100, 400), (101, 100), (5000, 3)])
def test_rankme_and_participation_ratio_in_closed_form(count: int, width: int) -> None:
    spectrum = isotropic_spectrum(count, width)
    assert spectrum.rankme == pytest.approx(isotropic_rankme(count, width), rel=3e-3)
    expected = (count - 1) * width / (count - 1 + width)
    assert float(participation_ratio(spectrum.eigenvalues)) == pytest.approx(expected, rel=3e-3)
    assert spectrum.anisotropy == 0
    assert int((spectrum.eigenvalues > 0).sum()) == min(count - 1, width)


def test_one_dimension_and_two_tokens() -> None:
    assert isotropic_eigenvalues(50, 1).tolist() == pytest.approx([0.98])
    assert isotropic_eigenvalues(2, 3).tolist() == pytest.approx([1.5, 0, 0])


@pytest.mark.parametrize(("count", "width"), [(1, 4), (5, 0)])
def test_sizes_without_a_chance_level(count: int, width: int) -> None:
    with pytest.raises(InputError, match="at least 2 tokens and 1 dimension"):
        isotropic_eigenvalues(count, width)
