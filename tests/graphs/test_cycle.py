from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from geomem.graphs.cycle import CycleSpec
from geomem.graphs.networkx_io import to_networkx


@pytest.mark.parametrize("nodes", [3, 15, 40])
def test_is_a_cycle_in_order(nodes: int) -> None:
    graph = CycleSpec(nodes=nodes).build(0)
    assert graph.num_nodes == len(graph.edges) == nodes
    assert graph.edges.tolist() == [[node, (node + 1) % nodes] for node in range(nodes)]
    assert nx.is_isomorphic(to_networkx(graph).to_undirected(), nx.cycle_graph(nodes))


def test_neighbours_are_evenly_spaced_on_the_unit_circle() -> None:
    graph = CycleSpec(nodes=15).build(0)
    assert graph.coordinates is not None
    np.testing.assert_allclose(np.linalg.norm(graph.coordinates, axis=1), 1.0)
    sides = np.linalg.norm(graph.coordinates[graph.edges[:, 0]] - graph.coordinates[graph.edges[:, 1]], axis=1)
    np.testing.assert_allclose(sides, 2 * np.sin(np.pi / 15))


def test_a_hundred_thousand_nodes() -> None:
    assert CycleSpec(nodes=100_000).build(0).num_nodes == 100_000
