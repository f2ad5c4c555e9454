from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.graphs.erdos_renyi import ErdosRenyiSpec, bernoulli_indices, pairs_at
from tests.graphs.checks import fails


def test_positions_of_pairs_run_through_all_pairs_once() -> None:
    expected = sorted(combinations(range(40), 2), key=lambda pair: (pair[1], pair[0]))
    assert pairs_at(np.arange(40 * 39 // 2)).tolist() == [list(pair) for pair in expected]


@given(st.integers(0, 2 * 10**14))
def test_positions_of_pairs_are_exact_for_large_graphs(index: int) -> None:
    u, v = pairs_at(np.array([index]))[0].tolist()
    assert 0 <= u < v
    assert v * (v - 1) // 2 + u == index


@pytest.mark.parametrize(("total", "probability"), [(1000, 0.3), (1000, 0.01), (7, 0.5), (50, 1.0)])
def test_each_index_is_chosen_with_the_same_probability(total: int, probability: float) -> None:
    rounds = 2000
    hits = np.zeros(total)
    sizes = np.empty(rounds)
    generator = np.random.default_rng(0)
    for number in range(rounds):
        chosen = bernoulli_indices(total, probability, generator)
        assert (np.diff(chosen) > 0).all()
        hits[chosen] += 1
        sizes[number] = len(chosen)
    spread = np.sqrt(rounds * probability * (1 - probability))
    assert np.abs(hits - rounds * probability).max() <= 5 * spread
    # The number chosen is binomial: its mean and its variance.
    assert abs(sizes.mean() - total * probability) <= 5 * np.sqrt(total * probability * (1 - probability) / rounds)
    assert sizes.var() == pytest.approx(total * probability * (1 - probability), rel=0.2, abs=1e-12)


def test_certain_edges_give_the_complete_graph() -> None:
    graph = ErdosRenyiSpec(nodes=12, probability=1.0).build(0)
    assert {tuple(edge) for edge in graph.edges.tolist()} == set(combinations(range(12), 2))


def test_seed_decides_and_repeats() -> None:
    spec = ErdosRenyiSpec(nodes=60, probability=0.1)
    assert spec.build(1).edges.tolist() == spec.build(1).edges.tolist()
    assert spec.build(1).edges.tolist() != spec.build(2).edges.tolist()


def test_no_edge_drawn_is_said() -> None:
    fails(lambda: ErdosRenyiSpec(nodes=2, probability=1e-12).build(0), "erdos-renyi", "at least one edge")


def test_a_hundred_thousand_nodes() -> None:
    graph = ErdosRenyiSpec(nodes=100_000, probability=4e-5).build(0)
    expected = 4e-5 * 100_000 * 99_999 / 2
    assert abs(len(graph.edges) - expected) < 5 * np.sqrt(expected)
    assert len(np.unique(graph.edges, axis=0)) == len(graph.edges)
    assert (graph.edges[:, 0] < graph.edges[:, 1]).all()
