from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.paths import (
    first_hop_retrieval,
    leaf_first_hop_distances,
    measure_leaf_first_hop,
    measure_path_distance,
    path_path_distances,
)
from geomem.geometry.vectors import row_chunks
from tests.geometry.samples import normal, path_star


def clustered(paths: Tensor, noise: float) -> Tensor:
    """Every path has its own direction; nodes scatter around it."""
    count = int(paths.max()) + 1
    table = noise * normal(count, 2 * len(paths))
    table[paths[:, 1:], torch.arange(len(paths))[:, None]] += 1
    return table


def test_distance_matrices_against_loops() -> None:
    _, paths = path_star(5, 4)
    table = normal(16, 6)
    hop, path = leaf_first_hop_distances(table, paths), path_path_distances(table, paths)
    for i, j in itertools.product(range(5), range(5)):
        assert float(hop[i, j]) == pytest.approx(cosine(table[paths[i, -1]], table[paths[j, 1]]))
        inner, outer = paths[i, 1:].tolist(), paths[j, 1:].tolist()
        pairs = list(itertools.combinations(inner, 2) if i == j else itertools.product(inner, outer))
        assert float(path[i, j]) == pytest.approx(np.mean([cosine(table[u], table[v]) for u, v in pairs]))


def test_scalars_are_the_means_of_the_matrices() -> None:
    _, paths = path_star(7, 4)
    table, held_out = normal(22, 6), torch.arange(7) >= 5
    hop, path = leaf_first_hop_distances(table, paths), path_path_distances(table, paths)
    off = ~torch.eye(7, dtype=torch.bool)
    found = measure_leaf_first_hop(table, paths, held_out)
    assert found["own"] == pytest.approx(float(hop.diagonal().mean()))
    assert found["other"] == pytest.approx(float(hop[off].mean()))
    assert found["held_out_other"] == pytest.approx(float(hop[5:][off[5:]].mean()))
    within = measure_path_distance(table, paths)
    assert within["within"] == pytest.approx(float(path.diagonal().mean()))
    assert within["between"] == pytest.approx(float(path[off].mean()))
    chosen = leaf_first_hop_distances(table, paths, held_out)
    assert torch.allclose(chosen, hop[5:, 5:])


def test_retrieval_against_a_loop_over_all_first_hops(monkeypatch: pytest.MonkeyPatch) -> None:
    _, paths = path_star(40, 3)
    table, held_out = clustered(paths, 0.15).float(), torch.arange(40) % 4 == 0
    nearest = leaf_first_hop_distances(table, paths).argmin(1)
    right = (nearest == torch.arange(40)).double()
    assert 0.2 < float(right.mean()) < 1
    # Chunks of a few rows must not change anything.
    monkeypatch.setattr("geomem.geometry.paths.row_chunks", lambda rows, width: row_chunks(rows, width, 100))
    found = measure_leaf_first_hop(table, paths, held_out)
    assert found["retrieval"] == pytest.approx(float(right.mean()))
    assert found["held_out_retrieval"] == pytest.approx(float(right[held_out].mean()))
    assert found["train_retrieval"] == pytest.approx(float(right[~held_out].mean()))
    assert found["chance"] == 1 / 40
    restricted = leaf_first_hop_distances(table, paths, held_out).argmin(1) == torch.arange(10)
    assert found["held_out_restricted"] == pytest.approx(float(restricted.double().mean()))
    assert found["held_out_restricted_chance"] == 1 / 10


def test_geometry_is_seen_and_collapse_is_chance() -> None:
    _, paths = path_star(30, 4)
    found = measure_leaf_first_hop(clustered(paths, 0.01), paths)
    assert found["retrieval"] == 1
    assert found["median_rank"] == 0
    assert found["gap"] < -0.9
    flat = measure_leaf_first_hop(torch.ones(91, 5), paths)
    assert flat["retrieval"] == pytest.approx(flat["chance"])
    assert flat["gap"] == pytest.approx(0)


def test_tree_star_paths_share_first_hops() -> None:
    tree = torch.tensor([[0, 1, 2], [0, 1, 3], [0, 4, 5]])
    table = torch.eye(6)[[0, 1, 1, 1, 4, 4]]
    found = first_hop_retrieval(table, tree)
    assert found.candidates == 2
    assert found.rate == 1


def test_bad_input() -> None:
    _, paths = path_star(3, 3)
    with pytest.raises(InputError, match=r"outside 0\.\.4"):
        leaf_first_hop_distances(normal(5, 2), paths)
    with pytest.raises(InputError, match="at least 3 nodes"):
        path_path_distances(normal(7, 2), paths[:, :2])
    with pytest.raises(InputError, match="candidates"):
        first_hop_retrieval(normal(7, 2), paths, paths[:2, 1])


def test_ten_thousand_arms_need_no_ten_thousand_squared() -> None:
    _, paths = path_star(10_000, 3)
    table = normal(20_001, 16).float()
    table[paths[:, -1]] = table[paths[:, 1]]
    assert first_hop_retrieval(table, paths).rate == 1
    assert measure_path_distance(table, paths)["within"] == pytest.approx(0, abs=1e-6)
