from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.tokenwise import fit_affine_update
from geomem.geometry.tokenwise_knn import fit_knn, intercept_weights
from tests.geometry.samples import normal
from tests.geometry.test_token_bank import bank_of


def by_hand(x: Tensor, u: Tensor, new: Tensor, k: int, q: int, ridge: float) -> Tensor:
    """One token at a time: neighbours by scikit-learn, ridge regression with an unpenalised intercept by its system."""
    directions = torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:q].T
    _, found = NearestNeighbors(n_neighbors=k).fit(x.numpy()).kneighbors(new.numpy())
    rows = []
    for token, near in zip(new, found, strict=True):
        local = ((x[near] - token) @ directions).numpy()
        penalty = ridge * k * local.var(0).mean()
        design = np.hstack([np.ones((k, 1)), local])
        system = design.T @ design + np.diag([0.0] + [penalty] * q)
        solution = np.linalg.solve(system, design.T @ u[near].numpy())
        rows.append(token + torch.from_numpy(solution[0]))
    return torch.stack(rows)


@pytest.mark.parametrize("ridge", [0.1, 3.0])
def test_against_one_token_at_a_time(ridge: float) -> None:
    x, y, new = normal(200, 10) * torch.linspace(3, 0.5, 10), normal(200, 10, seed=1), normal(30, 10, seed=2)
    y = y + x.sin()
    predict = fit_knn(bank_of(x, y), neighbours=20, directions=4, ridge=ridge)
    found = predict(bank_of(new, new, first_window=50))
    assert torch.allclose(found, by_hand(x, y - x, new, 20, 4, ridge), atol=1e-8)


def test_a_smooth_update_is_followed_where_an_affine_map_is_not() -> None:
    x, new = normal(3000, 3), normal(50, 3, seed=1)
    predict = fit_knn(bank_of(x, x + x.square()), directions=3)
    found = predict(bank_of(new, new, first_window=1000)) - new
    affine = fit_affine_update(x, x + x.square())(new) - new
    assert float((found - new.square()).norm()) < 0.2 * float((affine - new.square()).norm())


def test_the_own_window_is_left_out() -> None:
    x = normal(60, 5)
    bank = bank_of(x, normal(60, 5, seed=1))
    found = fit_knn(bank, neighbours=5)(bank)
    for window in range(6):
        inside = bank.windows == window
        rest, own = ~inside, inside
        predict = fit_knn(bank, neighbours=5)
        # With the updates of the own window changed, its own predictions stay.
        changed = bank_of(x, torch.where(inside[:, None], bank.leaving + 100, bank.leaving))
        again = fit_knn(changed, neighbours=5)(bank)
        assert torch.allclose(again[own], found[own])
        assert not torch.allclose(again[rest], found[rest])
        assert torch.equal(predict(bank), found)


def test_the_same_token_is_left_out_when_asked() -> None:
    # Two copies of every token, in two windows each: its copy is always the nearest.
    x, u = normal(40, 5), normal(40, 5, seed=1)
    bank = bank_of(torch.cat([x, x]), torch.cat([x + u, x + u]))
    bank = type(bank)(bank.entering, bank.leaving, torch.arange(80) % 40, bank.windows)
    plain = fit_knn(bank, neighbours=1, directions=1)(bank) - bank.entering
    assert torch.allclose(plain, torch.cat([u, u]))
    other = fit_knn(bank, neighbours=1, directions=1, other_tokens=True)(bank) - bank.entering
    assert not bool(torch.isclose(other, torch.cat([u, u])).all(1).any())


def test_neighbours_in_one_place_give_their_mean() -> None:
    local = torch.ones(2, 4, 3, dtype=torch.float64)
    assert torch.allclose(intercept_weights(local, 0.1), torch.full((2, 4), 0.25, dtype=torch.float64))
    rounded = local + 1e-15 * normal(2, 4, 3)
    assert torch.allclose(intercept_weights(rounded, 0.1), torch.full((2, 4), 0.25, dtype=torch.float64))
    weights = intercept_weights(normal(5, 8, 3), 0.1)
    assert torch.allclose(weights.sum(1), torch.ones(5, dtype=torch.float64))


def test_bad_input() -> None:
    bank = bank_of(normal(30, 4), normal(30, 4))
    with pytest.raises(InputError, match="a map from 64 neighbours needs a bank of at least 64 tokens, got 30"):
        fit_knn(bank)
    with pytest.raises(InputError, match="a token has fewer than 25 tokens of the bank left to it"):
        fit_knn(bank, neighbours=25)(bank)
