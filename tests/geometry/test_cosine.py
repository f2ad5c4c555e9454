from __future__ import annotations

import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from geomem.geometry.cosine import (
    CosineLevel,
    adjacency_map,
    all_pairs_cosine,
    cosine_level,
    measure_cosine_level,
    node_cosine_map,
    star_order,
)
from tests.geometry.samples import both, cycle, irregular, normal, path_star, rotation, with_self_edges


def test_level_against_scikit_learn_and_invariances() -> None:
    table, edges = normal(16, 5), both(irregular())
    full = cosine_similarity(table.numpy())
    expected = full[edges[:, 0], edges[:, 1]].mean()
    assert float(cosine_level(table, edges)) == pytest.approx(expected)
    assert float(cosine_level(3 * table @ rotation(5), edges)) == pytest.approx(expected)
    assert float(all_pairs_cosine(table)) == pytest.approx((full.sum() - 16) / (16 * 15))


def test_zig_zag_is_negative_and_collapse_shows_in_the_control() -> None:
    sign = torch.tensor([1.0, -1.0]).repeat(4)[:, None]
    assert float(cosine_level(sign, cycle(8))) == -1.0
    collapsed = measure_cosine_level(torch.ones(8, 3), cycle(8))
    assert collapsed["level"] == pytest.approx(1.0)
    assert collapsed["all_pairs"] == pytest.approx(1.0)


def test_measurement_handles_self_edges_and_zero_vectors() -> None:
    table = normal(16, 5)
    table[3] = 0
    edges = both(irregular())
    found = measure_cosine_level(table, with_self_edges(edges, 16))
    assert found["neighbours"] == pytest.approx(float(cosine_level(table, edges)))
    assert found["level"] == pytest.approx((found["neighbours"] * 40 + 15) / 56)
    assert found["neighbours_low"] < found["neighbours"] < found["neighbours_high"]


def test_interval_does_not_shrink_when_both_directions_are_given() -> None:
    table, edges = normal(16, 5), irregular()
    one, two = measure_cosine_level(table, edges), measure_cosine_level(table, both(edges))
    assert one["neighbours_low"] == pytest.approx(two["neighbours_low"])


def test_streaming_equals_exact_and_merges() -> None:
    table, edges = normal(16, 5).float(), irregular()
    shards = [CosineLevel(), CosineLevel()]
    for place, part in enumerate(edges.split(3)):
        shards[place % 2].update(table[part[:, 0]], table[part[:, 1]])
    shards[0].merge_state(shards[1])
    assert torch.allclose(shards[0].compute(), cosine_level(table, edges), atol=1e-12)
    found = measure_cosine_level(table, edges)
    assert shards[0].interval() == pytest.approx((found["neighbours_low"], found["neighbours_high"]))


def test_maps_in_star_order() -> None:
    edges, paths = path_star(4, 5)
    order = star_order(paths)
    assert order.tolist() == [int(paths[0, 0]), *paths[:, 1:].flatten().tolist()]
    picture = node_cosine_map(normal(17, 6), order)
    assert bool(picture.diagonal().isnan().all())
    assert float(picture.nan_to_num().abs().max()) <= 1
    beside = adjacency_map(edges, order)
    assert torch.equal(beside, beside.T)
    assert beside.sum() == 2 * len(edges)
    # Arm after arm: the leaf of one arm is no neighbour of the next arm's first hop.
    assert beside[4, 5] == 0
    assert beside[0, [1, 5, 9, 13]].tolist() == [1, 1, 1, 1]


def test_star_order_names_shared_nodes_once() -> None:
    tree = torch.tensor([[0, 1, 2], [0, 1, 3], [0, 4, 5]])
    assert star_order(tree).tolist() == [0, 1, 2, 3, 4, 5]
