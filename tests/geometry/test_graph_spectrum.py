from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.geometry.graph_spectrum import (
    blocks,
    concentration,
    dense_eigenbasis,
    eigen_projections,
    measure_eigen_concentration,
    release_bars,
)
from geomem.geometry.laplacian import cycle_spectrum, laplacian_operator
from tests.geometry.samples import cycle, grid, irregular, normal, path_star, random_graph, rotation


def test_dense_basis_is_complete_with_one_trivial_vector_a_component() -> None:
    edges = irregular()
    values, vectors, trivial = dense_eigenbasis(edges, 18)  # 16 nodes in two components, and two isolated ones
    assert trivial.sum() == 4
    assert np.allclose(vectors.T @ vectors, np.eye(18))
    assert np.allclose(vectors * values @ vectors.T, laplacian_operator(edges, 18).toarray())
    assert np.all(np.diff(values) <= 1e-12)
    for vector in vectors[:, trivial].T:
        assert np.all(vector >= -1e-12) or np.all(vector <= 1e-12)


def test_projections_hold_all_the_energy() -> None:
    table = normal(18, 5)
    found = eigen_projections(table, irregular())
    assert float(found.norms.square().sum()) == pytest.approx(float(table.square().sum()))


@settings(max_examples=25, deadline=None)
@given(st.integers(6, 30), st.integers(6, 60), st.integers(0, 1000))
def test_blocks_do_not_depend_on_columns_or_node_numbers(count: int, edges: int, seed: int) -> None:
    pairs = random_graph(count, edges, seed)
    table = normal(count, 4, seed=seed)
    plain = blocks(eigen_projections(table, pairs))
    turned = blocks(eigen_projections(table @ rotation(4, seed), pairs))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    renamed = blocks(eigen_projections(table[order.argsort()], order[pairs]))
    for other in (turned, renamed):
        assert torch.equal(plain.sizes, other.sizes)
        assert torch.allclose(plain.values, other.values, atol=1e-9)
        assert torch.allclose(plain.norms, other.norms, atol=1e-7)


def test_blocks_of_cycle_and_star_in_closed_form() -> None:
    found = blocks(eigen_projections(normal(15, 3), cycle(15)))
    assert found.sizes.tolist() == [2] * 7
    assert torch.allclose(found.values, cycle_spectrum(15)[1::2], atol=1e-12)
    star = blocks(eigen_projections(normal(17, 3), path_star(4, 5)[0]))
    assert sorted(star.sizes.tolist()) == [1, 1, 1, 1, 3, 3, 3, 3]
    assert star.sizes[0] == 3


@pytest.mark.parametrize(
    ("edges", "count"),
    [(path_star(60, 6)[0], 301), (random_graph(400, 520, 3), 400), (torch.cat([cycle(150), 150 + cycle(150)]), 300)],
)
def test_lanczos_against_dense(edges: torch.Tensor, count: int) -> None:
    table = normal(count, 6)
    full, some = eigen_projections(table, edges), eigen_projections(table, edges, k=6)
    assert torch.allclose(some.values, torch.cat([full.values[:6], full.values[-6:]]), atol=1e-8)
    assert len(some.norms) == 12
    # Blocks that are not cut off at k agree; all dense ones that Lanczos has found whole are compared.
    exact, found = blocks(full), blocks(some)
    for value, size, norm in zip(found.values, found.sizes, found.norms, strict=True):
        place = int((exact.values - value).abs().argmin())
        if int(exact.sizes[place]) == int(size):
            assert float(norm) == pytest.approx(float(exact.norms[place]), abs=1e-6)


def test_lanczos_tells_trivial_vectors_apart() -> None:
    edges = torch.cat([cycle(150), 150 + cycle(151)])
    found = eigen_projections(normal(301, 2), edges, k=6)
    assert found.trivial[:6].sum() == 2
    assert found.trivial[6:].sum() == 0


def test_release_recipe() -> None:
    table = normal(16, 3)
    bars = release_bars(table, grid(4, 4))
    values, vectors = np.linalg.eigh(laplacian_operator(grid(4, 4), 16).toarray())
    values, norms = values[::-1][1:] + 2, np.linalg.norm(table.numpy().T @ vectors, axis=0)[::-1][1:]
    assert bars.eigenvalues.numpy() == pytest.approx(values / values[0], abs=1e-9)
    assert sorted(bars.projections.tolist()) == pytest.approx(sorted(norms / norms.max()))
    for i in range(14):
        if abs(bars.eigenvalues[i] - bars.eigenvalues[i + 1]) < 1e-7:
            falls = bars.projections[i] >= bars.projections[i + 1]
            assert falls if bars.eigenvalues[i] > -1e-9 else not falls


def test_release_recipe_keeps_the_second_trivial_vector_as_first_bar() -> None:
    clique = torch.zeros(16, 1, dtype=torch.float64)
    clique[12:] = 1
    bars = release_bars(clique, irregular())
    assert float(bars.projections[0]) == 1.0
    assert float(bars.projections[1:].max()) < 1e-9
    assert float(bars.eigenvalues[0]) == 1.0


def test_isolated_nodes_and_zero_tables_make_no_nan() -> None:
    bars = release_bars(torch.zeros(8, 2), cycle(5))
    assert bool(bars.projections.isfinite().all())
    assert bool(bars.eigenvalues.isfinite().all())
    assert bool(blocks(eigen_projections(normal(8, 2), cycle(5))).norms.isfinite().all())


def test_concentration() -> None:
    fiedler = eigen_projections(normal(15, 1), cycle(15)).vectors[:, 1:3]
    found = measure_eigen_concentration(fiedler @ normal(2, 8), cycle(15))
    assert found["directions"] == 2
    spread = blocks(eigen_projections(torch.eye(15), cycle(15)))
    assert concentration(spread) == 13  # nine tenths of 14 equal directions


def test_bad_input() -> None:
    with pytest.raises(InputError, match="k: must be from 1 to half"):
        eigen_projections(normal(15, 1), cycle(15), k=8)
    with pytest.raises(InputError, match="too large"):
        eigen_projections(normal(5000, 1), cycle(5000))
    with pytest.raises(InputError, match="too many for a bar"):
        release_bars(normal(5000, 1), cycle(5000))
