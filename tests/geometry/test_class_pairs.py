from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform

from geomem.geometry.class_pairs import LOG_KERNEL, PairStatistics, pair_statistics, riesz
from tests.geometry.samples import normal


def everything(means: torch.Tensor, variances: torch.Tensor) -> PairStatistics:
    centred = means - means.mean(0)
    return pair_statistics(centred, variances, exponents=(1.0, 2.0, 0.5), kernels=(LOG_KERNEL, riesz(1.0), riesz(-2.0)))


@pytest.mark.parametrize("tile", [512, 7, 1])
def test_against_scipy_in_tiles_of_any_size(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geomem.geometry.class_pairs.TILE", tile)
    means, variances = normal(20, 6) + 30, normal(20, seed=1).abs()
    found = everything(means, variances)
    rows, columns = np.triu_indices(20, 1)
    distance = pdist(means.numpy())
    within = (variances.numpy()[rows] + variances.numpy()[columns]) / 2
    for statistic, exponent in zip(found.cdnv, (1, 2, 0.5), strict=True):
        assert statistic.value == pytest.approx((within / distance ** (2 * exponent)).mean())
    centred = (means - means.mean(0)).numpy()
    chord = pdist(centred / np.linalg.norm(centred, axis=1, keepdims=True))
    for (mean, square), values in zip(found.kernels, (-np.log(chord), 1 / chord, -(chord**2)), strict=True):
        assert mean.value == pytest.approx(values.mean())
        assert square.value == pytest.approx((values**2).mean())
    gram = centred @ centred.T
    assert found.dot_square.value == pytest.approx((gram**2).mean())
    assert found.coincident == 0


@pytest.mark.parametrize("tile", [512, 7])
def test_influence_is_the_derivative_by_weight(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat class c many times over with a hair more weight: the derivative that the intervals rest on."""
    monkeypatch.setattr("geomem.geometry.class_pairs.TILE", tile)
    means, variances = normal(12, 4).exp().numpy(), normal(12, seed=1).abs().numpy()
    found = everything(torch.from_numpy(means), torch.from_numpy(variances))

    def weighted(weights: np.ndarray) -> list[float]:
        centred = means - weights @ means / weights.sum()
        unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        pairs = np.outer(weights, weights) * (1 - np.eye(12))
        safe = np.eye(12)
        within = (variances[:, None] + variances) / 2
        distance = squareform(pdist(means)) + safe
        chord = squareform(pdist(unit)) + safe
        kernels = (-np.log(chord), 1 / chord, -(chord**2))
        parts = [within / distance**2, within / distance**4, within / distance]
        parts += [kernel**power for kernel in kernels for power in (1, 2)]
        gram = centred @ centred.T
        dots = (np.outer(weights, weights) * gram**2).sum() / weights.sum() ** 2
        return [float((pairs * part).sum() / pairs.sum()) for part in parts] + [float(dots)]

    statistics = [*found.cdnv, *(part for kernel in found.kernels for part in kernel), found.dot_square]
    assert weighted(np.ones(12)) == pytest.approx([statistic.value for statistic in statistics])
    step = 1e-5
    for place in range(12):
        shift = step * np.eye(12)[place]
        up, down = np.array(weighted(1 + shift)), np.array(weighted(1 - shift))
        expected = 12 * (up - down) / (2 * step)
        influence = [float(statistic.influence[place]) for statistic in statistics]
        assert influence == pytest.approx(expected.tolist(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("tile", [512, 2])
def test_coincident_pairs_are_left_out_and_counted(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geomem.geometry.class_pairs.TILE", tile)
    means, variances = normal(6, 3), torch.ones(6, dtype=torch.float64)
    means[4] = means[1]
    found = everything(means, variances)
    assert found.coincident == 1
    distance = pdist(means.numpy())
    assert found.cdnv[0].value == pytest.approx((1 / distance[distance > 0] ** 2).mean())
    centred = (means - means.mean(0)).numpy()
    chord = pdist(centred / np.linalg.norm(centred, axis=1, keepdims=True))
    assert found.kernels[0][0].value == pytest.approx(-np.log(chord[chord > 1e-6]).mean())
    assert bool(found.cdnv[0].influence.isfinite().all())
    # One direction, two lengths: a distance, but no angle.
    means = normal(6, 3)
    centred = means - means.mean(0)
    centred[4] = 2 * centred[1]
    partly = pair_statistics(centred, variances, exponents=(1.0,), kernels=(LOG_KERNEL,))
    assert partly.coincident == 0
    assert np.isfinite(partly.kernels[0][0].value)


def test_close_clusters_keep_their_digits() -> None:
    """Distances a ten-thousandth of the lengths: what is left of a Gram matrix in float64."""
    means = torch.cat([normal(5, 4) * 1e-4 + 1, normal(5, 4, seed=1) * 1e-4 - 1])
    found = everything(means, torch.ones(10, dtype=torch.float64))
    assert found.cdnv[0].value == pytest.approx((pdist(means.numpy()) ** -2).mean(), rel=1e-6)


def test_all_classes_at_one_point_have_no_pair_at_all() -> None:
    found = everything(torch.ones(5, 3, dtype=torch.float64), torch.ones(5, dtype=torch.float64))
    assert found.coincident == 10
    assert np.isnan(found.cdnv[0].value)
    assert found.dot_square.value == 0


def test_a_cdnv_needs_variances() -> None:
    with pytest.raises(ValueError, match="needs the variances"):
        pair_statistics(normal(4, 2), exponents=(1.0,))
