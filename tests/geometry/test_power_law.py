from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from geomem.geometry.moments import Moments
from geomem.geometry.power_law import alpha_req, fit_window, power_law_exponent
from geomem.geometry.spectrum import covariance_eigenvalues, decompose
from tests.geometry.clouds import power_law
from tests.geometry.samples import normal


@pytest.mark.parametrize(("width", "first", "last"), [(300, 12, 100), (64, 5, 32)])
def test_alpha_against_a_dense_weighted_fit(width: int, first: int, last: int) -> None:
    x = normal(800, width) * power_law(width, 0.7) + 2
    ratios = PCA(svd_solver="full").fit(x.numpy()).explained_variance_ratio_
    ranks = np.arange(first, last + 1)
    # polyfit weighs residuals before they are squared, so a weight of 1 / rank enters as its root.
    line = np.polyfit(np.log(ranks), np.log(ratios[ranks - 1]), 1, w=np.sqrt(1 / ranks))
    r2 = r2_score(np.log(ratios[ranks - 1]), np.polyval(line, np.log(ranks)))
    moments = Moments(width)
    moments.update(x.float())
    for values, tolerance in ((covariance_eigenvalues(x), 1e-9), (decompose(moments).eigenvalues, 1e-5)):
        found = alpha_req(values)
        assert float(power_law_exponent(values)) == found.alpha
        assert (found.first_rank, found.last_rank) == (first, last)
        assert found.alpha == pytest.approx(-line[0], rel=tolerance)
        assert found.r2 == pytest.approx(r2, rel=tolerance)


@pytest.mark.parametrize(
    ("rank", "window"), [(768, (12, 100)), (128, (12, 100)), (127, (5, 63)), (14, (5, 7)), (13, (0, 0)), (0, (0, 0))]
)
def test_the_window_of_the_fit(rank: int, window: tuple[int, int]) -> None:
    assert fit_window(rank) == window


def test_alpha_without_enough_ranks_is_not_a_number() -> None:
    found = alpha_req(power_law(10, 1.0))
    assert math.isnan(found.alpha)
    assert math.isnan(found.r2)
    assert power_law_exponent(power_law(10, 1.0)).isnan()


def test_a_flat_spectrum_has_alpha_zero() -> None:
    found = alpha_req(torch.ones(40, dtype=torch.float64))
    assert (found.alpha, found.r2) == (0, 1)


def test_order_and_zeros_do_not_matter() -> None:
    values = power_law(40, 0.9)
    mixed = torch.cat([values.flip(0), torch.zeros(300, dtype=torch.float64)])
    assert alpha_req(mixed) == alpha_req(values)
