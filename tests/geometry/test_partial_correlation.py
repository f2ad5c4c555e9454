from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geomem.errors import InputError
from geomem.geometry.partial_correlation import partial


def _data(count: int = 400, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    drawn = np.random.default_rng(seed).standard_normal((4, count))
    given = np.stack([drawn[0], drawn[1] * 100], 1)
    x = drawn[0] + 0.5 * drawn[1] + drawn[2]
    y = 2 * x - 3 * drawn[0] + 1.5 * drawn[3]
    return torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(given)


def test_it_is_the_correlation_of_residuals_and_the_coefficient_of_the_regression() -> None:
    x, y, given = _data()
    design = np.column_stack([np.ones(len(x)), given.numpy()])
    rest = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x.numpy(), y.numpy())]
    whole = np.linalg.lstsq(np.column_stack([design, x.numpy()]), y.numpy(), rcond=None)[0]
    found = partial(x, y, given)
    assert found.correlation.value == pytest.approx(stats.pearsonr(*rest).statistic)
    assert found.slope.value == pytest.approx(whole[-1])
    assert found.count == found.clusters == 400


def test_without_covariates_it_is_pearsons_and_the_simple_slope() -> None:
    x, y, _ = _data()
    found, plain = partial(x, y), stats.linregress(x.numpy(), y.numpy())
    assert found.correlation.value == pytest.approx(plain.rvalue)
    assert found.slope.value == pytest.approx(plain.slope)
    student = stats.t.ppf(0.975, 398) * plain.stderr
    assert found.slope.high - found.slope.low == pytest.approx(2 * student, rel=0.15)


def test_the_interval_covers() -> None:
    inside = 0
    for seed in range(40):
        x, y, given = _data(150, seed)
        slope = partial(x, y, given, seed=seed).slope
        inside += slope.low <= 2.0 <= slope.high
    assert inside >= 33  # 38 are expected of 40; below 33 has a probability under one per cent


def test_clusters_widen_the_interval() -> None:
    x, y, given = _data(100)
    many = [torch.cat([part] * 5) for part in (x, y, given)]
    repeated = partial(*many, clusters=torch.arange(100).repeat(5))  # type: ignore[misc]
    alone, fooled = partial(x, y, given), partial(*many)  # type: ignore[misc]
    assert repeated.slope.value == pytest.approx(alone.slope.value)
    assert repeated.clusters == 100
    wide, narrow = (one.slope.high - one.slope.low for one in (repeated, fooled))
    assert wide == pytest.approx(alone.slope.high - alone.slope.low, rel=0.2)
    assert narrow < 0.6 * wide


@given(shift=st.floats(-100, 100), scale=st.floats(0.01, 100))
@settings(max_examples=15, deadline=None)
def test_units_do_not_matter(shift: float, scale: float) -> None:
    x, y, given = _data(60)
    one, other = partial(x, y, given), partial(scale * x + shift, y - shift, given)
    assert other.correlation.value == pytest.approx(one.correlation.value, abs=1e-9)
    assert other.slope.value == pytest.approx(one.slope.value / scale, rel=1e-9)


def test_constant_and_dependent_covariates_are_no_trouble() -> None:
    x, y, given = _data()
    more = torch.cat([given, torch.ones(len(x), 1), given[:, :1] * 2], dim=1)
    assert partial(x, y, more).slope.value == pytest.approx(partial(x, y, given).slope.value)


def test_what_does_not_vary_beside_the_others_has_no_correlation() -> None:
    x, y, given = _data()
    assert math.isnan(partial(given[:, 0], y, given).correlation.value)
    assert math.isnan(partial(torch.ones(len(x)), y).slope.value)
    with pytest.raises(InputError, match="three"):
        partial(x[:2], y[:2])
    with pytest.raises(InputError, match="finite"):
        partial(x, y.masked_fill(torch.arange(len(y)) == 3, -torch.inf))
