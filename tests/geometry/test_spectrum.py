from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.moments import Directions, Moments
from geomem.geometry.spectrum import (
    FUNCTIONALS,
    Spectrum,
    anisotropy,
    covariance_eigenvalues,
    decompose,
    matrix_entropy,
    participation_ratio,
    rankme,
    rankme_singular_values,
    second_moment_eigenvalues,
    stable_rank,
    table_spectrum,
    top_share,
)
from tests.geometry.clouds import exact_cloud, power_law
from tests.geometry.samples import normal, rotation


def streamed(x: Tensor, parts: int = 4) -> tuple[Moments, Directions]:
    moments, directions = Moments(x.shape[1]), Directions(x.shape[1])
    for rows in x.chunk(parts):
        moments.update(rows)
        directions.update(rows)
    return moments, directions


def test_rankme_of_an_isotropic_gaussian() -> None:
    x = normal(20_000, 64).float()
    assert Spectrum.of_moments(*streamed(x)).rankme > 63.5


def test_rankme_of_rank_one() -> None:
    x = normal(500, 1) @ normal(1, 64, seed=1)
    for spectrum in (Spectrum.of_moments(*streamed(x.float())), Spectrum.of_matrix(x)):
        assert spectrum.rankme < 1.01
        assert spectrum.participation_ratio == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("width", [60, 200])
def test_alpha_of_an_exact_power_law(exponent: float, width: int) -> None:
    x = exact_cloud(power_law(width, exponent), 700) + 5
    for spectrum in (Spectrum.of_moments(*streamed(x.float())), Spectrum.of_matrix(x)):
        assert spectrum.power_law.alpha == pytest.approx(exponent, abs=0.01)
        assert spectrum.power_law.r2 > 0.999


def test_rankme_against_dense_svd_and_pca() -> None:
    x = normal(400, 30) * torch.linspace(0.2, 3, 30) + 4
    singular = np.linalg.svd((x - x.mean(0)).numpy(), compute_uv=False)
    shares = singular**2 / np.sum(singular**2)
    ratios = PCA(svd_solver="full").fit(x.numpy()).explained_variance_ratio_
    roots = singular / singular.sum()
    streamed_float = Spectrum.of_moments(*streamed(x.float()))
    for spectrum, tolerance in ((Spectrum.of_matrix(x), 1e-10), (streamed_float, 1e-5)):
        assert spectrum.rankme == pytest.approx(math.exp(-np.sum(shares * np.log(shares))), rel=tolerance)
        assert spectrum.rankme == pytest.approx(math.exp(-np.sum(ratios * np.log(ratios))), rel=tolerance)
        assert spectrum.rankme_singular_values == pytest.approx(math.exp(-np.sum(roots * np.log(roots))), rel=tolerance)
        assert spectrum.stable_rank == pytest.approx(np.sum(singular**2) / singular[0] ** 2, rel=tolerance)
        assert spectrum.top_share == pytest.approx(ratios[0], rel=tolerance)
        assert spectrum.total_variance == pytest.approx(x.numpy().var(0).sum(), rel=tolerance)


def test_numbers_of_a_flat_block() -> None:
    values = torch.tensor([2.0] * 5 + [0.0] * 7, dtype=torch.float64)
    for number in (rankme, rankme_singular_values, participation_ratio, stable_rank):
        assert float(number(values)) == pytest.approx(5)
    assert float(top_share(values)) == pytest.approx(0.2)


def test_numbers_of_two_eigenvalues() -> None:
    values = torch.tensor([0.9, 0.1], dtype=torch.float64)
    assert float(participation_ratio(values)) == pytest.approx(1 / 0.82)
    assert float(stable_rank(values)) == pytest.approx(1 / 0.9)
    assert float(rankme(values)) == pytest.approx(0.9**-0.9 * 0.1**-0.1)
    assert float(rankme_singular_values(values)) == pytest.approx(0.75**-0.75 * 0.25**-0.25)


def test_matrix_entropy_by_order() -> None:
    values = torch.tensor([6.0, 3.0, 1.0, 0.0], dtype=torch.float64)
    shares = values[:3] / 10
    assert float(matrix_entropy(values)) == pytest.approx(float(rankme(values).log()))
    assert float(matrix_entropy(values, 2)) == pytest.approx(float(participation_ratio(values).log()))
    assert float(matrix_entropy(values, 0)) == pytest.approx(math.log(3))
    assert float(matrix_entropy(values, 0.5)) == pytest.approx(2 * math.log(float(shares.sqrt().sum())))
    assert float(matrix_entropy(values, 1 + 1e-6)) == pytest.approx(float(matrix_entropy(values)), abs=1e-5)
    with pytest.raises(InputError, match="order of 0 or more, got -1"):
        matrix_entropy(values, -1)


def test_matrix_entropy_of_tokens_that_are_not_centred() -> None:
    x = normal(80, 6) + 1
    gram = np.linalg.eigvalsh((x @ x.T).numpy())[-6:]
    shares = gram / gram.sum()
    found = matrix_entropy(second_moment_eigenvalues(streamed(x)[0]))
    assert float(found) == pytest.approx(-np.sum(shares * np.log(shares)), rel=1e-10)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-3, 1e3))
def test_scale_and_rotation_change_nothing(seed: int, scale: float) -> None:
    x = normal(60, 16, seed=seed) * power_law(16, 0.5)
    plain, moved = Spectrum.of_matrix(x).numbers(), Spectrum.of_matrix(scale * x @ rotation(16, seed=seed)).numbers()
    for name in plain.keys() - {"total_variance"}:
        assert moved[name] == pytest.approx(plain[name], rel=1e-8, abs=1e-10, nan_ok=True), name
    assert moved["total_variance"] == pytest.approx(scale**2 * plain["total_variance"], rel=1e-8)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), width=st.integers(1, 20), count=st.integers(2, 40))
def test_order_of_the_rank_measures(seed: int, width: int, count: int) -> None:
    values = covariance_eigenvalues(normal(count, width, seed=seed))
    rank = min(width, count - 1)
    assert int((values > 0).sum()) == rank
    numbers = [float(f(values)) for f in (stable_rank, participation_ratio, rankme, rankme_singular_values)]
    assert all(low <= high + 1e-9 for low, high in zip([1, *numbers], [*numbers, rank], strict=True))


def test_fewer_tokens_than_dimensions() -> None:
    x = normal(20, 200) + 3
    exact, stream = Spectrum.of_matrix(x), Spectrum.of_moments(*streamed(x.float()))
    assert int((exact.eigenvalues > 0).sum()) == int((stream.eigenvalues > 0).sum()) == 19
    assert (exact.power_law.first_rank, exact.power_law.last_rank) == (5, 9)
    for name, value in exact.numbers().items():
        assert stream.numbers()[name] == pytest.approx(value, rel=1e-5, abs=1e-7), name


@pytest.mark.parametrize("value", [0.0, 0.1, 1234.5])
def test_equal_tokens_have_no_numbers(value: float) -> None:
    x = torch.full((300, 5), value)
    for spectrum in (Spectrum.of_matrix(x), Spectrum.of_moments(*streamed(x, 7))):
        assert all(math.isnan(spectrum.numbers()[name]) for name in FUNCTIONALS)
        assert spectrum.total_variance == 0
        assert spectrum.anisotropy == pytest.approx(1.0 if value else 0.0, abs=1e-6)


def test_one_dimension() -> None:
    x = normal(50, 1) + 9
    for spectrum in (Spectrum.of_matrix(x), Spectrum.of_moments(*streamed(x))):
        assert spectrum.rankme == spectrum.stable_rank == spectrum.top_share == 1
        assert math.isnan(spectrum.power_law.alpha)
        assert spectrum.total_variance == pytest.approx(x.numpy().var())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_tokens_that_are_not_finite(value: float) -> None:
    x = normal(20, 4)
    x[3, 2] = value
    for find in (Spectrum.of_matrix, lambda rows: decompose(streamed(rows)[0])):
        with pytest.raises(InputError, match="NaN or infinite values, so that they have no spectrum"):
            find(x)


def test_no_tokens() -> None:
    with pytest.raises(InputError, match="at least one row, got none"):
        covariance_eigenvalues(normal(0, 4))
    with pytest.raises(InputError, match="at least one token, none was given"):
        decompose(Moments(4))


def test_decomposition_rebuilds_the_covariance() -> None:
    x = normal(300, 9) * power_law(9, 1.0) + 2
    found = decompose(streamed(x)[0])
    rebuilt = found.eigenvectors * found.eigenvalues @ found.eigenvectors.T
    assert torch.allclose(rebuilt, torch.cov(x.T, correction=0), rtol=1e-9, atol=1e-12)
    assert torch.all(found.eigenvalues.diff() <= 0)
    assert torch.allclose(found.mean, x.mean(0))
    assert found.count == 300


def test_anisotropy_of_parallel_and_of_opposed_tokens() -> None:
    row = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert float(anisotropy(torch.cat([row, 2 * row, 7 * row]))) == pytest.approx(1)
    assert float(anisotropy(torch.cat([row, -row]))) == pytest.approx(-1)


def test_table_spectrum_is_that_of_its_rows() -> None:
    table = torch.nn.Parameter(normal(9000, 6).float())
    expected, found = Spectrum.of_matrix(table.detach()), table_spectrum(table)
    assert found.count == 9000
    for name, value in expected.numbers().items():
        assert found.numbers()[name] == pytest.approx(value, rel=1e-5, abs=1e-7, nan_ok=True), name


def test_functionals_are_the_numbers_of_a_spectrum() -> None:
    spectrum = Spectrum.of_matrix(normal(90, 40))
    numbers = spectrum.numbers()
    for name, function in FUNCTIONALS.items():
        assert float(function(spectrum.eigenvalues)) == pytest.approx(numbers[name], rel=1e-12), name


def test_functionals_can_be_differentiated_through_zero_eigenvalues() -> None:
    for name, function in FUNCTIONALS.items():
        point = torch.cat([power_law(30, 0.8), torch.zeros(10, dtype=torch.float64)]).requires_grad_()
        (slope,) = torch.autograd.grad(function(point), point)
        assert slope.isfinite().all(), name
        assert float((slope * point).sum().detach()) == pytest.approx(0, abs=1e-10), f"{name} must not see the scale"
