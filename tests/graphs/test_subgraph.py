from __future__ import annotations

import numpy as np

from geomem.graphs.graph import Graph
from geomem.graphs.irregular import IrregularSpec
from geomem.graphs.path_star import PathStarSpec
from geomem.graphs.subgraph import largest_component, subgraph
from tests.graphs.checks import fails


def test_largest_component_keeps_order_names_and_edges() -> None:
    part = largest_component(IrregularSpec().build(0))
    assert part.num_nodes == 12
    assert len(part.edges) == 14
    assert part.labels == tuple(map(str, range(12)))
    assert part.groups == ("ring",) * 12


def test_nodes_are_renumbered_in_the_order_given() -> None:
    graph = Graph("g", 4, np.array([[0, 1], [1, 2], [2, 3]]), coordinates=np.arange(8.0).reshape(4, 2), root=2)
    part = subgraph(graph, np.array([2, 1]))
    assert part.edges.tolist() == [[1, 0]]
    assert part.labels == ("2", "1")
    assert part.root == 0
    assert part.coordinates is not None
    assert part.coordinates.tolist() == [[4.0, 5.0], [2.0, 3.0]]


def test_only_whole_paths_stay() -> None:
    graph = PathStarSpec(arms=3, length=3, permute=False).build(0)
    part = subgraph(graph, np.array([0, 1, 2, 3]))
    assert part.paths is not None
    assert part.paths.tolist() == [[0, 1, 2]]
    without_root = subgraph(graph, np.array([1, 2]))
    assert without_root.root is None
    assert without_root.paths is None


def test_no_edge_left_is_said() -> None:
    fails(lambda: subgraph(IrregularSpec().build(0), np.array([0, 12])), "irregular", "at least one edge")
