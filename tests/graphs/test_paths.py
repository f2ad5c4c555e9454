from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.graphs.complete import CompleteSpec
from geomem.graphs.graph import Graph
from geomem.graphs.grid import GridSpec
from geomem.graphs.irregular import IrregularSpec
from geomem.graphs.matrices import adjacency
from geomem.graphs.networkx_io import to_networkx
from geomem.graphs.path_star import PathStarSpec
from geomem.graphs.paths import cycle_paths, grid_paths, non_backtracking_walks, paths_from_root, walk_paths
from geomem.graphs.tree_star import TreeStarSpec
from tests.graphs.checks import fails


def assert_walks(graph: Graph, walks: np.ndarray) -> None:
    dense = adjacency(graph).toarray()
    assert (dense[walks[:, :-1], walks[:, 1:]] == 1).all()
    assert (walks[:, 2:] != walks[:, :-2]).all()


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 35), st.integers(2, 7))
@settings(max_examples=60)
def test_paths_from_root_are_shortest_and_reach_every_node_that_far(
    rows: int, columns: int, at: int, length: int
) -> None:
    graph = GridSpec(rows=rows, columns=columns).build(0)
    root = at % graph.num_nodes
    hops = nx.single_source_shortest_path_length(to_networkx(graph).to_undirected(), root)
    ends = sorted(node for node, far in hops.items() if far == length - 1)
    if not ends:
        fails(
            lambda: paths_from_root(graph, root, length),
            "grid",
            f"{length - 1} hops",
            f"at most {max(hops.values()) + 1}",
        )
        return
    paths = paths_from_root(graph, root, length)
    assert paths[:, -1].tolist() == ends
    assert (paths[:, 0] == root).all()
    assert (adjacency(graph).toarray()[paths[:, :-1], paths[:, 1:]] == 1).all()


def test_paths_from_the_root_of_a_star_are_its_own() -> None:
    graph = TreeStarSpec(arms=3, branching=2, length=4).build(2)
    assert graph.paths is not None
    assert {tuple(path) for path in paths_from_root(graph, length=4).tolist()} == set(map(tuple, graph.paths.tolist()))


def test_of_two_shortest_paths_the_lower_node_decides() -> None:
    square = Graph("square", 4, np.array([[0, 2], [0, 1], [2, 3], [1, 3]]))
    assert paths_from_root(square, 0, 3).tolist() == [[0, 1, 3]]


def test_nodes_out_of_reach_have_no_path() -> None:
    assert paths_from_root(IrregularSpec().build(0), 12, 2).tolist() == [[12, 13], [12, 14], [12, 15]]


def test_roots_that_are_none() -> None:
    graph = IrregularSpec().build(0)
    fails(lambda: paths_from_root(graph), "irregular", "no root", "0..15")
    fails(lambda: paths_from_root(graph, 16, 2), "root 16", "0..15")
    fails(lambda: paths_from_root(graph, 0, 1), "length 1", "at least 2")


def test_cycle_paths_are_consecutive_nodes_from_every_start() -> None:
    assert cycle_paths(5, 3).tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0], [4, 0, 1]]
    fails(lambda: cycle_paths(5, 6), "length 6", "1 to 5")


@pytest.mark.parametrize(("rows", "columns", "length"), [(4, 4, 5), (4, 4, 3), (3, 7, 4)])
def test_grid_paths_hold_all_straight_runs_and_enough_distinct_walks(rows: int, columns: int, length: int) -> None:
    paths = grid_paths(rows, columns, length, seed=1)
    graph = GridSpec(rows=rows, columns=columns).build(0)
    found = {tuple(path) for path in paths.tolist()}
    straight = {
        tuple((row + place * down) * columns + column + place * right for place in range(length))
        for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0))
        for row in range(rows)
        for column in range(columns)
        if 0 <= row + (length - 1) * down < rows and 0 <= column + (length - 1) * right < columns
    }
    assert straight <= found
    assert len(found) == len(paths) == max(rows * columns, len(straight))
    assert_walks(graph, paths)
    assert paths.tolist() == grid_paths(rows, columns, length, seed=1).tolist()


def test_a_line_has_only_its_straight_runs() -> None:
    assert sorted(grid_paths(1, 4, 3, seed=0).tolist()) == [[0, 1, 2], [1, 2, 3], [2, 1, 0], [3, 2, 1]]


def test_walk_paths_start_once_at_every_node() -> None:
    graph = IrregularSpec().build(0)
    walks = walk_paths(graph, 6, seed=3)
    assert walks[:, 0].tolist() == list(range(16))
    assert_walks(graph, walks)
    assert walks.tolist() == walk_paths(graph, 6, seed=3).tolist()
    assert walks.tolist() != walk_paths(graph, 6, seed=4).tolist()


def test_dead_ends_are_said() -> None:
    fails(lambda: walk_paths(PathStarSpec(arms=3, length=3).build(0), 4, seed=0), "path-star(3, 3)", "dead end")


def test_steps_are_uniform_over_the_other_neighbours() -> None:
    graph = CompleteSpec(nodes=5).build(0)
    walks = non_backtracking_walks(graph, np.zeros(30_000, dtype=np.int64), 3, np.random.default_rng(0))
    kinds, counts = np.unique(walks, axis=0, return_counts=True)
    # 4 first steps, then 3 that do not go back: 12 walks, 2500 each with standard deviation 48.
    assert len(kinds) == 12
    assert np.abs(counts - 2500).max() < 240
