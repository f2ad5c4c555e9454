from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.neighbours import Neighbours
from tests.geometry.samples import random_graph


def test_against_a_dictionary() -> None:
    edges = random_graph(20, 60)
    expected = {u: sorted({v for w, v in edges.tolist() if w == u}) for u in range(20)}
    neighbours = Neighbours.from_edges(edges, 20)
    assert neighbours.degrees.tolist() == [len(expected[u]) for u in range(20)]
    nodes = torch.tensor([7, 3, 19, 3])
    rows, targets = neighbours.of(nodes)
    for row, node in enumerate(nodes.tolist()):
        assert targets[rows == row].tolist() == expected[node]


@pytest.mark.parametrize(("edges", "wrong"), [([[0, 5]], "node 5"), ([[-1, 0]], "node -1")])
def test_edges_outside_the_nodes(edges: list[list[int]], wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        Neighbours.from_edges(torch.tensor(edges), 5)


def test_no_edges() -> None:
    with pytest.raises(InputError, match="at least one edge"):
        Neighbours.from_edges(torch.zeros(0, 2, dtype=torch.int64), 5)
