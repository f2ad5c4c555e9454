from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
import torch

from geomem.tasks.triangle_graph import closed, triangle_graph, triangles, wedges


def random_edges(nodes: int, share: float, seed: int) -> torch.Tensor:
    pairs = list(nx.gnp_random_graph(nodes, share, seed=seed).edges())
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 1.0])
def test_triangles_are_those_of_networkx(share: float) -> None:
    edges = random_edges(25, share, seed=3)
    found = [tuple(row) for row in triangles(edges, 25).tolist()]
    graph = nx.Graph(edges.tolist())
    cliques = itertools.takewhile(lambda clique: len(clique) <= 3, nx.enumerate_all_cliques(graph))
    expected = {tuple(sorted(clique)) for clique in cliques if len(clique) == 3}
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert len(found) == sum(nx.triangles(graph).values()) // 3


def test_wedges_are_all_pairs_of_neighbours() -> None:
    edges = random_edges(15, 0.3, seed=1)
    graph = nx.Graph(edges.tolist())
    expected = [(u, v, w) for u in sorted(graph) for v, w in itertools.combinations(sorted(graph[u]), 2)]
    found = wedges(edges, 15)
    assert [tuple(row) for row in found.nodes.tolist()] == expected
    assert closed(found, edges).tolist() == [graph.has_edge(v, w) for _, v, w in expected]
    assert found.degrees.tolist() == [graph.degree(node) if node in graph else 0 for node in range(15)]


def test_the_graph_is_simple_and_its_seed_decides_it() -> None:
    one, two, other = (triangle_graph(200, 3, 6, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert bool((one[:, 0] < one[:, 1]).all())
    assert len(torch.unique(one, dim=0)) == len(one)


def test_before_closing_every_node_has_the_degree_asked_for_and_none_is_crowded() -> None:
    edges = triangle_graph(300, 3, 0, np.random.default_rng(0))
    degrees = torch.bincount(edges.flatten(), minlength=300)
    assert int(degrees.min()) >= 3
    # A partner has at most 1.2 * 3 edges, that is 3, before one is added.
    assert int(degrees.max()) <= 4
    closings = triangle_graph(300, 3, 6, np.random.default_rng(0))
    assert len(closings) <= len(edges) + 300 * 6
    assert len(triangles(closings, 300)) > 10 * len(triangles(edges, 300))


def test_a_graph_too_small_for_its_degree_is_complete() -> None:
    assert len(triangle_graph(4, 6, 0, np.random.default_rng(0))) == 6


def test_every_closing_closes_a_triangle() -> None:
    """One closing a node adds at most one edge a node, and each has a neighbour in common to it."""
    before, after = (triangle_graph(60, 2, closures, np.random.default_rng(5)) for closures in (0, 1))
    graph, old = nx.Graph(after.tolist()), nx.Graph(before.tolist())
    added = [pair for pair in graph.edges() if not old.has_edge(*pair)]
    assert 0 < len(added) <= 60
    assert all(list(nx.common_neighbors(graph, *pair)) for pair in added)
