from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from geomem.geometry.lanczos import distinct_eigenvalues, energy_around, extreme_eigenpairs
from geomem.geometry.laplacian import laplacian_operator
from tests.geometry.samples import cycle, grid, normal, path_star, random_graph

GRAPHS = [(path_star(100, 5)[0], 401), (grid(20, 20), 400), (random_graph(400, 500), 400), (cycle(400), 400)]


def operator_of(place: int) -> csr_array:
    return laplacian_operator(*GRAPHS[place])


@pytest.mark.parametrize("place", range(len(GRAPHS)))
@pytest.mark.parametrize("end", ["top", "bottom"])
def test_extremes_against_dense_with_every_copy(place: int, end: str) -> None:
    operator = operator_of(place)
    dense = np.linalg.eigvalsh(operator.toarray())
    values, vectors = extreme_eigenpairs(operator, 7, "top" if end == "top" else "bottom")
    assert values == pytest.approx(dense[::-1][:7] if end == "top" else dense[:7], abs=1e-8)
    assert np.allclose(vectors.T @ vectors, np.eye(7), atol=1e-8)
    assert np.allclose(operator @ vectors, vectors * values, atol=1e-6)


def test_long_cycle_is_solved_by_the_inverse() -> None:
    count = 20_000
    values, _ = extreme_eigenpairs(laplacian_operator(cycle(count), count), 5, "top")
    expected = [0, *(2 * np.cos(2 * np.pi * k / count) - 2 for k in (1, 1, 2, 2))]
    assert values == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("place", range(3))  # the gaps of a long cycle are narrower than 128 steps resolve
def test_energy_around_a_gap_against_dense(place: int) -> None:
    operator = operator_of(place)
    table = normal(operator.shape[0], 40).numpy()
    values, vectors = np.linalg.eigh(operator.toarray())
    energy = np.square(vectors.T @ table).sum(1)
    top = np.unique(values.round(7))[-2:]
    for cut in (top.mean(), values[-1] + 1.0):
        expected = [energy[values < cut].sum(), 0, energy[values > cut].sum()]
        assert energy_around(operator, table, [cut])[0] == pytest.approx(expected, abs=2e-3 * energy.sum())


def test_energy_is_exact_on_a_path_star_and_sees_what_lies_on_the_cut() -> None:
    operator = operator_of(0)
    table = normal(401, 33).numpy()
    table[:, 5] = 0
    values, vectors = np.linalg.eigh(operator.toarray())
    energy = np.square(vectors.T @ table).sum(1)
    on = abs(values + 2) < 1e-9
    expected = [energy[(values < -2) & ~on].sum(), energy[on].sum(), energy[(values > -2) & ~on].sum()]
    assert energy_around(operator, table, [-2.0])[0] == pytest.approx(expected, abs=1e-9 * energy.sum())
    # No level of an even path is at lambda = 0; on an odd one a whole block is.
    odd = laplacian_operator(path_star(100, 4)[0], 301)
    below, at, above = energy_around(odd, table[:301], [-2.0])[0]
    assert at == pytest.approx(np.square(table[:301]).sum() - below - above)
    assert at > 0.2 * np.square(table[:301]).sum()


def test_energy_on_a_dense_cut_is_good_to_a_few_thousandths() -> None:
    operator = operator_of(1)
    table = normal(400, 32).numpy()
    values, vectors = np.linalg.eigh(operator.toarray())
    share = np.square(vectors.T @ table).sum(1) / np.square(table).sum()
    below, on, above = energy_around(operator, table, [-2.0])[0] / np.square(table).sum()
    assert below == pytest.approx(share[values < -2 - 1e-9].sum(), abs=5e-3)
    assert on == pytest.approx(share[abs(values + 2) < 1e-9].sum(), abs=1e-2)
    assert below + on + above == pytest.approx(1)


def test_distinct_eigenvalues_of_a_path_star() -> None:
    operator = operator_of(0)
    dense = np.linalg.eigvalsh(operator.toarray())
    assert distinct_eigenvalues(operator) == pytest.approx(np.unique(dense.round(9))[::-1], abs=1e-8)


def test_zero_columns_have_no_energy() -> None:
    assert not energy_around(operator_of(1), np.zeros((400, 3)), [-2.0]).any()


def test_lanczos_is_deterministic() -> None:
    first, second = (extreme_eigenpairs(operator_of(2), 5, "top")[1] for _ in range(2))
    assert np.array_equal(first, second)
    assert torch.from_numpy(first).isfinite().all()
