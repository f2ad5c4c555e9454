from __future__ import annotations

import json

import networkx as nx
import numpy as np
import pytest
import scipy.sparse.linalg as sparse_linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.graphs import describe as module
from geomem.graphs.describe import Description, describe, diameter_bound, exact_diameter, is_bipartite, top_eigenvalues
from geomem.graphs.graph import Graph
from geomem.graphs.matrices import neg_laplacian
from geomem.graphs.networkx_io import to_networkx
from geomem.graphs.parse import graph_from_text

NODES = 8
EDGES = st.sets(
    st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)).filter(lambda e: e[0] < e[1]), min_size=1
)
GRAPHS = EDGES.map(lambda pairs: Graph("random", NODES, np.array(sorted(pairs), dtype=np.int64)))


@given(GRAPHS)
@settings(max_examples=60)
def test_agrees_with_networkx(graph: Graph) -> None:
    drawn = to_networkx(graph).to_undirected()
    found = describe(graph)
    parts = [drawn.subgraph(part) for part in nx.connected_components(drawn)]
    degrees = [degree for _, degree in drawn.degree()]
    assert (found.nodes, found.edges, found.self_edges) == (NODES, drawn.number_of_edges(), 0)
    assert (found.degree_min, found.degree_max) == (min(degrees), max(degrees))
    assert found.degree_mean == pytest.approx(np.mean(degrees))
    assert found.degree_histogram == {degree: degrees.count(degree) for degree in sorted(set(degrees))}
    assert found.components == found.trivial_vectors == len(parts)
    sizes = sorted((len(part) for part in parts), reverse=True)
    assert list(found.component_sizes.items()) == [(size, sizes.count(size)) for size in dict.fromkeys(sizes)]
    assert found.isolated == degrees.count(0)
    assert found.bipartite == nx.is_bipartite(drawn)
    assert found.diameter == max(nx.diameter(part) for part in parts)
    assert found.diameter_exact
    assert found.eigenvalues_exact
    expected = np.linalg.eigvalsh(neg_laplacian(graph).toarray())[::-1]
    np.testing.assert_allclose(found.eigenvalues, expected[:10], atol=1e-10)


@given(GRAPHS)
@settings(max_examples=30)
def test_sweeps_bound_the_diameter_from_below(graph: Graph) -> None:
    assert 1 <= diameter_bound(graph) <= exact_diameter(graph)


@pytest.mark.parametrize("text", ["path-star:arms=7,length=6", "tree-star:arms=3,branching=2,length=5"])
def test_sweeps_are_exact_on_trees(text: str) -> None:
    graph = graph_from_text(text).build(1)
    assert diameter_bound(graph) == exact_diameter(graph)


def test_a_self_edge_is_counted_and_no_two_colours_do() -> None:
    found = describe(Graph("loop", 2, np.array([[0, 0], [0, 1]], dtype=np.int64)))
    assert (found.edges, found.self_edges, found.bipartite) == (2, 1, False)


def test_cycles_are_bipartite_when_even() -> None:
    assert [is_bipartite(graph_from_text(f"cycle:nodes={n}").build(0)) for n in (14, 15)] == [True, False]


def test_large_graphs_are_described_by_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_from_text("erdos-renyi:nodes=300,probability=0.03").build(0)
    exact = describe(graph, 6)
    monkeypatch.setattr(module, "EXACT_NODES", 100)
    near = describe(graph, 6)
    assert not near.diameter_exact
    assert not near.eigenvalues_exact
    assert near.diameter <= exact.diameter
    np.testing.assert_allclose(near.eigenvalues, exact.eigenvalues, atol=2e-4)
    rows = dict(near.rows())
    assert rows["diameter"].startswith("at least ")
    assert "Lanczos" in rows["top eigenvalues of -L"]


def test_a_spectrum_that_does_not_settle_is_not_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsettled(*_: object, **__: object) -> None:
        raise sparse_linalg.ArpackNoConvergence("no", np.array([1.5]), np.empty((0, 1)))

    monkeypatch.setattr(module, "EXACT_NODES", 10)
    monkeypatch.setattr(module.sparse_linalg, "eigsh", unsettled)
    values, exact = top_eigenvalues(graph_from_text("cycle").build(0), 4)
    assert (values.tolist(), exact) == ([-0.5], False)


def test_json_and_rows() -> None:
    found = describe(graph_from_text("path-star:arms=3,length=4").build(0))
    assert Description.model_validate_json(found.model_dump_json()) == found
    assert json.loads(found.model_dump_json())["component_sizes"] == {"10": 1}
    rows = dict(found.rows())
    assert rows["nodes"] == "10"
    assert rows["paths"] == "3 of 4 nodes"
    assert rows["components"] == "1: 10 nodes"
    assert all("\n" not in value and len(value) < 200 for value in rows.values())


def test_a_hundred_thousand_nodes() -> None:
    found = describe(graph_from_text("path-star:arms=20000,length=6").build(0))
    assert (found.nodes, found.diameter, found.bipartite) == (100_001, 10, True)
    # The d - 1 fold eigenvalue below the trivial one is that of an arm held at its root (block of W + W^T).
    arm = np.diag(np.full(4, 1.0), 1) + np.diag(np.full(4, 1.0), -1)
    arm[3, 4] = arm[4, 3] = 1.5
    assert found.eigenvalues[1] == pytest.approx(np.linalg.eigvalsh(arm)[-1] - 2, abs=1e-3)
