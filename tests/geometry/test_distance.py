from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from geomem.errors import InputError
from geomem.geometry.distance import (
    embedding_distances,
    hop_distances,
    measure_hop_distance,
    node_pairs,
    spearman,
)
from tests.geometry.samples import both, complete, cycle, grid, irregular, normal, path_star, rotation


def test_hops_against_networkx() -> None:
    lengths = dict(nx.all_pairs_shortest_path_length(nx.Graph(irregular().tolist())))
    hops = hop_distances(irregular(), 17)
    for u in range(16):
        for v in range(16):
            expected = lengths[u].get(v, np.inf)
            assert float(hops[u, v]) == expected
    assert torch.equal(hop_distances(irregular(), 17, torch.tensor([3, 9])), hops[[3, 9]])


def test_spearman_against_scipy() -> None:
    first, second = normal(200), (normal(200, seed=1) * 2).round()
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert spearman(first, torch.ones(200)) == 0


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_correlation_over_all_pairs_against_scipy(distance: str) -> None:
    from scipy.spatial.distance import pdist, squareform

    table, edges = normal(16, 4), grid(4, 4)
    upper = np.triu_indices(16, 1)
    hops = hop_distances(edges, 16).numpy()[upper]
    expected = spearmanr(squareform(pdist(table.numpy(), distance))[upper], hops).statistic
    found = measure_hop_distance(table, both(edges))
    assert found[distance] == pytest.approx(expected)
    assert found["pairs"] == 120
    assert found["sampled"] == 0
    assert found[f"{distance}_low"] < found[distance] < found[f"{distance}_high"]


def test_a_map_is_found_and_its_shuffles_are_not() -> None:
    places = torch.stack(torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij"), dim=-1).reshape(64, 2)
    found = measure_hop_distance(places @ rotation(6)[:2].float() + 5, grid(8, 8))
    assert found["euclidean"] > 0.9
    assert found["euclidean_low"] > 0.8
    assert abs(found["euclidean_control"]) < 0.1
    assert found["euclidean_control_high"] < 0.3


def test_large_tables_are_read_pair_by_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    table, pairs = normal(64, 4), node_pairs(grid(8, 8), 64)
    whole = [embedding_distances(table, pairs.first, pairs.second, name) for name in ("cosine", "euclidean")]
    monkeypatch.setattr("geomem.geometry.distance.TABLE_NODES", 10)
    for name, expected in zip(("cosine", "euclidean"), whole, strict=True):
        assert torch.allclose(embedding_distances(table, pairs.first, pairs.second, name), expected)


def test_unconnected_pairs_are_left_out() -> None:
    pairs = node_pairs(irregular(), 18)
    assert len(pairs.hops) == 12 * 11 // 2 + 4 * 3 // 2
    assert bool(pairs.hops.isfinite().all())


def test_sampled_pairs_are_right_seeded_and_say_so() -> None:
    edges, _ = path_star(300, 4)
    pairs = node_pairs(edges, 901, limit=4000)
    assert pairs.sampled
    assert 3500 < len(pairs.hops) <= 4000
    again = node_pairs(edges, 901, limit=4000)
    assert torch.equal(pairs.first, again.first)
    assert not torch.equal(pairs.second, node_pairs(edges, 901, limit=4000, seed=1).second)
    exact = hop_distances(edges, 901, pairs.first[:50])[torch.arange(50), pairs.second[:50]]
    assert torch.equal(exact, pairs.hops[:50])
    assert bool((pairs.first != pairs.second).all())


def test_cosine_and_euclidean_of_zero_rows() -> None:
    table = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    one, two = torch.tensor([0]), torch.tensor([1])
    assert float(embedding_distances(table, one, two, "cosine")) == 1
    assert float(embedding_distances(table, one, two, "euclidean")) == 5


def test_bad_input() -> None:
    with pytest.raises(InputError, match="equally far"):
        measure_hop_distance(normal(5, 2), complete(5))
    loops = torch.tensor([[0, 0], [1, 1]])
    with pytest.raises(InputError, match="equally far"):
        measure_hop_distance(normal(3, 2), loops)
    with pytest.raises(InputError, match="no two different nodes"):
        node_pairs(loops, 1000)


def test_collapsed_embeddings_show_nothing() -> None:
    found = measure_hop_distance(torch.ones(9, 3), cycle(9))
    assert found["euclidean"] == 0
    assert abs(found["cosine"]) < 1e-12
