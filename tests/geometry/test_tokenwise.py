from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge

from geomem.errors import InputError
from geomem.geometry.tokenwise import (
    KINDS,
    fit_affine_update,
    fit_diagonal,
    fit_low_rank,
    fit_orthogonal,
    fit_tokenwise,
)
from tests.geometry.samples import normal, rotation
from tests.geometry.test_token_bank import bank_of

X, NEW = normal(300, 6) * 3 + 1, normal(40, 6, seed=9) * 3 + 1


def test_diagonal_against_scikit_learn() -> None:
    y = normal(300, 6, seed=1) + X * torch.linspace(-1, 2, 6)
    found = fit_diagonal(X, y)
    for column in range(6):
        oracle = LinearRegression().fit(X[:, [column]].numpy(), y[:, column].numpy())
        assert float(found.weight[column, column]) == pytest.approx(oracle.coef_[0])
        assert float(found.bias[column]) == pytest.approx(oracle.intercept_)
    assert torch.equal(found.weight, found.weight.diag().diag())


def test_a_coordinate_that_never_varies_is_passed_on() -> None:
    x = X.clone()
    x[:, 2] = 4
    found = fit_diagonal(x, x + 1)
    assert torch.allclose(found(x), x + 1)
    assert float(found.weight[2, 2]) == 1


def test_affine_against_scikit_learn() -> None:
    y = X + X @ normal(6, 6, seed=1) + normal(300, 6, seed=2)
    oracle = Ridge(alpha=1e-2).fit(X.numpy(), (y - X).numpy())
    expected = NEW + torch.from_numpy(oracle.predict(NEW.numpy()))
    assert torch.allclose(fit_affine_update(X, y)(NEW), expected)
    assert torch.allclose(fit_low_rank(X, y, 6)(NEW), expected)


def test_low_rank_against_the_singular_values_of_the_fitted_values() -> None:
    y = X + X @ normal(6, 6, seed=1) + normal(300, 6, seed=2)
    update, centred = y - X, X - X.mean(0)
    oracle = Ridge(alpha=1e-2).fit(X.numpy(), update.numpy())
    fitted = torch.from_numpy(oracle.predict(X.numpy())) - update.mean(0)
    left, singular, right = torch.linalg.svd(fitted, full_matrices=False)
    found = fit_low_rank(X, y, 2)
    assert torch.linalg.matrix_rank(found.weight - torch.eye(6, dtype=torch.float64)) == 2
    cut = left[:, :2] * singular[:2] @ right[:2]
    assert torch.allclose(centred @ (found.weight - torch.eye(6, dtype=torch.float64)), cut, atol=1e-8)


def test_a_planted_low_rank_update_is_found_exactly() -> None:
    y = X + X @ normal(6, 2, seed=1) @ normal(2, 6, seed=2) + normal(6, seed=3)
    assert torch.allclose(fit_low_rank(X, y, 2)(NEW), NEW + NEW @ normal(6, 2, seed=1) @ normal(2, 6, seed=2)
                          + normal(6, seed=3), atol=1e-3)  # fmt: skip


def test_a_turned_and_scaled_stream_is_found_by_procrustes() -> None:
    turn = rotation(6)
    found = fit_orthogonal(X, 0.7 * X @ turn + 5)
    assert torch.allclose(found(NEW), 0.7 * NEW @ turn + 5)
    noisy = fit_orthogonal(X, X @ normal(6, 6, seed=1))
    scaled = noisy.weight @ noisy.weight.T
    assert torch.allclose(scaled, scaled[0, 0] * torch.eye(6, dtype=torch.float64), atol=1e-8)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "lowrank_16"])
def test_every_class_maps_new_tokens(kind: str) -> None:
    bank = bank_of(X.float(), (X * 1.5 + 2).float())
    new = bank_of(NEW.float(), torch.zeros_like(NEW).float(), first_window=30)
    entering = new.entering.clone()
    found = fit_tokenwise(kind, bank)(new)
    assert found.dtype == torch.float64
    assert torch.equal(new.entering, entering)
    # The scaled stream is in every class.
    assert float((found - (NEW * 1.5 + 2)).norm() / (NEW * 0.5 + 2).norm()) < 0.25


def test_names() -> None:
    bank = bank_of(X, X + 1)
    assert torch.allclose(fit_tokenwise("lowrank_3", bank)(bank), X + 1)
    with pytest.raises(InputError, match="unknown tokenwise class 'affin'; did you mean 'affine'"):
        fit_tokenwise("affin", bank)
    with pytest.raises(InputError, match="lowrank_7: the rank must not exceed the width 6"):
        fit_tokenwise("lowrank_7", bank)
    with pytest.raises(InputError, match="needs a bank of at least 2 tokens, got 1"):
        fit_tokenwise("affine", bank_of(X[:1], X[:1]))
