from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geomem.graphs.grid import GridSpec
from geomem.graphs.networkx_io import to_networkx
from tests.graphs.checks import fails


@given(st.integers(1, 6), st.integers(2, 6))
def test_edges_are_networkx_edges(rows: int, columns: int) -> None:
    graph = GridSpec(rows=rows, columns=columns).build(0)
    expected = {
        frozenset((a * columns + b, c * columns + d)) for (a, b), (c, d) in nx.grid_2d_graph(rows, columns).edges()
    }
    assert {frozenset(edge) for edge in graph.edges.tolist()} == expected
    assert len(graph.edges) == len(expected) == rows * (columns - 1) + columns * (rows - 1)
    assert nx.is_isomorphic(to_networkx(graph).to_undirected(), nx.grid_2d_graph(rows, columns))


def test_forward_is_right_and_down_and_coordinates_are_row_and_column() -> None:
    graph = GridSpec(rows=3, columns=5).build(0)
    assert graph.coordinates is not None
    assert graph.coordinates[7].tolist() == [1.0, 2.0]
    steps = graph.coordinates[graph.edges[:, 1]] - graph.coordinates[graph.edges[:, 0]]
    assert {tuple(step) for step in steps.tolist()} == {(0.0, 1.0), (1.0, 0.0)}


def test_one_node_is_no_graph() -> None:
    fails(lambda: GridSpec(rows=1, columns=1).build(0), "grid(1, 1)", "at least one edge")


def test_a_hundred_thousand_nodes() -> None:
    assert np.bincount(GridSpec(rows=320, columns=320).build(0).edges.ravel()).max() == 4
