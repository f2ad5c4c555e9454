from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.intrinsic_dimension import (
    isotropic_nearest,
    mle,
    nearest_distances,
    two_nn,
    two_nn_line,
)
from tests.geometry.samples import normal, rotation


def flat(count: int, dimension: int, width: int, seed: int = 0) -> Tensor:
    """A uniform cube of few dimensions, turned into many."""
    cube = torch.rand(count, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return cube @ rotation(width, seed=seed)[:dimension]


def sphere(count: int, dimension: int, width: int) -> Tensor:
    points = normal(count, dimension + 1)
    return points / points.norm(dim=1, keepdim=True) @ rotation(width)[: dimension + 1]


def swiss_roll(count: int) -> Tensor:
    along, across = torch.rand(2, count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turn = 1.5 * math.pi * (1 + 2 * along)
    return torch.stack([turn * turn.cos(), 21 * across, turn * turn.sin()], dim=1)


@pytest.mark.parametrize(
    ("points", "dimension"),
    [(flat(1500, 1, 8), 1), (flat(1500, 3, 30), 3), (sphere(1500, 2, 20), 2), (swiss_roll(2000), 2)],
    ids=["line", "cube", "sphere", "swiss roll"],
)
def test_dimensions_of_known_manifolds(points: Tensor, dimension: int) -> None:
    nearest = nearest_distances(points)
    assert two_nn(nearest).value == pytest.approx(dimension, rel=0.1)
    assert two_nn_line(nearest) == pytest.approx(dimension, rel=0.1)
    assert mle(nearest).value == pytest.approx(dimension, rel=0.1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("points", [normal(500, 5), normal(400, 60) + 3], ids=["narrow", "wide"])
def test_against_scikit_dimension(points: Tensor, dtype: torch.dtype) -> None:
    import skdim

    nearest = nearest_distances(points.to(dtype))
    assert two_nn(nearest).value == pytest.approx(skdim.id.TwoNN(method="mle").fit(points.numpy()).dimension_, rel=1e-5)
    assert two_nn_line(nearest) == pytest.approx(skdim.id.TwoNN().fit(points.numpy()).dimension_, rel=1e-5)
    assert mle(nearest).value == pytest.approx(skdim.id.MLE().fit(points.numpy(), n_neighbors=20).dimension_, rel=1e-5)


def test_distances_against_brute_force() -> None:
    x = normal(300, 700)  # wide enough for several chunks
    expected = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").sort(dim=1).values[:, 1:8]
    assert torch.allclose(nearest_distances(x, 7).distances, expected, rtol=1e-12)


def test_close_pairs_far_from_zero_keep_their_digits() -> None:
    x = normal(400, 12)
    x[200:] = x[:200] + 1e-3 * normal(200, 12, seed=1)
    x[:, 3] += 1000
    shifted = x.float()
    expected = nearest_distances(shifted.double())
    found = nearest_distances(shifted)
    assert torch.allclose(found.distances, expected.distances, rtol=1e-4)
    assert mle(found).value == pytest.approx(mle(expected).value, rel=1e-5)


def test_equal_tokens_count_once() -> None:
    x = normal(300, 4)
    x[0, 0] = 0.0
    copies = torch.cat([x, x.flip(0)])
    copies[-1, 0] = -0.0
    nearest = nearest_distances(copies)
    assert nearest.rows.tolist() == list(range(300))
    assert two_nn(nearest).value == pytest.approx(two_nn(nearest_distances(x)).value, rel=1e-9)
    assert mle(nearest).points == 300


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-3, 1e3))
def test_scale_shift_and_rotation_change_nothing(seed: int, scale: float) -> None:
    x = normal(120, 6, seed=seed)
    plain, moved = nearest_distances(x), nearest_distances(scale * x @ rotation(6, seed=seed) + 7)
    assert two_nn(moved).value == pytest.approx(two_nn(plain).value, rel=1e-6)
    assert two_nn_line(moved) == pytest.approx(two_nn_line(plain), rel=1e-6)
    assert mle(moved).value == pytest.approx(mle(plain).value, rel=1e-6)


def test_intervals_are_near_the_spread_of_independent_samples() -> None:
    drawn = [nearest_distances(normal(300, 4, seed=seed)) for seed in range(100)]
    for estimate, most in ((two_nn, 1.35), (mle, 1.5)):
        found = [estimate(nearest) for nearest in drawn]
        said = np.mean([(one.high - one.low) / (2 * 1.96) for one in found])
        assert 0.8 < np.std([one.value for one in found]) / said < most


def test_two_nn_interval_in_closed_form() -> None:
    from scipy.stats import chi2

    nearest = nearest_distances(normal(200, 3), 2)
    logs = np.sort(np.log((nearest.distances[:, 1] / nearest.distances[:, 0]).numpy()))
    exposure = logs[:180].sum() + 20 * logs[179]
    found = two_nn(nearest)
    assert found.value == pytest.approx(179 / exposure)
    assert (found.low, found.high) == pytest.approx(
        (chi2.ppf(0.025, 360) / 2 / exposure, chi2.ppf(0.975, 360) / 2 / exposure)
    )


def test_windows_of_single_tokens_give_the_same_intervals() -> None:
    nearest = nearest_distances(flat(1500, 3, 5))
    alone = torch.arange(1500)
    by_window, closed = two_nn(nearest, alone), two_nn(nearest)
    assert by_window.value == closed.value
    assert by_window.high - by_window.low == pytest.approx(closed.high - closed.low, rel=0.1)
    assert mle(nearest, alone) == mle(nearest)


def test_windows_that_differ_widen_the_intervals() -> None:
    # Half of the windows lie on a line, half fill a cube: what varies is the window.
    line = torch.zeros(600, 3, dtype=torch.float64)
    line[:, 0] = flat(600, 1, 1)[:, 0]
    x = torch.cat([line, 5 + flat(600, 3, 3, seed=1)])
    windows = torch.arange(12).repeat_interleave(100)
    nearest = nearest_distances(x)
    for estimate in (two_nn, mle):
        narrow, wide = estimate(nearest), estimate(nearest, windows)
        assert wide.value == narrow.value
        assert wide.high - wide.low > 1.7 * (narrow.high - narrow.low)


def test_windows_follow_their_rows_when_copies_are_dropped() -> None:
    x = normal(60, 3)
    doubled, windows = x.repeat_interleave(2, dim=0), torch.arange(12).repeat_interleave(10)
    found, expected = mle(nearest_distances(doubled), windows), mle(nearest_distances(x), windows[::2])
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_tokens_have_no_dimension(count: int) -> None:
    nearest = nearest_distances(normal(count, 4))
    found = two_nn(nearest)
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert found.points == count
    assert math.isnan(two_nn_line(nearest))
    assert math.isnan(mle(nearest).value) == (count < 3)


def test_equal_tokens_have_no_dimension() -> None:
    nearest = nearest_distances(torch.ones(50, 4))
    assert (nearest.distances.shape, mle(nearest).points) == ((1, 0), 1)
    assert math.isnan(two_nn(nearest).value)


def test_fewer_tokens_than_neighbours() -> None:
    assert nearest_distances(normal(9, 2)).distances.shape == (9, 8)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_tokens_that_are_not_finite(value: float) -> None:
    x = normal(10, 3)
    x[4, 1] = value
    with pytest.raises(InputError, match="NaN or infinite values, so that they have no distances"):
        nearest_distances(x)


def test_chance_level_is_far_below_the_width() -> None:
    first, again = isotropic_nearest(400, 100, 5), isotropic_nearest(400, 100, 5)
    assert torch.equal(first.distances, again.distances)
    assert not torch.equal(first.distances, isotropic_nearest(400, 100, 5, seed=1).distances)
    assert 15 < mle(first).value < 70
    assert mle(isotropic_nearest(400, 2, 5)).value == pytest.approx(2, rel=0.15)
