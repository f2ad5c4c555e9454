from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from geomem.graphs import GRAPHS
from geomem.graphs.graph import Graph
from geomem.graphs.networkx_io import from_networkx, to_networkx
from geomem.graphs.parse import graph_from_text
from tests.graphs.checks import fails


@pytest.mark.usefixtures("small_wordnet")
@pytest.mark.parametrize("kind", [kind for kind in GRAPHS if kind != "file"])
def test_every_family_comes_back_from_networkx(kind: str) -> None:
    graph = graph_from_text(kind).build(3)
    again = from_networkx(to_networkx(graph))
    assert sorted(again.edges.tolist()) == sorted(graph.edges.tolist())
    for name in ("name", "num_nodes", "labels", "groups", "root", "coordinate_kind"):
        assert getattr(again, name) == getattr(graph, name), name
    assert (again.coordinates is None) == (graph.coordinates is None)
    if graph.coordinates is not None:
        np.testing.assert_array_equal(again.coordinates, graph.coordinates)


def test_integers_keep_their_order_and_other_names_the_graphs() -> None:
    assert from_networkx(nx.Graph([(5, 3), (3, 9)])).labels == ("3", "5", "9")
    assert from_networkx(nx.Graph([("z", "b"), ("b", "a")])).labels == ("z", "b", "a")
    assert from_networkx(nx.grid_2d_graph(2, 2)).labels == ("(0, 0)", "(0, 1)", "(1, 0)", "(1, 1)")


def test_directed_edges_keep_their_direction() -> None:
    assert from_networkx(nx.DiGraph([(1, 0), (1, 2)])).edges.tolist() == [[1, 0], [1, 2]]


def test_isolated_nodes_stay() -> None:
    drawn = nx.Graph([(0, 1)])
    drawn.add_node(2)
    assert from_networkx(drawn).num_nodes == 3


def test_real_graph() -> None:
    graph = from_networkx(nx.karate_club_graph())
    assert (graph.name, graph.num_nodes, len(graph.edges)) == ("Zachary's Karate Club", 34, 78)


def test_repeats_and_loops_as_in_files() -> None:
    fails(lambda: from_networkx(nx.DiGraph([("a", "b"), ("b", "a")]), "mine"), "mine", "'b'-'a'", "on_duplicate=drop")
    fails(lambda: from_networkx(nx.MultiGraph([(0, 1), (0, 1)])), "networkx graph", "repeats")
    fails(lambda: from_networkx(nx.Graph([(0, 0), (0, 1)])), "self-loop at '0'", "on_self_loop")
    assert len(from_networkx(nx.DiGraph([(0, 1), (1, 0)]), on_duplicate="drop").edges) == 1
    assert len(from_networkx(nx.Graph([(0, 0), (0, 1)]), on_self_loop="keep").edges) == 2


def test_an_empty_graph_and_equal_names() -> None:
    fails(lambda: from_networkx(nx.Graph()), "no edges")
    fails(lambda: from_networkx(nx.empty_graph(3)), "no edges")
    fails(lambda: from_networkx(nx.Graph([(1, "1")])), "same name", "'1'")


def test_labels_are_used_only_when_they_tell_nodes_apart() -> None:
    drawn = nx.Graph([(0, 1)])
    nx.set_node_attributes(drawn, {0: "a", 1: "b"}, "label")
    assert from_networkx(drawn).labels == ("a", "b")
    nx.set_node_attributes(drawn, "same", "label")
    assert from_networkx(drawn).labels is None


def test_coordinates_of_some_nodes_only() -> None:
    drawn = nx.Graph([("a", "b")])
    nx.set_node_attributes(drawn, {"a": 1.0, "b": 2.0}, "lat")
    nx.set_node_attributes(drawn, {"a": 1.0}, "lon")
    fails(lambda: from_networkx(drawn), "node 'b'", "lon is missing")


def test_what_networkx_cannot_hold_is_left_out() -> None:
    line = Graph("line", 2, np.array([[0, 1]]), coordinates=np.array([[0.0], [1.0]]))
    assert dict(to_networkx(line).nodes(data=True)) == {0: {}, 1: {}}
