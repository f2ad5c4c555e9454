from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.graphs.graph import MAX_EDGES, MAX_NODES, Graph, check_size
from geomem.graphs.parse import graph_from_text
from tests.graphs.checks import fails

PAIRS = np.array([[0, 2], [0, 1], [2, 1]], dtype=np.int64)


def test_needs_edges_and_nodes_within_range() -> None:
    fails(lambda: Graph("g", 3, np.empty((0, 2), dtype=np.int64)), "'g'", "at least one edge")
    fails(lambda: Graph("g", 2, PAIRS), "'g'", "0..1")
    fails(lambda: Graph("g", 3, PAIRS - 1), "0..2")


@pytest.mark.parametrize("what", ["labels", "groups", "coordinates"])
def test_what_is_known_of_nodes_must_be_known_of_all(what: str) -> None:
    fails(lambda: Graph("g", 3, PAIRS, **{what: np.zeros((2, 2))}), "2 " + what, "3 nodes")


def test_directed_edges_in_the_order_of_the_card() -> None:
    graph = Graph("g", 3, PAIRS)
    forward = [[0, 1], [0, 2], [2, 1]]
    backward = [[1, 0], [2, 0], [1, 2]]
    assert graph.directed_edges("forward").tolist() == forward
    assert graph.directed_edges("backward").tolist() == backward
    assert graph.directed_edges("both").tolist() == forward + backward
    assert graph.directed_edges("forward", self_edges=True).tolist() == [*forward, [0, 0], [1, 1], [2, 2]]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30), st.booleans())
def test_directed_edges_are_the_symmetric_closure_without_repeats(
    pairs: list[tuple[int, int]], self_edges: bool
) -> None:
    graph = Graph("g", 7, np.array(pairs, dtype=np.int64))
    got = [tuple(pair) for pair in graph.directed_edges("both", self_edges=self_edges).tolist()]
    expected = set(pairs) | {(v, u) for u, v in pairs} | ({(u, u) for u in range(7)} if self_edges else set())
    assert len(got) == len(set(got))
    assert set(got) == expected


def test_labels() -> None:
    assert Graph("g", 3, PAIRS).label(2) == "2"
    assert Graph("g", 3, PAIRS, labels=("a", "b", "c")).label(2) == "c"


def test_sizes_that_would_not_fit_are_refused() -> None:
    check_size("g", MAX_NODES, MAX_EDGES)
    fails(lambda: check_size("g", MAX_NODES + 1, 1), "g: ", str(MAX_NODES + 1), str(MAX_NODES))
    fails(lambda: check_size("g", 2, MAX_EDGES + 1), "g: ", str(MAX_EDGES))


@pytest.mark.parametrize(
    "text",
    [
        "path-star:arms=1000000000000,length=10",
        "tree-star:arms=2,branching=2,length=1000000000",
        "grid:rows=1000000,columns=1000000",
        "cycle:nodes=100000000000",
        "complete:nodes=100000",
        "erdos-renyi:nodes=1000000,probability=0.5",
    ],
)
def test_every_family_refuses_a_mistyped_size(text: str) -> None:
    fails(lambda: graph_from_text(text), text.partition(":")[0])
