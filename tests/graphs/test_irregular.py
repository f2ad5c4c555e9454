from __future__ import annotations

import networkx as nx

from geomem.graphs.irregular import IrregularSpec
from geomem.graphs.networkx_io import to_networkx


def test_sixteen_nodes_twenty_edges_two_components() -> None:
    graph = IrregularSpec().build(0)
    drawn = to_networkx(graph).to_undirected()
    assert (graph.num_nodes, len(graph.edges)) == (16, 20)
    parts = sorted(nx.connected_components(drawn), key=len)
    assert [len(part) for part in parts] == [4, 12]
    assert nx.is_isomorphic(drawn.subgraph(parts[0]), nx.complete_graph(4))
    assert (graph.edges[:, 0] < graph.edges[:, 1]).all()


def test_the_larger_part_is_a_ring_with_two_shortcuts() -> None:
    drawn = to_networkx(IrregularSpec().build(0)).to_undirected()
    ring = nx.cycle_graph(12)
    ring.add_edges_from([(1, 3), (5, 8)])
    assert set(map(frozenset, drawn.subgraph(range(12)).edges)) == set(map(frozenset, ring.edges))
    assert drawn.degree(1) == drawn.degree(3) == drawn.degree(5) == drawn.degree(8) == 3


def test_groups_are_the_components() -> None:
    groups = IrregularSpec().build(0).groups
    assert groups is not None
    assert (groups[11], groups[12]) == ("ring", "clique")
