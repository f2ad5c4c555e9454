from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.graphs.networkx_io import to_networkx
from geomem.graphs.path_star import PathStarSpec


@given(arms=st.integers(1, 12), length=st.integers(2, 9), seed=st.integers(0, 9), permute=st.booleans())
def test_counts_directions_and_paths(arms: int, length: int, seed: int, permute: bool) -> None:
    graph = PathStarSpec(arms=arms, length=length, permute=permute).build(seed)
    assert graph.num_nodes == arms * (length - 1) + 1
    assert len(graph.edges) == arms * (length - 1)
    assert graph.paths is not None
    assert graph.paths.shape == (arms, length)
    assert (graph.paths[:, 0] == graph.root).all()
    # Each node but the root lies on exactly one path, and consecutive nodes are the forward edges: away from the root.
    assert sorted([*graph.paths[:, 1:].ravel().tolist(), graph.root]) == list(range(graph.num_nodes))
    along = np.stack([graph.paths[:, :-1].ravel(), graph.paths[:, 1:].ravel()], axis=1)
    assert {tuple(edge) for edge in along.tolist()} == {tuple(edge) for edge in graph.edges.tolist()}


@pytest.mark.parametrize(
    ("arms", "length", "nodes"), [(5000, 5, 20001), (10000, 6, 50001), (10000, 10, 90001), (4, 5, 17)]
)
def test_published_sizes(arms: int, length: int, nodes: int) -> None:
    assert PathStarSpec(arms=arms, length=length).build(0).num_nodes == nodes


def test_same_graph_as_networkx() -> None:
    drawn = nx.Graph()
    for arm in range(4):
        nx.add_path(drawn, ["root", *((arm, place) for place in range(4))])
    assert nx.is_isomorphic(to_networkx(PathStarSpec(arms=4, length=5).build(3)).to_undirected(), drawn)


def test_groups_are_arms() -> None:
    graph = PathStarSpec(arms=3, length=4).build(5)
    assert graph.paths is not None
    assert graph.groups is not None
    assert graph.groups[graph.paths[0, 0]] == "root"
    for arm, path in enumerate(graph.paths):
        assert {graph.groups[node] for node in path[1:]} == {str(arm)}


def test_permutation_only_renames_nodes() -> None:
    plain = PathStarSpec(arms=6, length=4, permute=False).build(0)
    shuffled = PathStarSpec(arms=6, length=4).build(7)
    assert plain.root == 0
    assert plain.paths is not None
    assert shuffled.paths is not None
    assert plain.paths[0].tolist() == [0, 1, 2, 3]
    new = np.empty(plain.num_nodes, dtype=np.int64)
    new[plain.paths] = shuffled.paths
    assert new[plain.edges].tolist() == shuffled.edges.tolist()


def test_seed_decides_ids_uniformly() -> None:
    spec = PathStarSpec(arms=4, length=3)
    assert spec.build(1).edges.tolist() == spec.build(1).edges.tolist()
    assert spec.build(1).edges.tolist() != spec.build(2).edges.tolist()
    roots = np.bincount([spec.build(seed).root or 0 for seed in range(900)], minlength=9)
    # 900 draws over 9 ids: 100 each, standard deviation 9.4; five of those leave room for chance.
    assert np.abs(roots - 100).max() < 47


def test_a_hundred_thousand_nodes() -> None:
    graph = PathStarSpec(arms=20_000, length=6).build(0)
    assert graph.num_nodes == 100_001
    assert len(np.unique(graph.edges[:, 1])) == 100_000
