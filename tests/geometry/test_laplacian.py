from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.laplacian import adjacency, component_labels, cycle_spectrum, laplacian_operator
from tests.geometry.samples import both, complete, cycle, grid, irregular, path_star, random_graph, with_self_edges


@pytest.mark.parametrize(("edges", "count"), [(irregular(), 16), (grid(4, 4), 16), (path_star(4, 5)[0], 17)])
def test_definition_symmetry_and_trace(edges: torch.Tensor, count: int) -> None:
    operator = laplacian_operator(edges, count).toarray()
    matrix = adjacency(edges, count).toarray()
    degrees = matrix.sum(1)
    walk = np.diag(1 / degrees) @ (matrix - np.diag(degrees))
    assert np.allclose(operator, walk + walk.T)
    assert np.array_equal(operator, operator.T)
    assert np.trace(operator) == pytest.approx(-2 * count)
    assert np.array_equal(operator, laplacian_operator(both(edges), count).toarray())


def test_self_edges_stay_on_the_diagonal() -> None:
    edges = with_self_edges(cycle(6), 6)
    assert adjacency(edges, 6).diagonal().tolist() == [1.0] * 6
    # Degree 3 with the self-edge counted once: W_uu = 1/3.
    assert laplacian_operator(edges, 6).diagonal() == pytest.approx([2 / 3 - 2] * 6)


@pytest.mark.parametrize("count", [3, 8, 15])
def test_cycle_in_closed_form(count: int) -> None:
    values = np.linalg.eigvalsh(laplacian_operator(cycle(count), count).toarray())
    assert np.sort(cycle_spectrum(count).numpy()) == pytest.approx(np.sort(values), abs=1e-12)
    expected = [2 * np.cos(2 * np.pi * k / count) - 2 for k in range(count)]
    assert np.sort(cycle_spectrum(count).numpy()) == pytest.approx(np.sort(expected), abs=1e-12)


def test_complete_graph_in_closed_form() -> None:
    values = np.linalg.eigvalsh(laplacian_operator(complete(5), 5).toarray())
    assert values == pytest.approx([-2 / 4 - 2] * 4 + [0.0])


def test_top_eigenvalue_is_zero_on_regular_graphs_and_grows_with_hubs() -> None:
    for edges, count, regular in [(cycle(9), 9, True), (grid(4, 4), 16, False), (path_star(100, 3)[0], 201, False)]:
        top = np.linalg.eigvalsh(laplacian_operator(edges, count).toarray())[-1]
        assert (abs(top) < 1e-12) == regular
        assert top > -1e-12
    assert top == pytest.approx(np.sqrt(100) / 2 - 2, abs=0.5)


def test_isolated_nodes_make_zero_rows() -> None:
    operator = laplacian_operator(cycle(4), 6).toarray()
    assert np.isfinite(operator).all()
    assert not operator[4:].any()
    assert len(component_labels(cycle(4), 6).unique()) == 3


def test_components_against_networkx() -> None:
    edges = random_graph(60, 40)
    graph = nx.Graph(edges.tolist())
    graph.add_nodes_from(range(60))
    labels = component_labels(edges, 60)
    for component in nx.connected_components(graph):
        assert len({int(labels[node]) for node in component}) == 1
    assert len(labels.unique()) == nx.number_connected_components(graph)


def test_edges_outside_the_graph() -> None:
    with pytest.raises(InputError, match=r"node 3 is outside 0\.\.2"):
        laplacian_operator(cycle(4), 3)
