from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import rankdata, spearmanr
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.rsa import (
    cknna,
    dissimilarities,
    noise_ceiling,
    rsa,
    similarity_matrix,
    spearman_brown,
    split_half_ceiling,
)
from tests.geometry.samples import normal, rotation


def related(count: int, first: int = 8, second: int = 12, seed: int = 0) -> tuple[Tensor, Tensor]:
    x, y = normal(count, first, seed=seed), normal(count, second, seed=seed + 1)
    return x + 2, y + x @ normal(first, second, seed=9) - 1


def repeated(repeats: int, count: int, units: int, noise: float = 1.0) -> Tensor:
    return normal(count, units) + noise * normal(repeats, count, units, seed=1)


def centre(side: Tensor) -> np.ndarray:
    return side.numpy() - side.numpy().mean(0)


def test_rsa_against_scipy() -> None:
    x, y = related(25)
    assert dissimilarities(x).tolist() == pytest.approx(pdist(centre(x), "correlation").tolist())
    expected = spearmanr(*(pdist(centre(side), "correlation") for side in (x, y))).statistic
    assert float(rsa(x, y)) == pytest.approx(expected)
    found = similarity_matrix(x)
    assert np.allclose(found.numpy(), np.corrcoef(centre(x)))


def test_rsa_and_ceilings_against_rsatoolbox() -> None:
    toolbox = pytest.importorskip("rsatoolbox")
    from rsatoolbox.inference.noise_ceiling import boot_noise_ceiling

    def rdm(side: Tensor) -> object:
        return toolbox.rdm.calc_rdm(toolbox.data.Dataset(centre(side)), method="correlation")

    x, y = related(20)
    assert dissimilarities(x).tolist() == pytest.approx(rdm(x).dissimilarities[0].tolist())  # type: ignore[attr-defined]
    assert float(rsa(x, y)) == pytest.approx(float(toolbox.rdm.compare(rdm(x), rdm(y), method="spearman")[0, 0]))
    repeats = repeated(5, 15, 10)
    together = toolbox.rdm.concat([rdm(one) for one in repeats])
    found = noise_ceiling(repeats)
    assert (found.lower, found.upper) == pytest.approx(boot_noise_ceiling(together, method="spearman"))


def test_ceilings_against_scipy() -> None:
    repeats = repeated(4, 12, 9)
    ranks = np.stack([rankdata(pdist(centre(one), "correlation")) for one in repeats])
    lower = np.mean([spearmanr(ranks[i], np.delete(ranks, i, axis=0).mean(0)).statistic for i in range(4)])
    upper = np.mean([spearmanr(ranks[i], ranks.mean(0)).statistic for i in range(4)])
    found = noise_ceiling(repeats)
    assert (found.lower, found.upper) == pytest.approx((lower, upper))
    assert found.lower < found.upper


def test_the_truth_lies_between_the_ceilings() -> None:
    clean = normal(25, 40)
    repeats = repeated(8, 25, 40, noise=1.5)
    reached = float(np.mean([float(rsa(clean, one)) for one in repeats]))
    found = noise_ceiling(repeats)
    assert found.lower - 0.02 <= reached <= found.upper
    equal = noise_ceiling(clean.expand(3, 25, 40))
    assert (equal.lower, equal.upper) == (pytest.approx(1), pytest.approx(1))


def test_split_halves_predict_another_sample_of_units() -> None:
    latent = normal(40, 5)
    first, second = (latent @ normal(5, 400, seed=s) + 4 * normal(40, 400, seed=s + 1) for s in (2, 4))
    found = split_half_ceiling(first)
    assert found.value == pytest.approx(float(rsa(first, second)), abs=0.08)
    assert found.low <= found.value <= found.high
    half = float(rsa(first[:, :200], first[:, 200:]))
    assert found.value > half + 0.05
    assert split_half_ceiling(first) == found
    assert split_half_ceiling(normal(40, 100)).value < 0.1
    assert float(spearman_brown(torch.tensor(0.5))) == pytest.approx(2 / 3)
    assert float(spearman_brown(torch.tensor(-1.0))) == -1


@settings(max_examples=20, deadline=None)
@given(st.integers(15, 30), st.integers(3, 8), st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_invariances(count: int, units: int, seed: int, scale: float) -> None:
    x, y = normal(count, units, seed=seed), normal(count, units, seed=seed + 1)
    y += x
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    units_order = torch.randperm(units, generator=torch.Generator().manual_seed(seed))
    value = float(rsa(x, y))
    assert -1 <= value <= 1
    for other in (scale * y + 3, y[:, units_order]):
        assert float(rsa(x, other)) == pytest.approx(value, abs=1e-6)
    assert float(rsa(x[order], y[order])) == pytest.approx(value, abs=1e-6)
    assert float(rsa(x, 2 * x - 5)) == pytest.approx(1, abs=1e-6)
    near = float(cknna(x, y))
    assert float(cknna(x, scale * y @ rotation(units, seed))) == pytest.approx(near, abs=1e-6)
    assert float(cknna(x[order], y[order])) == pytest.approx(near, abs=1e-6)
    assert float(cknna(x, 2 * x)) == pytest.approx(1, abs=1e-6)


def neighbours(gram: np.ndarray, k: int) -> np.ndarray:
    mask = np.zeros_like(gram)
    for row, values in enumerate(gram):
        others = [column for column in np.argsort(-values) if column != row]
        mask[row, others[:k]] = 1
    return mask


@pytest.mark.parametrize("k", [3, 10])
def test_cknna_against_the_definition(k: int) -> None:
    x, y = related(40)
    rows = [side.numpy() / np.linalg.norm(side.numpy(), axis=1, keepdims=True) for side in (x, y)]
    grams = [side @ side.T for side in rows]
    near = [neighbours(gram, k) for gram in grams]
    n, ones = 40, np.ones(40)

    def hsic(i: int, j: int) -> float:
        a, b = (grams[side] * near[i] * near[j] for side in (i, j))
        corner = (ones @ a @ ones) * (ones @ b @ ones) / ((n - 1) * (n - 2))
        return (np.trace(a @ b) + corner - 2 / (n - 2) * ones @ a @ b @ ones) / (n * (n - 3))

    assert float(cknna(x, y, k=k)) == pytest.approx(hsic(0, 1) / np.sqrt(hsic(0, 0) * hsic(1, 1)), rel=1e-9)


def test_cknna_sees_neighbourhoods_that_cka_does_not() -> None:
    clusters = torch.arange(120) // 12
    x, y = (4 * normal(10, 20, seed=s)[clusters] + normal(120, 20, seed=s + 1) for s in (0, 5))
    assert float(cknna(x, y)) > 0.4
    assert abs(float(cknna(x, y[torch.randperm(120, generator=torch.Generator().manual_seed(0))]))) < 0.2


def test_chance_and_no_variance() -> None:
    drawn = [float(rsa(normal(100, 16, seed=2 * s), normal(100, 16, seed=2 * s + 1))) for s in range(10)]
    assert abs(float(np.mean(drawn))) < 0.03
    assert float(rsa(normal(9, 4), torch.full((9, 5), 0.1))) == 0
    assert float(cknna(normal(30, 4), torch.zeros(30, 5))) == 0
    for level in (0.0, 1e-3, 0.1):  # a stimulus whose units do not differ
        rows = torch.cat([normal(4, 5), -normal(4, 5), torch.full((1, 5), level, dtype=torch.float64)])
        assert int(similarity_matrix(rows)[8].count_nonzero()) == 0


def test_bad_input() -> None:
    with pytest.raises(InputError, match="second representation: a correlation over units needs at least 2 units"):
        rsa(normal(9, 4), normal(9, 1))
    with pytest.raises(InputError, match="at least 3 stimuli"):
        rsa(normal(2, 4), normal(2, 4))
    with pytest.raises(InputError, match="at least 12 stimuli"):
        cknna(normal(11, 4), normal(11, 4))
    with pytest.raises(InputError, match="at least 2 repeated measurements"):
        noise_ceiling(normal(1, 9, 4))
    with pytest.raises(InputError, match="at least 3 stimuli"):
        noise_ceiling(normal(3, 2, 4))
    with pytest.raises(InputError, match="at least 4 units"):
        split_half_ceiling(normal(9, 3))
