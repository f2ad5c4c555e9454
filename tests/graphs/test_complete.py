from __future__ import annotations

import networkx as nx
import pytest

from geomem.graphs.complete import CompleteSpec
from geomem.graphs.networkx_io import to_networkx


@pytest.mark.parametrize("nodes", [2, 3, 9])
def test_every_pair_once_from_lower_to_higher(nodes: int) -> None:
    graph = CompleteSpec(nodes=nodes).build(0)
    assert len(graph.edges) == nodes * (nodes - 1) // 2
    assert (graph.edges[:, 0] < graph.edges[:, 1]).all()
    assert nx.is_isomorphic(to_networkx(graph).to_undirected(), nx.complete_graph(nodes))
