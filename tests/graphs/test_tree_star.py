from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.graphs.networkx_io import to_networkx
from geomem.graphs.path_star import PathStarSpec
from geomem.graphs.tree_star import TreeStarSpec, subtree_nodes
from tests.graphs.checks import fails

ARMS, BRANCHING, LENGTH = st.integers(1, 5), st.integers(1, 4), st.integers(2, 5)


@given(arms=ARMS, branching=BRANCHING, length=LENGTH, seed=st.integers(0, 9))
def test_counts_of_the_card(arms: int, branching: int, length: int, seed: int) -> None:
    graph = TreeStarSpec(arms=arms, branching=branching, length=length).build(seed)
    subtree = length - 1 if branching == 1 else (branching ** (length - 1) - 1) // (branching - 1)
    assert graph.num_nodes == 1 + arms * subtree
    assert len(graph.edges) == graph.num_nodes - 1
    assert graph.paths is not None
    assert graph.paths.shape == (arms * branching ** (length - 2), length)


@given(arms=ARMS, branching=BRANCHING, length=LENGTH, seed=st.integers(0, 9))
def test_paths_are_what_networkx_finds(arms: int, branching: int, length: int, seed: int) -> None:
    graph = TreeStarSpec(arms=arms, branching=branching, length=length).build(seed)
    tree = to_networkx(graph)
    leaves = [node for node in tree if tree.out_degree(node) == 0]
    expected = {tuple(nx.shortest_path(tree, graph.root, leaf)) for leaf in leaves}
    assert graph.paths is not None
    assert {tuple(path) for path in graph.paths.tolist()} == expected


def test_a_branching_equal_to_arms_is_a_balanced_tree() -> None:
    drawn = to_networkx(TreeStarSpec(arms=3, branching=3, length=4).build(1)).to_undirected()
    assert nx.is_isomorphic(drawn, nx.balanced_tree(3, 3))


def test_no_branching_is_a_path_star() -> None:
    tree = TreeStarSpec(arms=3, branching=1, length=5, permute=False).build(0)
    star = PathStarSpec(arms=3, length=5, permute=False).build(0)
    assert tree.edges.tolist() == star.edges.tolist()


def test_groups_are_arms_and_arms_are_contiguous_before_the_shuffle() -> None:
    graph = TreeStarSpec(arms=2, branching=2, length=3, permute=False).build(0)
    assert graph.groups == ("root", "0", "0", "0", "1", "1", "1")
    assert graph.edges.tolist() == [[0, 1], [1, 2], [1, 3], [0, 4], [4, 5], [4, 6]]


def test_permutation_keeps_the_tree() -> None:
    spec = TreeStarSpec(arms=3, branching=2, length=4)
    plain = spec.model_copy(update={"permute": False}).build(0)
    assert nx.is_isomorphic(to_networkx(plain), to_networkx(spec.build(4)))


def test_a_hundred_thousand_nodes() -> None:
    graph = TreeStarSpec(arms=13, branching=2, length=14).build(0)
    assert graph.num_nodes == 1 + 13 * (2**13 - 1)
    assert len(np.unique(graph.edges[:, 1])) == graph.num_nodes - 1


@pytest.mark.parametrize("branching", [2, 10])
def test_towers_are_refused_quickly(branching: int) -> None:
    fails(lambda: subtree_nodes(branching, 10**9), "tree-star", str(branching), "nodes")
