from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles
from sklearn.cross_decomposition import CCA
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.cca import (
    canonical_correlations,
    canonical_from_covariances,
    noise_correlation,
    pwcca,
    svcca,
)
from geomem.geometry.cka import LinearCKA
from tests.geometry.samples import normal, rotation


def related(count: int, first: int = 5, second: int = 7, seed: int = 0) -> tuple[Tensor, Tensor]:
    x, y = normal(count, first, seed=seed), normal(count, second, seed=seed + 1)
    y[:, :3] += torch.tensor([4.0, 2.0, 1.0]) * x[:, :3]
    return 5 * x + 3, y - 1


def leading(side: Tensor, share: float, cap: int) -> np.ndarray:
    """Principal component scores (n, k) that hold `share` of the variance, by the eigenvectors of the covariance."""
    rows = side.numpy() - side.numpy().mean(0)
    values, axes = np.linalg.eigh(rows.T @ rows)
    values, axes = values[::-1], axes[:, ::-1]
    needed = int(np.searchsorted(np.cumsum(values) / values.sum(), share)) + 1
    return rows @ axes[:, : min(needed, cap)]


def test_correlations_against_scikit_learn() -> None:
    x, y = related(200)
    model = CCA(n_components=5, scale=False, max_iter=5000, tol=1e-12)
    scores = model.fit_transform(x.numpy(), y.numpy())
    expected = [np.corrcoef(one, other)[0, 1] for one, other in zip(*(side.T for side in scores), strict=True)]
    assert canonical_correlations(x, y, share=1.0).correlations.tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("count", [400, 30])
def test_svcca_against_angles_between_subspaces(count: int) -> None:
    x, y = related(count, 12, 20)
    kept = [leading(side, 0.99, count // 5) for side in (x, y)]
    found = canonical_correlations(x, y)
    assert found.directions == (kept[0].shape[1], kept[1].shape[1])
    assert found.correlations.tolist() == pytest.approx(np.cos(subspace_angles(*kept))[::-1].tolist(), abs=1e-8)
    assert float(svcca(x, y)) == pytest.approx(float(np.cos(subspace_angles(*kept)).mean()), abs=1e-8)


def test_pwcca_against_projections_on_canonical_variates() -> None:
    x, y = related(120)
    bases = [np.linalg.qr(side.numpy() - side.numpy().mean(0))[0] for side in (x, y)]
    turn, correlations, _ = np.linalg.svd(bases[0].T @ bases[1])
    variates = bases[0] @ turn[:, : len(correlations)]
    weights = np.abs(variates.T @ (x.numpy() - x.numpy().mean(0))).sum(1)
    assert float(pwcca(x, y)) == pytest.approx(float(weights @ correlations / weights.sum()), abs=1e-9)
    assert float(pwcca(x, y)) != pytest.approx(float(pwcca(y, x)), abs=1e-3)
    # What matters in x is shared, so weighting raises the mean.
    louder = x.clone()
    louder[:, :3] *= 10
    assert float(pwcca(louder, y)) > float(canonical_correlations(x, y, share=1.0).mean) + 0.1


def test_from_streamed_covariances() -> None:
    x, y = related(300, 8, 11)
    stream = LinearCKA(8, 11)
    for rows in torch.arange(300).split(70):
        stream.update(x[rows], y[rows])
    for share in (0.99, 1.0):
        found = canonical_from_covariances(*stream.covariances(), stream.rows, share=share)
        exact = canonical_correlations(x, y, share=share)
        assert found.directions == exact.directions
        assert torch.allclose(found.correlations, exact.correlations, atol=1e-10)
        assert torch.allclose(found.weights, exact.weights, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(30, 80), st.integers(2, 6), st.integers(2, 6), st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_invariances(count: int, first: int, second: int, seed: int, scale: float) -> None:
    x, y = normal(count, first, seed=seed), normal(count, second, seed=seed + 1)
    y[:, 0] += x[:, 0]
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    for measure in (svcca, pwcca):
        value = float(measure(x, y))
        assert 0 <= value <= 1 + 1e-12
        assert float(measure(x, scale * y @ rotation(second, seed) + 7)) == pytest.approx(value, abs=1e-7)
        assert float(measure(x[order], y[order])) == pytest.approx(value, abs=1e-9)
        assert float(measure(x, 3 * x - 1)) == pytest.approx(1, abs=1e-9)
    assert float(svcca(x, y)) == pytest.approx(float(svcca(y, x)), abs=1e-10)
    # Correlations of all directions do not change under any invertible map of the units.
    skew = normal(second, second, seed=seed + 2) + 4 * torch.eye(second, dtype=torch.float64)
    plain, skewed = (canonical_correlations(x, side, share=1.0) for side in (y, y @ skew))
    if plain.directions == skewed.directions == (first, second):
        assert torch.allclose(plain.correlations, skewed.correlations, atol=1e-6)


@pytest.mark.parametrize(("stimuli", "first", "second"), [(500, 60, 60), (500, 20, 60), (100, 16, 16), (400, 5, 70)])
def test_noise_level_against_noise(stimuli: int, first: int, second: int) -> None:
    drawn = [
        float(
            canonical_correlations(normal(stimuli, first, seed=s), normal(stimuli, second, seed=s + 100), share=1).mean
        )
        for s in range(12)
    ]
    assert noise_correlation(stimuli, first, second) == pytest.approx(float(np.mean(drawn)), abs=0.01)
    assert noise_correlation(stimuli, second, first) == noise_correlation(stimuli, first, second)


def test_noise_level_is_part_of_the_result() -> None:
    x, y = normal(200, 30), normal(200, 30, seed=1)
    found = canonical_correlations(x, y)
    assert float(found.mean) == pytest.approx(found.noise, abs=0.03)
    assert found.noise > 0.3
    assert noise_correlation(50, 30, 25) == 1.0


def test_at_most_a_fifth_of_the_stimuli_are_directions() -> None:
    x, y = normal(50, 80), normal(50, 90, seed=1)
    assert canonical_correlations(x, y, share=1.0).directions == (10, 10)
    assert float(svcca(x, y)) < 0.8


def test_without_variance() -> None:
    found = canonical_correlations(normal(40, 3), torch.full((40, 5), 0.1))
    assert (float(found.mean), float(found.weighted), found.noise, found.directions) == (0, 0, 0, (3, 0))
    single = torch.cat([normal(40, 1), torch.zeros(40, 3)], dim=1)
    assert canonical_correlations(single, normal(40, 3, seed=1), share=1.0).directions == (1, 3)


def test_bad_input() -> None:
    for measure in (svcca, pwcca):
        with pytest.raises(InputError, match="at least 10 stimuli"):
            measure(normal(9, 3), normal(9, 3))
