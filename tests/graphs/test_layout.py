from __future__ import annotations

import numpy as np
import pytest

from geomem.graphs import GRAPHS
from geomem.graphs.graph import Graph
from geomem.graphs.layout import layout, pivot_layout, radial_layout
from geomem.graphs.matrices import hop_distances
from geomem.graphs.parse import graph_from_text


@pytest.mark.usefixtures("small_wordnet")
@pytest.mark.parametrize("kind", [kind for kind in GRAPHS if kind != "file"])
def test_every_family_is_drawn_the_same_every_time(kind: str) -> None:
    graph = graph_from_text(kind).build(1)
    places = layout(graph)
    assert places.shape == (graph.num_nodes, 2)
    assert np.isfinite(places).all()
    assert len(np.unique(places.round(6), axis=0)) == graph.num_nodes
    np.testing.assert_array_equal(places, layout(graph))


def test_true_places_are_used() -> None:
    countries = graph_from_text("countries").build(0)
    assert countries.coordinates is not None
    np.testing.assert_array_equal(layout(countries), countries.coordinates[:, ::-1])
    grid = graph_from_text("grid").build(0)
    np.testing.assert_array_equal(layout(grid), grid.coordinates)
    deep = Graph("deep", 2, np.array([[0, 1]]), coordinates=np.arange(6.0).reshape(2, 3))
    assert layout(deep).tolist() == [[0.0, 1.0], [3.0, 4.0]]
    line = Graph("line", 2, np.array([[0, 1]]), coordinates=np.array([[3.0], [5.0]]))
    assert layout(line).tolist() == [[3.0, 0.0], [5.0, 0.0]]


def test_stars_are_radial() -> None:
    graph = graph_from_text("tree-star:arms=3,branching=2,length=4").build(2)
    places = radial_layout(graph)
    assert graph.root is not None
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), hop_distances(graph, [graph.root])[0], atol=1e-12)
    assert graph.paths is not None
    leaves = places[graph.paths[:, -1]]
    gaps = np.linalg.norm(leaves - np.roll(leaves, 1, axis=0), axis=1)
    np.testing.assert_allclose(gaps, gaps[0])


def test_arms_of_a_path_star_are_straight() -> None:
    graph = graph_from_text("path-star:arms=5,length=4").build(2)
    assert graph.paths is not None
    arm = layout(graph)[graph.paths[2]] - layout(graph)[graph.paths[2, 0]]
    assert np.linalg.matrix_rank(arm, tol=1e-9) == 1


def test_computed_places_are_within_reach() -> None:
    for kind in ("path-star", "irregular", "complete", "erdos-renyi:nodes=900,probability=0.002"):
        assert np.linalg.norm(layout(graph_from_text(kind).build(0)), axis=1).max() <= 1.25 + 1e-9


def test_pivots_unfold_a_long_path() -> None:
    graph = graph_from_text("grid:rows=1,columns=600").build(0)
    along = pivot_layout(graph)[:, 0]
    steps = np.diff(along)
    assert (steps > 0).all() or (steps < 0).all()


def test_small_components_stand_around_the_largest() -> None:
    edges = np.array([[0, 1], [1, 2], [2, 3], [4, 5]])
    places = pivot_layout(Graph("two", 7, edges))
    radius = np.linalg.norm(places, axis=1)
    assert radius[:4].max() == pytest.approx(1.0)
    np.testing.assert_allclose(radius[4:], 1.25)


def test_one_pair_and_no_component_larger_than_a_node() -> None:
    assert np.isfinite(layout(Graph("pair", 2, np.array([[0, 1]])))).all()
    assert np.isfinite(layout(Graph("loop", 2, np.array([[0, 0]])))).all()
