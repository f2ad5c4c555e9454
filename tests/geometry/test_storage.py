from __future__ import annotations

import math

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.memorisation import top_degree_recovery
from geomem.geometry.storage import (
    associative_bits,
    associative_norm,
    cycle_storage,
    geometric_bits,
    lookup_embedding,
    measure_storage,
    path_star_storage,
)
from tests.geometry.samples import both, cycle, irregular, path_star, with_self_edges


def test_path_star_against_explicit_constructions() -> None:
    arms, length = 8, 5
    edges, paths = path_star(arms, length)
    count = arms * (length - 1) + 1
    # Geometric: the node at depth j of arm i sits at j on axis i. Cells per axis and axes are counted, not assumed.
    places = torch.zeros(count, arms)
    for arm in range(arms):
        places[paths[arm], arm] = torch.arange(length, dtype=torch.float32)
    cells = {len(axis.unique()) for axis in places.T}
    assert cells == {length}
    found = path_star_storage(arms, length, projected=False)
    assert found.geometric_bits == pytest.approx(count * places.shape[1] * math.log2(length))
    # Associative: one node name for every edge; the norm is that of the adjacency matrix, one direction.
    adjacency = torch.zeros(count, count)
    adjacency[edges[:, 0], edges[:, 1]] = 1
    assert found.associative_bits == pytest.approx(len(edges) * math.log2(count))
    assert found.associative_norm == pytest.approx(float(adjacency.norm()))
    projected = path_star_storage(arms, length, projected=True)
    assert projected.geometric_bits == pytest.approx(found.geometric_bits / arms * math.log2(arms))


@pytest.mark.parametrize("count", [4, 15, 100, 10**6])
def test_cycle_ratios_stay_between_one_and_two(count: int) -> None:
    found = cycle_storage(count)
    assert found.geometric_bits == pytest.approx(2 * count * math.log2(count / 2))
    assert 1 <= found.bits_ratio < 2
    assert found.norm_ratio == pytest.approx(1)


def test_directions_and_tables_double() -> None:
    assert associative_bits(7, 5, directions=2) == 2 * associative_bits(7, 5)
    assert geometric_bits(7, 3, 4, tables=2) == 2 * geometric_bits(7, 3, 4) == 2 * 7 * 3 * 2
    assert associative_norm(8, directions=2) == pytest.approx(4)


def test_look_up_embedding_stores_every_edge() -> None:
    edges = irregular()
    table = lookup_embedding(with_self_edges(both(edges), 16), 16)
    assert table.shape == (16, len(edges))
    products = table @ table.T
    degrees = torch.bincount(edges.flatten(), minlength=16)
    assert torch.equal(products.diagonal(), degrees.double())
    off = products - products.diagonal().diag()
    assert top_degree_recovery(off, both(edges), cap=None) == 1
    assert set(off.flatten().tolist()) == {0.0, 1.0}
    assert float(table.norm()) == pytest.approx(associative_norm(len(edges), directions=2))


def test_measurement_does_not_count_directions_twice() -> None:
    one, two = measure_storage(cycle(15), 15), measure_storage(both(cycle(15)), 15)
    assert one == two
    assert one["norm_ratio"] == pytest.approx(1 / math.sqrt(2))


def test_bad_input() -> None:
    with pytest.raises(InputError, match="at least 2 arms"):
        path_star_storage(1, 5, projected=False)
    with pytest.raises(InputError, match="at least 4 nodes"):
        cycle_storage(3)
