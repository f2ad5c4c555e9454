from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.graphs.complete import CompleteSpec
from geomem.graphs.cycle import CycleSpec
from geomem.graphs.graph import Graph
from geomem.graphs.irregular import IrregularSpec
from geomem.graphs.matrices import (
    adjacency,
    components,
    degrees,
    hop_distances,
    nearest_source_hops,
    neg_laplacian,
    random_walk,
    trivial_vectors,
)
from geomem.graphs.networkx_io import to_networkx
from geomem.graphs.path_star import PathStarSpec
from tests.graphs.checks import fails

NODES = 9
EDGES = st.sets(
    st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)).filter(lambda e: e[0] < e[1]), min_size=1
)
GRAPHS = EDGES.map(lambda pairs: Graph("random", NODES, np.array(sorted(pairs), dtype=np.int64)))


@given(GRAPHS)
def test_adjacency_and_degrees_are_networkx(graph: Graph) -> None:
    drawn = to_networkx(graph).to_undirected()
    np.testing.assert_array_equal(adjacency(graph).toarray(), nx.to_numpy_array(drawn, nodelist=range(NODES)))
    assert degrees(graph).tolist() == [drawn.degree(node) for node in range(NODES)]


@given(GRAPHS)
def test_random_walk_rows_are_distributions_or_empty(graph: Graph) -> None:
    sums = random_walk(graph).toarray().sum(axis=1)
    np.testing.assert_allclose(sums, (degrees(graph) > 0).astype(float), atol=1e-12)


@given(GRAPHS)
def test_neg_laplacian_is_the_formula(graph: Graph) -> None:
    matrix = neg_laplacian(graph).toarray()
    a = adjacency(graph).toarray()
    degree = a.sum(axis=1)
    reached = np.diag((degree > 0).astype(float))
    walk = a / np.maximum(degree, 1)[:, None]
    np.testing.assert_allclose(matrix, -((reached - walk) + (reached - walk).T), atol=1e-12)
    assert np.isfinite(matrix).all()
    assert matrix.trace() == pytest.approx(-2 * (degree > 0).sum())


@pytest.mark.parametrize("nodes", [3, 8, 15])
def test_cycle_spectrum_in_closed_form(nodes: int) -> None:
    values = np.linalg.eigvalsh(neg_laplacian(CycleSpec(nodes=nodes).build(0)).toarray())
    np.testing.assert_allclose(values, np.sort(2 * np.cos(2 * np.pi * np.arange(nodes) / nodes) - 2), atol=1e-12)


def test_complete_spectrum_in_closed_form() -> None:
    values = np.linalg.eigvalsh(neg_laplacian(CompleteSpec(nodes=7).build(0)).toarray())
    np.testing.assert_allclose(values, [-2 - 2 / 6] * 6 + [0.0], atol=1e-12)


def test_indicators_of_regular_components_and_isolated_nodes_have_eigenvalue_zero() -> None:
    triangle = Graph("triangle and one", 4, np.array([[0, 1], [1, 2], [0, 2]], dtype=np.int64))
    trivial = trivial_vectors(triangle).toarray()
    assert trivial.shape == (4, 2)
    np.testing.assert_allclose(neg_laplacian(triangle).toarray() @ trivial, 0.0, atol=1e-12)
    np.testing.assert_allclose(trivial.T @ trivial, np.eye(2), atol=1e-12)


@given(GRAPHS)
def test_components_are_networkx_numbered_by_lowest_node(graph: Graph) -> None:
    expected = sorted(map(sorted, nx.connected_components(to_networkx(graph).to_undirected())))
    member = components(graph)
    assert [np.flatnonzero(member == part).tolist() for part in range(member.max() + 1)] == expected


@given(GRAPHS)
def test_hops_are_networkx(graph: Graph) -> None:
    expected = dict(nx.all_pairs_shortest_path_length(to_networkx(graph).to_undirected()))
    full = [[expected[u].get(v, -1) for v in range(NODES)] for u in range(NODES)]
    assert hop_distances(graph, range(NODES)).tolist() == full
    nearest = [min((full[source][v] for source in (1, 4) if full[source][v] >= 0), default=-1) for v in range(NODES)]
    assert nearest_source_hops(graph, [1, 4]).tolist() == nearest


def test_a_self_edge_makes_a_node_its_own_neighbour_once() -> None:
    graph = Graph("loop", 2, np.array([[0, 0], [0, 1]], dtype=np.int64))
    assert adjacency(graph).toarray().tolist() == [[1, 1], [1, 0]]
    assert random_walk(graph).toarray().tolist() == [[0.5, 0.5], [1, 0]]


def test_permuting_nodes_permutes_the_operator() -> None:
    plain = PathStarSpec(arms=3, length=4, permute=False).build(0)
    shuffled = PathStarSpec(arms=3, length=4).build(5)
    assert plain.paths is not None
    assert shuffled.paths is not None
    new = np.empty(plain.num_nodes, dtype=np.int64)
    new[plain.paths] = shuffled.paths
    moved = neg_laplacian(shuffled).toarray()[np.ix_(new, new)]
    np.testing.assert_allclose(moved, neg_laplacian(plain).toarray(), atol=1e-12)


def test_a_source_that_is_no_node() -> None:
    fails(lambda: hop_distances(IrregularSpec().build(0), [0, 16]), "irregular", "0..15")
