from __future__ import annotations

import pytest
import torch

from geomem.geometry import energy
from geomem.geometry.energy import measure_eigen_energy, spectral_energies
from geomem.geometry.graph_spectrum import dense_eigenbasis, eigen_projections
from geomem.geometry.laplacian import TIE
from tests.geometry.samples import complete, cycle, grid, irregular, normal, path_star, random_graph, rotation


def vectors_of(edges: torch.Tensor, count: int) -> torch.Tensor:
    return eigen_projections(normal(count, 1), edges).vectors


def test_fiedler_and_zig_zag_embeddings_are_told_apart() -> None:
    vectors = vectors_of(cycle(16), 16)
    smooth = measure_eigen_energy(5 * vectors[:, :1] + vectors[:, 1:3] @ normal(2, 6).sum(1, keepdim=True), cycle(16))
    assert smooth["fiedler"] == pytest.approx(1)
    assert smooth["zigzag"] == pytest.approx(0, abs=1e-12)
    assert smooth["trivial"] > 0.1
    jagged = measure_eigen_energy(torch.tensor([1.0, -1.0]).repeat(8)[:, None], cycle(16))
    assert jagged["zigzag"] == pytest.approx(1)
    assert jagged["fiedler"] == pytest.approx(0, abs=1e-12)


def test_chance_is_the_share_of_dimensions_and_what_random_vectors_get() -> None:
    found = measure_eigen_energy(normal(16, 20_000), cycle(16))
    # Of 15 non-trivial directions 2 are Fiedler's; cos(2 pi k / 16) < 0 for k = 5..11, and 0 does not count.
    assert found["fiedler_chance"] == pytest.approx(2 / 15)
    assert found["zigzag_chance"] == pytest.approx(7 / 15)
    assert found["fiedler"] == pytest.approx(2 / 15, abs=0.01)
    assert found["zigzag"] == pytest.approx(7 / 15, abs=0.01)


def test_every_component_has_its_own_trivial_vector_and_fiedler_block() -> None:
    count = 18  # with two isolated nodes
    found = spectral_energies(torch.eye(count), irregular())
    assert found.trivial == pytest.approx(4)
    values, _, trivial = dense_eigenbasis(irregular(), count)
    assert found.zigzag == pytest.approx(((values < -2 - TIE) & ~trivial).sum())
    # The clique's three equal directions and one of the other component.
    assert found.fiedler == pytest.approx(4)
    assert found.fiedler_chance == pytest.approx(4 / 14)


def test_self_edges_lower_the_zig_zag_share_of_directions() -> None:
    nodes = torch.arange(15)
    loops = torch.cat([cycle(15), torch.stack([nodes, nodes], dim=1)])
    assert (
        measure_eigen_energy(normal(15, 2), loops)["zigzag_chance"]
        < (measure_eigen_energy(normal(15, 2), cycle(15))["zigzag_chance"])
    )


def test_invariances() -> None:
    edges, table = grid(5, 5), normal(25, 4)
    plain = measure_eigen_energy(table, edges)
    order = torch.randperm(25, generator=torch.Generator().manual_seed(0))
    assert measure_eigen_energy(table @ rotation(4), edges) == pytest.approx(plain)
    assert measure_eigen_energy(2 * table[order.argsort()], order[edges.flip(0)].flip(1)) == pytest.approx(plain)


@pytest.mark.parametrize("table", [torch.zeros(5, 2), torch.ones(5, 2)])
def test_no_non_trivial_energy_is_no_share(table: torch.Tensor) -> None:
    found = measure_eigen_energy(table, complete(5))
    assert found["fiedler"] == found["zigzag"] == 0


GRAPHS = {
    "path-star": (path_star(80, 4)[0], 241),
    "odd path-star": (path_star(60, 6)[0], 301),
    "grid": (grid(18, 18), 324),
    "rectangle": (grid(12, 30), 360),
    "components": (torch.cat([random_graph(350, 420, 1), 350 + cycle(40)]), 400),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_large_components_against_dense(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    edges, count = GRAPHS[name]
    # Between random and smooth: some of the energy on the leading vectors.
    table = normal(count, 5) + 3 * vectors_of(edges, count)[:, 1:9] @ normal(8, 5, seed=1)
    exact = spectral_energies(table, edges)
    energy._prepare.cache_clear()
    monkeypatch.setattr(energy, "DENSE_COMPONENT", 60)
    found = spectral_energies(table, edges)
    energy._prepare.cache_clear()
    assert found.trivial == pytest.approx(exact.trivial, rel=1e-6, abs=1e-6 * exact.whole)
    assert found.fiedler == pytest.approx(exact.fiedler, rel=1e-4)
    assert found.zigzag_share == pytest.approx(exact.zigzag_share, abs=5e-3)
    assert found.fiedler_chance == pytest.approx(exact.fiedler_chance, rel=0.05)
    assert found.zigzag_chance == pytest.approx(exact.zigzag_chance, abs=0.01)


def test_fifty_thousand_nodes() -> None:
    # G(10^4, 6) of the paper: nearly every eigenvalue is repeated 9999 times.
    arms, count = 10_000, 50_001
    edges, paths = path_star(arms, 6)
    # One value an arm, shaped along it as the antisymmetric Fiedler vectors are, found on a small star of equal length.
    small, small_paths = path_star(4, 6)
    vector = vectors_of(small, 21)[:, 1]
    arm = vector[small_paths[int(vector[small_paths[:, -1]].abs().argmax()), 1:]]
    values = normal(arms, 8)
    table = torch.zeros(count, 8, dtype=torch.float64)
    table[paths[:, 1:]] = (values - values.mean(0))[:, None, :] * arm[None, :, None]
    smooth = measure_eigen_energy(table, edges)
    random = measure_eigen_energy(normal(count, 32), edges)
    assert smooth["fiedler"] == pytest.approx(1, abs=1e-9)
    assert smooth["zigzag"] == pytest.approx(0, abs=1e-9)
    assert random["fiedler"] == pytest.approx(9999 / 50_000, abs=0.01)
    assert random["zigzag"] == pytest.approx(0.4, abs=0.01)
