from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.moments import Directions, Moments
from tests.geometry.samples import normal


def moments_of(*parts: Tensor) -> Moments:
    moments = Moments(parts[0].shape[1])
    for part in parts:
        moments.update(part)
    return moments


def directions_of(*parts: Tensor) -> Directions:
    directions = Directions(parts[0].shape[1])
    for part in parts:
        directions.update(part)
    return directions


@pytest.mark.parametrize(("count", "width"), [(1, 1), (7, 1), (50, 3), (40, 130), (2500, 301)])
def test_moments_equal_numpy(count: int, width: int) -> None:
    x = normal(count, width) * 3 + 5
    moments = moments_of(x)
    mean, covariance = moments.mean(), moments.covariance()
    assert np.allclose(mean, x.numpy().mean(0), rtol=1e-12)
    assert np.allclose(covariance, np.atleast_2d(np.cov(x.numpy().T, bias=True)), rtol=1e-9, atol=1e-11)
    assert torch.equal(covariance, covariance.T)
    assert np.allclose(moments.second_moment(), x.T @ x / count, rtol=1e-11)


@settings(deadline=None, max_examples=20)
@given(cuts=st.lists(st.integers(0, 60), max_size=4), seed=st.integers(0, 99))
def test_any_cut_of_the_stream_gives_the_same(cuts: list[int], seed: int) -> None:
    x = normal(60, 5, seed=seed) + 100
    edges = [0, *sorted(cuts), 60]
    parts = [x[start:end] for start, end in pairwise(edges)]
    whole, cut = moments_of(x), moments_of(*parts)
    assert torch.allclose(cut.covariance(), whole.covariance(), rtol=1e-10, atol=1e-10)
    assert torch.allclose(cut.mean(), whole.mean(), rtol=1e-13)
    assert int(cut.count) == 60


@pytest.mark.parametrize("kind", [Moments, Directions])
def test_halves_merge_to_the_whole(kind: type[Moments | Directions]) -> None:
    x = normal(500, 12) + 2
    whole, first, second = kind(12), kind(12), kind(12)
    whole.update(x)
    first.update(x[:200])
    first.compute()
    second.update(x[200:])
    first.merge_state(second)
    for name, state in whole.metric_state.items():
        assert torch.allclose(first.metric_state[name], state, rtol=1e-12), name
    expected, found = whole.compute(), first.compute()
    for one, other in zip(expected, found, strict=True) if isinstance(expected, tuple) else [(expected, found)]:
        assert torch.allclose(one, other, rtol=1e-10), "a value computed before the merge must not be kept"


def test_massive_activations_cost_no_accuracy() -> None:
    # Three coordinates with a mean of 1000 to 3000 times their spread, as residual streams have.
    x = (normal(6000, 48) + torch.tensor([3000.0, -1000, 2000] + [0.1] * 45, dtype=torch.float64)).float()
    found = moments_of(*x.split(1500)).covariance()
    expected = torch.from_numpy(np.cov(x.double().numpy().T, bias=True))
    scale = expected.diagonal().sqrt()
    assert ((found - expected) / torch.outer(scale, scale)).abs().max() < 1e-6
    assert torch.allclose(torch.linalg.eigvalsh(found), torch.linalg.eigvalsh(expected), rtol=1e-6)
    raw = (x.T @ x / len(x)).double() - torch.outer(x.mean(0).double(), x.mean(0).double())
    assert ((raw - expected) / torch.outer(scale, scale)).abs().max() > 1e-2, "the plain way loses the variance"


def test_a_huge_direction_leaves_the_others_right_to_1e_8_of_it() -> None:
    x = (normal(4000, 64) @ torch.linalg.qr(normal(64, 64, seed=3)).Q).float()
    x = x + 300 * normal(4000, 1, seed=1).float() * torch.ones(64) / 8
    found = torch.linalg.eigvalsh(moments_of(x).covariance())
    expected = torch.linalg.eigvalsh(moments_of(x.double()).covariance())
    assert (found - expected).abs().max() < 1e-7 * float(expected[-1])
    assert torch.allclose(found, expected, rtol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_multiplied_in_float32(dtype: torch.dtype) -> None:
    x = normal(300, 20).to(dtype)
    assert torch.allclose(moments_of(x).covariance(), moments_of(x.double()).covariance(), rtol=1e-5, atol=1e-6)
    assert float(directions_of(x).compute()) == pytest.approx(float(directions_of(x.double()).compute()), abs=1e-6)


def test_states_are_float64_sums_on_the_way() -> None:
    moments = moments_of(normal(10, 4).float())
    assert {name: state.dtype for name, state in moments.metric_state.items()} == {
        "count": torch.int64,
        "total": torch.float64,
        "products": torch.float64,
    }
    moments.reset()
    assert int(moments.count) == 0


def test_the_input_is_left_alone() -> None:
    x = normal(30, 4).float()
    before = x.clone()
    moments_of(x)
    directions_of(x)
    assert torch.equal(x, before)


def test_anisotropy_is_the_mean_cosine_of_distinct_pairs() -> None:
    x = normal(200, 6) + 0.7
    unit = x / x.norm(dim=1, keepdim=True)
    cosines = unit @ unit.T
    expected = float((cosines.sum() - cosines.trace()) / (200 * 199))
    found = directions_of(x[:70], x[70:])
    assert float(found.compute()) == pytest.approx(expected, rel=1e-12)
    assert torch.allclose(found.mean_direction(), unit.mean(0))
    assert float(found.mean_length()) == pytest.approx(float(x.norm(dim=1).mean()))


def test_a_zero_token_has_cosine_zero_with_all() -> None:
    x = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    assert float(directions_of(x).compute()) == pytest.approx(2 / 6)


def test_many_parallel_float32_tokens_stay_parallel() -> None:
    x = torch.full((5000, 7), 0.1)
    assert float(directions_of(x).compute()) == pytest.approx(1, abs=1e-6)


def test_one_token_has_no_pair() -> None:
    assert directions_of(normal(1, 3)).compute().isnan()


def test_bad_input_is_told_in_one_line() -> None:
    for metric in (Moments(4), Directions(4)):
        with pytest.raises(InputError, match="this layer is 4 wide, got rows of 3 numbers"):
            metric.update(normal(5, 3))
        metric.update(normal(0, 4))
        with pytest.raises(InputError, match="at least one token, none was given"):
            metric.compute()
