from __future__ import annotations

import itertools
import math

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geomem.tasks.creativity import count_distinct
from geomem.tasks.edge_lists import EdgeLists

SHAPES = [(3, 3, 3), (4, 3, 3), (4, 4, 4), (4, 3, 2), (4, 4, 3), (5, 5, 4)]
"""Entities, nodes and edges: circles, then lines."""


def form(objects: EdgeLists, pairs: list[list[int]]) -> list[int]:
    """Write pairs as an answer."""
    row = [token for pair in pairs for token in (*pair, objects.vocabulary.separator)]
    return [*row[:-1], objects.vocabulary.end]


def right(objects: EdgeLists, row: list[int]) -> bool:
    """Read an answer and look at its graph."""
    marks = [objects.vocabulary.separator] * (objects.edges - 1) + [objects.vocabulary.end]
    if row[2::3] != marks or max(row[0::3] + row[1::3]) >= objects.entities:
        return False
    graph = nx.MultiGraph(zip(row[0::3], row[1::3], strict=True))
    degrees = sorted(degree for _, degree in graph.degree())
    ends = [] if objects.edges == objects.nodes else [1, 1]
    return degrees == ends + [2] * (objects.nodes - len(ends)) and nx.is_connected(graph)


def every_list(objects: EdgeLists) -> Tensor:
    """Every well-written list of pairs of entities."""
    ends = itertools.product(range(objects.entities), repeat=2 * objects.edges)
    return torch.tensor([form(objects, [list(one[k : k + 2]) for k in range(0, len(one), 2)]) for one in ends])


@pytest.mark.parametrize(("entities", "nodes", "edges"), [(3, 3, 3), (4, 3, 3), (4, 3, 2), (4, 4, 3)])
def test_every_list_is_judged_as_its_graph_says(entities: int, nodes: int, edges: int) -> None:
    objects = EdgeLists(entities, nodes, edges)
    rows = every_list(objects)
    coherent = objects.coherent(rows)
    assert coherent.tolist() == [right(objects, row) for row in rows.tolist()]
    assert int(coherent.sum()) == objects.count * objects.spellings
    assert count_distinct(objects.canonical(rows), coherent) == objects.count


def test_a_square_is_counted_right() -> None:
    """4 nodes: 3 circles, 4! orders of their edges, 2^4 directions; 48 patterns of 24 namings."""
    objects = EdgeLists(4, 4, 4)
    rows = every_list(objects)
    coherent = objects.coherent(rows)
    assert int(coherent.sum()) == 3 * 24 * 16 == objects.count * objects.spellings
    assert count_distinct(objects.canonical(rows), coherent) == objects.count == 48


def test_the_circles_through_five_nodes_are_twelve() -> None:
    found = {
        frozenset(frozenset((path[k], path[k - 1])) for k in range(5)) for path in itertools.permutations(range(5))
    }
    objects = EdgeLists(6, 5, 5)
    assert len(found) == 12
    assert objects.count * objects.spellings == math.comb(6, 5) * 12 * math.factorial(5) * 2**5
    assert objects.count == 384


def test_smaller_circles_do_not_pass() -> None:
    """Nine edges in all: three times one triangle, three triangles, a triangle and a circle of six."""
    objects = EdgeLists(10, 9, 9)

    def circle(*nodes: int) -> list[list[int]]:
        return [[one, two] for one, two in zip(nodes, (*nodes[1:], nodes[0]), strict=True)]

    bad = [
        circle(0, 1, 2) * 3,
        circle(0, 1, 2) + circle(3, 4, 5) + circle(6, 7, 8),
        circle(0, 1, 2) + circle(3, 4, 5, 6, 7, 8),
        [*circle(0, 1, 2, 3, 4, 5, 6, 7), [8, 8]],
        circle(0, 1, 2, 3, 4, 5, 6) + circle(7, 8),
    ]
    rows = torch.tensor([form(objects, pairs) for pairs in [circle(*range(9)), *bad]])
    assert objects.coherent(rows).tolist() == [True] + [False] * 5


def test_a_short_circle_that_ends_early_does_not_pass() -> None:
    objects = EdgeLists(10, 9, 9)
    end, separator, filler = objects.vocabulary.end, objects.vocabulary.separator, objects.vocabulary.filler
    row = [0, 1, separator, 1, 2, separator, 2, 0, end] + [filler] * 18
    assert objects.coherent(torch.tensor([row])).tolist() == [False]


@pytest.mark.parametrize(("entities", "nodes", "edges"), SHAPES)
def test_examples_are_coherent_and_go_one_way(entities: int, nodes: int, edges: int) -> None:
    objects = EdgeLists(entities, nodes, edges)
    rows = objects.draw(300, np.random.default_rng(1))
    assert bool(objects.coherent(rows).all())
    for row in rows[:50].tolist():
        assert right(objects, row)
        graph = nx.DiGraph(zip(row[0::3], row[1::3], strict=True))
        assert max(degree for _, degree in graph.out_degree()) == 1
        assert max(degree for _, degree in graph.in_degree()) == 1


@pytest.mark.parametrize(("entities", "nodes", "edges"), [(4, 3, 3), (4, 3, 2)])
def test_all_examples_are_drawn_alike_often(entities: int, nodes: int, edges: int) -> None:
    objects = EdgeLists(entities, nodes, edges)
    rows = objects.draw(24_000, np.random.default_rng(0))
    counts = torch.tensor(sorted(map(len, _groups(rows.tolist()))), dtype=torch.float64)
    total = math.comb(4, 3) * (2 * 6 if edges == 3 else 6 * 2)
    assert len(counts) == total
    expected = len(rows) / total
    statistic = float(((counts - expected) ** 2 / expected).sum())
    assert statistic < total - 1 + 5 * math.sqrt(2 * (total - 1))  # chi-squared, five standard deviations


def _groups(rows: list[list[int]]) -> list[list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(tuple(row), []).append(place)
    return list(groups.values())


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 26), st.integers(0, 13))
def test_any_token_in_any_place_is_judged_as_read(seed: int, place: int, token: int) -> None:
    objects = EdgeLists(10, 9, 9)
    rows = objects.draw(1, np.random.default_rng(seed))
    rows[0, place] = token
    assert objects.coherent(rows).tolist() == [right(objects, rows[0].tolist())]


@settings(deadline=None)
@given(st.integers(0, 10**6), st.permutations(range(10)))
def test_a_new_naming_is_the_same_pattern_and_another_order_is_not(seed: int, names: list[int]) -> None:
    objects = EdgeLists(10, 9, 9)
    rows = objects.draw(2, np.random.default_rng(seed))
    table = torch.tensor([*names, *range(10, objects.vocabulary.size)])
    assert torch.equal(objects.canonical(table[rows]), objects.canonical(rows))
    assert bool(objects.coherent(table[rows]).all())
    turned = rows.clone()
    turned[:, [0, 1]] = rows[:, [1, 0]]
    assert bool(objects.coherent(turned).all())
