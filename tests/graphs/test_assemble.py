from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.graphs.assemble import NodeTable, Pairs, assemble, coordinates_in
from tests.graphs.checks import fails


def pairs(*named: str, lines: bool = True) -> Pairs:
    sources, targets = zip(*(name.split("-") for name in named), strict=True)
    return Pairs("f.txt", sources, targets, range(1, len(named) + 1) if lines else None)


def test_whole_numbers_keep_their_order() -> None:
    graph = assemble("g", pairs("10-2", "2-9"), None, "error", "error")
    assert graph.labels == ("2", "9", "10")
    assert graph.edges.tolist() == [[2, 0], [0, 1]]


def test_numbers_without_gaps_need_no_labels() -> None:
    graph = assemble("g", pairs("2-0", "1-2"), None, "error", "error")
    assert graph.labels is None
    assert graph.edges.tolist() == [[2, 0], [1, 2]]


@pytest.mark.parametrize("names", [("b-a", "a-c"), ("07-1", "1-2"), ("b-1", "1-2")])
def test_other_names_go_by_first_appearance(names: tuple[str, ...]) -> None:
    graph = assemble("g", pairs(*names), None, "error", "error")
    assert graph.labels == tuple(dict.fromkeys("-".join(names).split("-")))


def test_a_node_table_decides_order_and_keeps_isolated_nodes() -> None:
    nodes = NodeTable("n.csv", ["c", "b", "a"], ["x", "y", "z"], np.arange(6.0).reshape(3, 2))
    graph = assemble("g", pairs("a-b"), nodes, "error", "error")
    assert (graph.labels, graph.groups, graph.num_nodes) == (("c", "b", "a"), ("x", "y", "z"), 3)
    assert graph.edges.tolist() == [[2, 1]]


def test_a_node_table_of_numbers_is_sorted_with_all_it_knows() -> None:
    nodes = NodeTable("n.csv", ["2", "0", "1"], ["two", "zero", "one"], np.array([[2.0], [0.0], [1.0]]))
    graph = assemble("g", pairs("2-1"), nodes, "error", "error")
    assert graph.labels is None
    assert graph.groups == ("zero", "one", "two")
    assert graph.coordinates is not None
    assert graph.coordinates.ravel().tolist() == [0.0, 1.0, 2.0]
    assert graph.edges.tolist() == [[2, 1]]


def test_a_node_missing_in_the_table() -> None:
    nodes = NodeTable("n.csv", ["China", "Mongolia"])
    call = lambda: assemble("g", pairs("China-Mongolia", "Mongolia-Chino"), nodes, "error", "error")  # noqa: E731
    fails(call, "f.txt line 2", "'Chino'", "n.csv", "did you mean 'China'")


def test_self_loops() -> None:
    named = pairs("a-b", "b-b", "b-c")
    fails(lambda: assemble("g", named, None, "error", "error"), "f.txt line 2", "self-loop at 'b'", "on_self_loop=drop")
    assert assemble("g", named, None, "drop", "error").edges.tolist() == [[0, 1], [1, 2]]
    assert assemble("g", named, None, "keep", "error").edges.tolist() == [[0, 1], [1, 1], [1, 2]]


@pytest.mark.parametrize("again", ["a-b", "b-a"])
def test_repeated_edges_in_either_direction(again: str) -> None:
    named = pairs("a-b", "b-c", again)
    call = lambda: assemble("g", named, None, "error", "error")  # noqa: E731
    u, v = again.split("-")
    fails(call, "f.txt line 3", f"'{u}'-'{v}'", "repeats line 1", "'a'-'b'", "on_duplicate=drop")
    assert assemble("g", named, None, "error", "drop").edges.tolist() == [[0, 1], [1, 2]]


def test_a_repeated_self_loop_that_is_kept_is_a_repeat_and_one_dropped_is_not() -> None:
    named = pairs("a-b", "b-b", "b-b")
    fails(lambda: assemble("g", named, None, "keep", "error"), "line 3", "repeats line 2")
    assert assemble("g", named, None, "drop", "error").edges.tolist() == [[0, 1]]
    assert assemble("g", named, None, "keep", "drop").edges.tolist() == [[0, 1], [1, 1]]


def test_places_without_lines() -> None:
    fails(lambda: assemble("g", pairs("a-b", "b-a", lines=False), None, "error", "error"), "f.txt: edge", "'a'-'b'")


def test_nothing_left() -> None:
    fails(lambda: assemble("g", Pairs("f.txt", [], []), None, "error", "error"), "f.txt", "no edges")
    fails(lambda: assemble("g", pairs("a-a"), None, "drop", "error"), "f.txt", "no edges left", "self-loops")


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=40).filter(
        lambda e: any(u != v for u, v in e)
    )
)
def test_dropping_leaves_each_undirected_edge_once_as_first_written(edges: list[tuple[int, int]]) -> None:
    named = Pairs("f.txt", [f"n{u}" for u, _ in edges], [f"n{v}" for _, v in edges])
    graph = assemble("g", named, None, "drop", "drop")
    expected: dict[frozenset[int], tuple[int, int]] = {}
    for u, v in edges:
        if u != v:
            expected.setdefault(frozenset((u, v)), (u, v))
    got = [(graph.label(u), graph.label(v)) for u, v in graph.edges.tolist()]
    assert got == [(f"n{u}", f"n{v}") for u, v in expected.values()]


def test_coordinates() -> None:
    places = ["row 1", "row 2"]
    values, kind = coordinates_in({"lat": ["1", "2"], "lon": ["-180", "4.5"]}, places)
    assert kind == "sphere"
    assert values is not None
    assert values.tolist() == [[1.0, -180.0], [2.0, 4.5]]
    assert coordinates_in({"y": [1, 2], "x": [3, 400]}, places)[1] == "plane"
    assert coordinates_in({}, places) == (None, "plane")


@pytest.mark.parametrize(
    ("columns", "facts"),
    [
        ({"x": ["1", "nan"], "y": ["1", "2"]}, ("row 2", "x 'nan'", "finite number")),
        ({"x": ["1", "2"], "y": ["inf", "2"]}, ("row 1", "y 'inf'", "finite number")),
        ({"lat": ["1", "north"], "lon": ["1", "2"]}, ("row 2", "lat 'north'", "finite number")),
        ({"lat": ["1", ""], "lon": ["1", "2"]}, ("row 2", "lat is missing")),
        ({"lat": ["1", None], "lon": ["1", "2"]}, ("row 2", "lat is missing")),
        ({"lat": ["91", "1"], "lon": ["1", "2"]}, ("row 1", "lat 91", "-90..90")),
        ({"lat": ["90", "1"], "lon": ["1", "-181"]}, ("row 2", "lon -181", "-180..180")),
        ({"x": ["1", "1"]}, ("'x'", "no 'y'")),
        ({"lon": ["1", "1"]}, ("'lon'", "no 'lat'")),
        ({"x": ["1", "1"], "lat": ["1", "1"]}, ("x, y and lat, lon",)),
    ],
)
def test_bad_coordinates(columns: dict[str, list[object]], facts: tuple[str, ...]) -> None:
    fails(lambda: coordinates_in(columns, ["row 1", "row 2"]), *facts)
