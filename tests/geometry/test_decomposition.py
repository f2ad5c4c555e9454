from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from geomem.geometry.decomposition import (
    decompose,
    leading_directions,
    rank_correlation,
    rotated_residuals,
    share_inside,
    token_means,
    window_sums,
)
from geomem.geometry.tokenwise import fit_affine_update
from tests.geometry.samples import normal

WINDOWS = torch.arange(400) // 20


def test_against_the_definitions_token_by_token() -> None:
    u, predicted = normal(400, 8).numpy(), normal(400, 8, seed=1).numpy()
    predicted += u
    found = decompose(torch.from_numpy(u), torch.from_numpy(predicted), WINDOWS, directions=3)
    r = u - predicted

    def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)

    basis = np.linalg.svd(predicted, full_matrices=False)[2][:3]

    def share(v: np.ndarray) -> float:
        return float((np.linalg.norm(v @ basis.T, axis=1) ** 2 / np.linalg.norm(v, axis=1) ** 2).mean())

    errors = np.linalg.norm(r, axis=1) / np.linalg.norm(u, axis=1)
    assert np.allclose(found.errors, errors)
    assert np.allclose(found.residual_norms, np.linalg.norm(r, axis=1))
    assert found.align_t.value == pytest.approx(cosine(u, predicted).mean())
    assert found.align_r.value == pytest.approx(cosine(u, r).mean())
    assert found.angle_t.value == pytest.approx(math.degrees(math.acos(cosine(u, predicted).mean())))
    assert found.error.value == pytest.approx(errors.mean())
    assert found.pi_u.value == pytest.approx(share(u))
    assert found.pi_r.value == pytest.approx(share(r))
    assert found.r2.value == pytest.approx(1 - (r**2).sum() / ((u - u.mean(0)) ** 2).sum())
    for name in ("align_t", "align_r", "angle_t", "angle_r", "r2", "error", "pi_u", "pi_r"):
        estimate = getattr(found, name)
        assert estimate.low < estimate.value < estimate.high, name


def test_a_planted_residual_is_found_as_such() -> None:
    # u = x A + residual, the residual in its own directions and independent of x.
    x, noise = normal(4000, 8), normal(4000, 8, seed=1)
    matrix = torch.zeros(8, 8, dtype=torch.float64)
    matrix[:, :4] = normal(8, 4, seed=2)
    noise[:, :4] = 0
    u = x @ matrix + noise
    predicted = fit_affine_update(x, x + u)(x) - x
    found = decompose(u, predicted, torch.arange(4000) // 20, directions=4)
    size = float(matrix.square().sum())
    assert found.r2.value == pytest.approx(size / (size + 4), abs=0.02)
    assert found.pi_r.value < 0.01
    assert found.pi_u.value == pytest.approx(1 - float((noise.norm(dim=1) / u.norm(dim=1)).square().mean()), abs=0.01)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), noise=st.floats(0.01, 3))
def test_least_squares_makes_the_squared_alignments_sum_to_one(seed: int, noise: float) -> None:
    x = normal(400, 5, seed=seed)
    u = x @ normal(5, 5, seed=seed + 1) + noise * normal(400, 5, seed=seed + 2)
    predicted = fit_affine_update(x, x + u, penalty=1e-9)(x) - x
    residual = u - predicted
    # Exactly so for the vectors of all tokens together; token by token only on average.
    total = float(
        (u * predicted).sum() ** 2 / predicted.square().sum() + (u * residual).sum() ** 2 / residual.square().sum()
    )
    assert total == pytest.approx(float(u.square().sum()), rel=1e-6)


def test_rotated_residuals_keep_nothing_of_the_residual() -> None:
    u = normal(4000, 10)
    predicted = u.clone()
    predicted[:, :5] = 0  # the residual is half of the update, and outside the tokenwise subspace
    windows = torch.arange(4000) // 20
    found = decompose(u, predicted, windows, directions=5)
    assert found.align_r.value > 0.6
    assert found.pi_r.value < 1e-9
    align, share = rotated_residuals(u, predicted, windows, directions=5)
    assert align.low < 0 < align.high
    assert share.low < 0.5 < share.high
    assert rotated_residuals(u, predicted, windows, directions=5)[0] == align
    assert rotated_residuals(u, predicted, windows, directions=5, seed=1)[0] != align


def test_subspaces() -> None:
    rows = normal(50, 6)
    basis = leading_directions(rows, 9)
    assert basis.shape == (6, 6)
    assert torch.allclose(share_inside(rows, basis), torch.ones(50, dtype=torch.float64))
    assert share_inside(torch.zeros(1, 6), basis).tolist() == [0]


def test_spearman_against_scipy_with_ties() -> None:
    first, second = (normal(400) * 3).round(), normal(400, seed=1)
    second += 0.3 * first
    found = rank_correlation(first, second, WINDOWS)
    assert found.value == pytest.approx(spearmanr(first, second).statistic)
    assert found.low < found.value < found.high
    assert rank_correlation(first, torch.ones(400), WINDOWS).value == 0


def test_intervals_know_that_tokens_of_a_window_are_dependent() -> None:
    shared = normal(20, 1).expand(20, 20).flatten()
    alone = normal(400, seed=1)
    (one,), (two,) = token_means(shared[:, None], WINDOWS), token_means(alone[:, None], WINDOWS)
    assert one.high - one.low > 2.5 * (two.high - two.low)
    by_token = rank_correlation(shared, shared + 1e-6 * normal(400), torch.arange(400))
    assert by_token.value > 0.9


def test_window_sums() -> None:
    sums, counts = window_sums(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([7, 3, 7]))
    assert sums.tolist() == [[2], [5]]
    assert counts.tolist() == [1, 2]
