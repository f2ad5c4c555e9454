from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from geomem.errors import InputError
from geomem.geometry.linear_maps import AffineFit, fit_affine, relative_errors, ridge_weights
from tests.geometry.samples import normal


def test_ridge_against_scikit_learn() -> None:
    x, y = normal(60, 8) * torch.logspace(-1, 2, 8) + 5, normal(60, 3, seed=1)
    oracle = Ridge(alpha=2.5).fit(x.numpy(), y.numpy())
    found = fit_affine(x, y, penalty=2.5)
    assert torch.allclose(found.weight, torch.from_numpy(oracle.coef_.T), atol=1e-10)
    assert torch.allclose(found(x), torch.from_numpy(oracle.predict(x.numpy())), atol=1e-10)


def test_an_affine_relation_is_found() -> None:
    x, weight, bias = normal(200, 6), normal(6, 4, seed=1), normal(4, seed=2)
    found = fit_affine(x, x @ weight + bias)
    assert torch.allclose(found.weight, weight, atol=1e-3)
    assert torch.allclose(found.bias, bias, atol=1e-3)
    assert found.to(torch.float32)(x).dtype == torch.float32


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), cut=st.integers(1, 49), offset=st.sampled_from([0.0, 3e3]))
def test_streaming_and_merging_equal_one_fit(seed: int, cut: int, offset: float) -> None:
    x, y = normal(50, 5, seed=seed), normal(50, 7, seed=seed + 1)
    x[:, 0] += offset
    expected = fit_affine(x, y, penalty=0.5)
    one, two = AffineFit(5, 7), AffineFit(5, 7)
    one.update(x[:cut], y[:cut])
    two.update(x[cut:], y[cut:])
    one.merge_state(two)
    found = one.fitted(0.5)
    assert torch.allclose(found.weight, expected.weight, atol=1e-7)
    assert torch.allclose(found.bias, expected.bias, atol=1e-3 if offset else 1e-8)
    weight, _ = one.compute()
    assert torch.equal(weight, one.fitted().weight)


def test_float32_rows_with_a_massive_coordinate() -> None:
    x, y = normal(4000, 12).float(), normal(4000, 5, seed=1).float()
    x[:, 3] = 3000 + x[:, 3]
    y += x[:, :5]
    exact, fit = fit_affine(x, y), AffineFit(12, 5)
    for rows, goal in zip(x.split(512), y.split(512), strict=True):
        fit.update(rows, goal)
    found = fit.fitted()
    assert torch.allclose(found.weight, exact.weight, rtol=1e-5, atol=1e-5)
    assert torch.allclose(found(x.double()), exact(x.double()), atol=1e-4)


def test_rounding_that_makes_a_gram_matrix_singular() -> None:
    gram = torch.full((2, 2), 1e20, dtype=torch.float64)  # the penalty is lost in rounding
    found = ridge_weights(gram, torch.tensor([[1e20], [1e20]], dtype=torch.float64))
    assert torch.allclose(found, torch.full((2, 1), 0.5, dtype=torch.float64))


def test_relative_errors() -> None:
    actual = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert relative_errors(actual + torch.tensor([0.0, 1.0]), actual).tolist() == pytest.approx([0.2, 1e6])
    assert relative_errors(normal(2, 3, 4), normal(2, 3, 4)).shape == (2, 3)


def test_bad_input() -> None:
    fit = AffineFit(3, 2)
    with pytest.raises(InputError, match="at least one token"):
        fit.fitted()
    with pytest.raises(InputError, match=r"expected \(3, 2\) wide, got \(2, 2\)"):
        fit.update(normal(4, 2), normal(4, 2))
